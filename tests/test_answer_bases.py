"""Answers are letters, words, numbers from 0, numbers from 1 or texts of those: each base on fixtures and real rows."""

import gzip
import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sources.connectors import (
    careqa,
    careqa_hub,
    covid_question_pairs,
    frenchmedmcqa,
    frenchmedmcqa_hub,
    headqa,
    headqa_hub,
    headqa_openlifescience,
    medmcqa,
    medmcqa_hub,
    medmcqa_sample,
    medqa,
    medqa_bigbio,
    medqa_gbaker,
    medqa_gbaker_hf,
    medqa_hpai,
    medqa_openlifescience,
    mmlu,
    mmlu_hub,
    mmlu_medical,
    pubmedqa,
    pubmedqa_hpai,
    pubmedqa_labelled,
    rqe,
)
from sources.fetch.mirror import mirrored
from sources.read import read
from sources.record import Malformed, Record

FIXTURES = Path(__file__).parent / "fixtures" / "mirror"
DATA = Path(os.environ.get("SABILA_MIRROR") or Path(__file__).parents[2] / "shared" / "data")
real = pytest.mark.skipif(not DATA.is_dir(), reason=f"needs the real corpora, which are not in {DATA}")

TRUTH = {
    "letters of a dict": (careqa.CAREQA, ["Too high.", "Spontaneous recovery."]),
    "letters, five options": (medqa_bigbio.MEDQA_BIGBIO, ["Duodenum", "Superior mesenteric artery"]),
    "letters, four options": (medqa_gbaker.MEDQA_GBAKER, ["Duodenum", "Superior mesenteric artery"]),
    "letters, nested": (
        medqa_openlifescience.MEDQA_OPENLIFESCIENCE,
        ["Duodenum", "Antibodies to cyclic citrullinated peptide"],
    ),
    "letters, nested, four or five options": (
        headqa_openlifescience.HEADQA_OPENLIFESCIENCE,
        ["The gallbladder.", "Pneumothorax."],
    ),
    "letters for words": (pubmedqa_hpai.PUBMEDQA_HPAI, ["yes"]),
    "lists of lower-case letters": (
        frenchmedmcqa.FRENCHMEDMCQA,
        ["Est liposoluble; Intervient dans la coagulation", "Est un anti-inflammatoire puissant"],
    ),
    "lists of lower-case letters, zipped": (
        frenchmedmcqa_hub.FRENCHMEDMCQA_HUB,
        ["Est liposoluble; Intervient dans la coagulation", "Est un anti-inflammatoire puissant"],
    ),
    "numbers from 1": (medmcqa.MEDMCQA_DEV, ["Supraclavicular nerve", "Ethosuximide", "Psoriasis"]),
    "numbers from 1, CareQA on the Hub": (careqa_hub.CAREQA_HUB_EN, ["Too high.", "Spontaneous recovery."]),
    "text of a number from 1": (headqa.HEADQA_EN, ["The gallbladder.", "Beta cells.", "Pneumothorax."]),
    "number from 1 among numbers": (
        headqa_hub.HEADQA_HUB_ES,
        ["La vesícula biliar.", "Las células beta.", "Neumotórax."],
    ),
    "numbers from 0": (
        medmcqa_hub.MEDMCQA_HUB,
        ["Phenylalanine hydroxylase", "Vasopressin", "Mitral and tricuspid valves"],
    ),
    "numbers from 0, SWAG": (
        medqa_gbaker_hf.MEDQA_GBAKER_HF,
        ["Duodenum", "Subepithelial humps"],
    ),
    "numbers from 0, list of choices": (
        mmlu_hub.MMLU_HUB,
        ["Supraclavicular nerve", "Ethosuximide", "Posterior tibial artery", "Phenylalanine hydroxylase"],
    ),
    "numbers from 0, nested": (mmlu_hub.MMLU_AUXILIARY, ["less dense", "light"]),
    "words": (pubmedqa.PUBMEDQA, ["yes", "no", "maybe", "yes"]),
    "words, Hub": (pubmedqa_labelled.PUBMEDQA_LABELLED, ["yes", "no", "maybe", "yes"]),
    "true and false": (rqe.RQE, ["yes", "no"]),
    "1 and 0": (covid_question_pairs.COVID_QUESTION_PAIRS, ["yes", "no"]),
}


def rows_of(corpus, mirror=FIXTURES):
    return [row for file in mirrored(corpus, mirror) for row in read(corpus, file)]


@pytest.mark.parametrize(("corpus", "answers"), TRUTH.values(), ids=TRUTH)
def test_the_right_option_is_found_on_fixture_rows(corpus, answers):
    rows = rows_of(corpus)
    assert [row.answer for row in rows] == answers
    assert ["; ".join(row.options[i] for i in row.gold) for row in rows] == answers


def test_letters_of_a_csv_without_header_are_found_by_row():
    answers = {row.id: row.answer for row in rows_of(mmlu.MMLU)}
    assert answers["mmlu:virology_dev-1"] == "Coxsackievirus A16, mostly"
    assert answers["mmlu:virology_dev-3"] == "Psoriasis"  # the first row takes two lines
    assert answers["mmlu:anatomy_test-2"] == "Posterior tibial artery"


def test_a_hidden_answer_of_minus_one_leaves_gold_empty():
    rows = rows_of(medmcqa_hub.MEDMCQA_HUB_HELD_OUT)
    assert [(row.split, row.gold, row.answer) for row in rows] == [
        ("test", (), None),
        ("test", (), None),
        ("validation", (1,), "Supraclavicular nerve"),
        ("validation", (0,), "Ethosuximide"),
    ]


# --- what is no answer at all: the row is set aside and says why ------------------------------------------------------


def one_malformed(corpus, mirror):
    (row,) = rows_of(corpus, mirror)
    assert isinstance(row, Malformed), row
    return row


def medmcqa_row(**changes):
    row = {
        "id": "a",
        "question": "Which organ makes bile?",
        "opa": "Liver",
        "opb": "Spleen",
        "opc": "Lung",
        "opd": "Skin",
    }
    return {**row, "cop": 0, "exp": None, "subject_name": "", "topic_name": None, "choice_type": "single", **changes}


def write_line(folder, row):
    path = folder / "medmcqa" / "data" / "dev.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(row) + "\n")


def write_hub_row(folder, row):
    path = folder / "medmcqa_hub" / "data" / "train-00000-of-00001.parquet"
    path.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist([row]), path)


def test_a_number_from_1_where_0_is_the_base_is_out_of_range(tmp_path):
    write_hub_row(tmp_path, medmcqa_row(cop=4))
    row = one_malformed(medmcqa_hub.MEDMCQA_HUB, tmp_path)
    assert row.error == "gold is 4, expected a position among 4 options, from 0"
    assert (row.file, row.line) == ("data/train-00000-of-00001.parquet", 1)
    assert "Which organ makes bile?" in row.text


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"cop": 0}, "gold is -1, expected a position among 4 options, from 0"),
        ({"cop": 5}, "gold is 4, expected a position among 4 options, from 0"),
        ({"cop": "b"}, "invalid literal for int() with base 10: 'b'"),
        ({"cop": 1, "question": None}, "message is None, expected text"),
        ({"cop": 1, "opc": 12}, "option is 12, expected text"),
    ],
)
def test_a_wrong_base_or_type_is_set_aside(tmp_path, changes, error):
    write_line(tmp_path, medmcqa_row(**changes))
    assert one_malformed(medmcqa.MEDMCQA_DEV, tmp_path).error == error


def test_a_missing_field_is_named(tmp_path):
    row = medmcqa_row()
    del row["opd"]
    write_line(tmp_path, row)
    assert one_malformed(medmcqa.MEDMCQA_DEV, tmp_path).error.startswith("missing field 'opd'; found id, question, opa")


@pytest.mark.parametrize(("ra", "shown"), [("0", "'0'"), ("5", "'5'"), ("", "''")])
def test_a_headqa_answer_that_no_option_bears_is_set_aside(tmp_path, ra, shown):
    answers = [{"aid": n, "atext": text} for n, text in enumerate(("Liver", "Spleen", "Lung", "Skin"), 1)]
    question = {"qid": "1", "qtext": "Which organ makes bile?", "ra": ra, "answers": answers, "image": ""}
    exam = {"name": "E", "category": "biology", "year": "2013", "data": [question]}
    path = tmp_path / "headqa" / "HEAD_EN" / "train_HEAD_EN.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"exams": {"E": exam}}))
    assert one_malformed(headqa.HEADQA_EN, tmp_path).error == f"answer is {shown}, expected one of 1, 2, 3, 4"


# --- every real row, against the raw file or a second copy that uses another base -------------------------------------


def records_of(corpus):
    rows = rows_of(corpus, DATA)
    assert all(isinstance(row, Record) for row in rows)
    return rows


def raw_json(name):
    return json.loads(gzip.decompress((DATA / name).read_bytes()))


def raw_lines(name):
    return [json.loads(line) for line in gzip.decompress((DATA / name).read_bytes()).splitlines()]


@real
def test_medmcqa_numbers_from_1_agree_with_the_letters_of_the_prompt_engine():
    numbered, lettered = records_of(medmcqa.MEDMCQA_DEV), records_of(medmcqa_sample.MEDMCQA_VALIDATION)
    assert [row.gold for row in numbered] == [row.gold for row in lettered]
    assert len(numbered) == 4_183
    assert {row["cop"] for row in raw_lines("medmcqa/data/dev.json.gz")} == {1, 2, 3, 4}


@real
@pytest.mark.parametrize(
    ("corpus", "path"),
    [
        (medqa.MEDQA, "medqa/data_clean/questions/US/{}.jsonl.gz"),
        (medqa.MEDQA_4_OPTIONS, "medqa/data_clean/questions/US/4_options/phrases_no_exclude_{}.jsonl.gz"),
    ],
)
def test_medqa_letters_name_the_text_that_each_row_gives_as_its_answer(corpus, path):
    stated = [row["answer"] for split in ("test", "dev") for row in raw_lines(path.format(split))]
    assert [row.answer for row in records_of(corpus)] == stated
    assert len(stated) == 2_545


@real
def test_medqa_letters_agree_with_the_prompt_engine():
    assert [row.gold for row in records_of(medqa.MEDQA_4_OPTIONS)] == [
        row.gold for row in records_of(medqa_hpai.MEDQA_HPAI)
    ]


@real
@pytest.mark.parametrize(
    ("source", "benchmark", "path"),
    [
        (headqa.HEADQA_EN, headqa.HEADQA_EN_HELD_OUT, "headqa/HEAD_EN/{}_HEAD_EN.json.gz"),
        (headqa.HEADQA_ES, headqa.HEADQA_ES_HELD_OUT, "headqa/HEAD/{}_HEAD.json.gz"),
    ],
)
def test_headqa_texts_of_numbers_from_1_pick_the_option_that_bears_the_number(source, benchmark, path):
    exams = [exam for split in ("train", "test", "dev") for exam in raw_json(path.format(split))["exams"].values()]
    asked = [question for exam in exams for question in exam["data"]]
    stated = [next(a["atext"] for a in q["answers"] if a["aid"] == int(q["ra"])) for q in asked]
    assert [row.answer for row in [*records_of(source), *records_of(benchmark)]] == stated
    assert min(int(q["ra"]) for q in asked) == 1
    assert any(int(q["ra"]) == len(q["answers"]) for q in asked), "from 0, the last option could not be right"


@real
@pytest.mark.parametrize(
    ("corpus", "names"),
    [
        (careqa.CAREQA, ["careqa/careqa_test"]),
        (medmcqa_sample.MEDMCQA_SAMPLE, ["medmcqa/medmcqa_val"]),
        (pubmedqa_hpai.PUBMEDQA_HPAI_HELD_OUT, ["pubmedqa/pubmedqa_test", "pubmedqa/pubmedqa_val"]),
    ],
)
def test_prompt_engine_letters_pick_the_option_under_the_letter(corpus, names):
    raw = [row for name in names for row in raw_json(f"hpai_prompt_engine/{name}.json.gz").values()]
    assert [row.answer for row in records_of(corpus)] == [row["options"][row["correct_answer"]] for row in raw]


@real
def test_mmlu_letters_of_csv_and_dict_agree_on_the_six_medical_subjects():
    csv = {(row.messages, row.options): row.answer for row in records_of(mmlu.MMLU)}
    medical = records_of(mmlu_medical.MMLU_MEDICAL)
    found = [csv[row.messages, row.options] == row.answer for row in medical if (row.messages, row.options) in csv]
    assert all(found)
    assert (len(medical), len(found)) == (1_212, 1_206), "six questions were edited"


@real
@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_frenchmedmcqa_lists_of_letters_pick_as_many_options_as_stated(split):
    corpus = frenchmedmcqa.FRENCHMEDMCQA if split == "train" else frenchmedmcqa.FRENCHMEDMCQA_HELD_OUT
    raw = raw_json(f"frenchmedmcqa/corpus/{'dev' if split == 'validation' else split}.json.gz")
    rows = [row for row in records_of(corpus) if row.split == split]
    assert [{row.options[i] for i in row.gold} for row in rows] == [
        {r["answers"][x] for x in r["correct_answers"]} for r in raw
    ]
    assert [len(row.gold) for row in rows] == [r["nbr_correct_answers"] for r in raw]


@real
def test_pubmedqa_words_agree_with_the_letters_of_the_prompt_engine():
    words = {row.messages: row.answer for row in records_of(pubmedqa.PUBMEDQA)}
    lettered = [*records_of(pubmedqa_hpai.PUBMEDQA_HPAI), *records_of(pubmedqa_hpai.PUBMEDQA_HPAI_HELD_OUT)]
    assert [words[row.messages] for row in lettered] == [row.answer for row in lettered]
    assert len(lettered) == 1_000
