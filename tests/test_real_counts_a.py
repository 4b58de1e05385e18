"""Multiple-choice and question-answering corpora, read from the real files: every row count, copy and overlap.

Reads ``../shared/data`` beside the repository, or the folder that SABILA_MIRROR names.
"""

import os
import re
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path

import pytest

from sources.connectors.careqa import CAREQA
from sources.connectors.covid_faq import COVID_FAQ
from sources.connectors.covid_qa import COVID_QA, PASSAGE_CHARS
from sources.connectors.covid_question_pairs import COVID_QUESTION_PAIRS
from sources.connectors.frenchmedmcqa import FRENCHMEDMCQA, FRENCHMEDMCQA_HELD_OUT
from sources.connectors.genmedgpt5k import GENMEDGPT5K
from sources.connectors.genmedgpt_diseases import GENMEDGPT_DISEASES
from sources.connectors.headqa import HEADQA_EN, HEADQA_EN_HELD_OUT, HEADQA_ES, HEADQA_ES_HELD_OUT
from sources.connectors.icliniq_answers import ICLINIQ_ANSWERS
from sources.connectors.medinstruct_seed import MEDINSTRUCT_SEED
from sources.connectors.medinstruct_test import MEDINSTRUCT_TEST
from sources.connectors.medmcqa import MEDMCQA_DEV
from sources.connectors.medmcqa_sample import MEDMCQA_SAMPLE, MEDMCQA_VALIDATION
from sources.connectors.medqa import MEDQA, MEDQA_4_OPTIONS
from sources.connectors.medqa_hpai import MEDQA_HPAI
from sources.connectors.medquad import MEDQUAD
from sources.connectors.meqsum import MEQSUM
from sources.connectors.mmlu import MMLU
from sources.connectors.mmlu_medical import MMLU_MEDICAL
from sources.connectors.openmedqa import OPENMEDQA
from sources.connectors.pubmedqa import PUBMEDQA, PUBMEDQA_TEST
from sources.connectors.pubmedqa_hpai import PUBMEDQA_HPAI, PUBMEDQA_HPAI_HELD_OUT
from sources.connectors.rqe import RQE, RQE_TEST
from sources.connectors.wikidoc_patient_information import WIKIDOC_PATIENT_INFORMATION
from sources.fetch.mirror import mirrored
from sources.formats.archives import members
from sources.read import read
from sources.record import Malformed, Record

MIRROR = Path(os.environ.get("SABILA_MIRROR") or Path(__file__).parents[2] / "shared" / "data")
pytestmark = pytest.mark.skipif(
    not MIRROR.is_dir(), reason=f"no real data in {MIRROR}; set SABILA_MIRROR to its folder"
)

MEDICAL_SUBJECTS = {
    "anatomy",
    "clinical_knowledge",
    "college_biology",
    "college_medicine",
    "medical_genetics",
    "professional_medicine",
}

# Rows by file, malformed ones included.
COUNTS = [
    (MEDMCQA_SAMPLE, {"medmcqa/medmcqa_val.json": 10_000}),
    (MEDMCQA_VALIDATION, {"medmcqa/medmcqa_test.json": 4_183}),
    (MEDMCQA_DEV, {"data/dev.json": 4_183}),
    (MEDQA, {"data_clean/questions/US/dev.jsonl": 1_272, "data_clean/questions/US/test.jsonl": 1_273}),
    (
        MEDQA_4_OPTIONS,
        {
            "data_clean/questions/US/4_options/phrases_no_exclude_dev.jsonl": 1_272,
            "data_clean/questions/US/4_options/phrases_no_exclude_test.jsonl": 1_273,
        },
    ),
    (MEDQA_HPAI, {"medqa_4opt/medqa_4opt_val.json": 1_272, "medqa_4opt/medqa_4opt_test.json": 1_273}),
    (HEADQA_EN, {"HEAD_EN/train_HEAD_EN.json": 2_657}),
    (HEADQA_EN_HELD_OUT, {"HEAD_EN/dev_HEAD_EN.json": 1_366, "HEAD_EN/test_HEAD_EN.json": 2_742}),
    (HEADQA_ES, {"HEAD/train_HEAD.json": 2_657}),
    (HEADQA_ES_HELD_OUT, {"HEAD/dev_HEAD.json": 1_366, "HEAD/test_HEAD.json": 2_742}),
    (CAREQA, {"careqa/careqa_test.json": 5_621}),
    (FRENCHMEDMCQA, {"corpus/train.json": 2_171}),
    (FRENCHMEDMCQA_HELD_OUT, {"corpus/dev.json": 312, "corpus/test.json": 622}),
    (PUBMEDQA, {"data/ori_pqal.json": 1_000}),
    (PUBMEDQA_TEST, {"data/ori_pqal.json": 500}),
    (PUBMEDQA_HPAI, {"pubmedqa/pubmedqa_train.json": 450}),
    (PUBMEDQA_HPAI_HELD_OUT, {"pubmedqa/pubmedqa_val.json": 50, "pubmedqa/pubmedqa_test.json": 500}),
    (OPENMEDQA, {"openmedqa/openmedqa_test.json": 1_272}),
    (COVID_QA, {"data/question-answering/200423_covidQA.json": 1_380}),
    (COVID_FAQ, {"data/faqs/faq_covidbert.csv": 213}),
    (COVID_QUESTION_PAIRS, {"data/eval_question_similarity_en.csv": 488}),
    (MEQSUM, {"MeQSum_ACL2019_BenAbacha_Demner-Fushman.xlsx": 1_000}),
    (RQE, {"RQE_Train_8588_AMIA2016.xml": 8_588}),
    (RQE_TEST, {"RQE_Test_302_pairs_AMIA2016.xml": 302}),
    (GENMEDGPT5K, {"chatdoctor5k.json": 5_452}),
    (GENMEDGPT_DISEASES, {"format_dataset.csv": 796}),
    (WIKIDOC_PATIENT_INFORMATION, {"medical_meadow_small.json": 5_942}),
    (MEDINSTRUCT_SEED, {"data/med_seed.json": 167}),
    (MEDINSTRUCT_TEST, {"data/MedInstruct-test.jsonl": 216}),
    (ICLINIQ_ANSWERS, {"data/reference_outputs/gpt-4/iCliniq_output.jsonl": 1_000}),
    (
        MEDQUAD,
        {"medquad_xml_collections_1-9.tar": 16_428, "medquad_xml_collection_12_emptied_answers.tar": 792},
    ),
]
BY_NAME = {corpus.name: corpus for corpus, _ in COUNTS} | {MMLU.name: MMLU, MMLU_MEDICAL.name: MMLU_MEDICAL}


@cache
def rows_of(name):
    corpus = BY_NAME[name]
    return [row for file in mirrored(corpus, MIRROR) for row in read(corpus, file)]


def records(corpus, split=None):
    """The records of a corpus, or of one split of it, in the order of the files."""
    rows = [row for row in rows_of(corpus.name) if isinstance(row, Record)]
    return [row for row in rows if split in (None, row.split)]


def normal(text):
    return re.sub(r"[^a-z0-9]+", " ", text.lower()).strip()


def asked(row):
    return row.messages[-1].content


def stem(row):
    return normal(asked(row))


def stem_and_answer(row):
    return stem(row), normal(row.answer)


def stem_and_options(row):
    return stem(row), tuple(sorted(map(normal, row.options)))


def repeated(rows, key):
    keys = [key(row) for row in rows]
    return len(keys) - len(set(keys))


def overlap(rows, others, key):
    """Rows of the first set that share ``key`` with the second, and how many different ones they are."""
    known = {key(row) for row in others}
    found = [key(row) for row in rows if key(row) in known]
    return len(found), len(set(found))


# --- rows by file -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("corpus", "counts"), COUNTS, ids=[corpus.name for corpus, _ in COUNTS])
def test_rows_of_each_file(corpus, counts):
    assert Counter(row.file for row in rows_of(corpus.name)) == counts
    assert corpus.published_rows == sum(counts.values())


def test_mmlu_rows_of_57_subjects_and_of_the_six_medical_ones():
    rows = records(MMLU)
    assert Counter(row.split for row in rows) == {"dev": 285, "validation": 1_542, "test": 14_079}
    assert len({row.meta["subject"] for row in rows}) == 57
    medical = Counter(row.split for row in rows if row.meta["subject"] in MEDICAL_SUBJECTS)
    assert medical == {"dev": 30, "validation": 123, "test": 1_099}
    assert {row.meta["subject"] for row in records(MMLU_MEDICAL)} == MEDICAL_SUBJECTS
    assert Counter(row.split for row in records(MMLU_MEDICAL)) == {"validation": 123, "test": 1_089}


def test_the_reference_outputs_of_four_models_are_aligned():
    answers = [row.meta["answers"] for row in records(ICLINIQ_ANSWERS)]
    assert all(list(given) == ["gpt-4", "claude-2", "gpt-3.5-turbo", "text-davinci-003"] for given in answers)
    assert len(answers) == 1_000


def test_one_row_of_all_is_malformed_and_one_id_is_given_twice():
    rows = [row for name in BY_NAME for row in rows_of(name)]
    (malformed,) = [row for row in rows if isinstance(row, Malformed)]
    assert (malformed.source, malformed.line) == ("rqe", 5_860)
    assert malformed.error == "pair 5860 has an empty side, expected two questions"
    ids = Counter(row.id for row in rows if isinstance(row, Record))
    (twice,) = [id for id, count in ids.items() if count > 1]
    one, other = [row for row in records(FRENCHMEDMCQA) if row.id == twice]
    assert (one.line, other.line) == (1_188, 1_221)
    assert (one.messages, one.options, one.gold) == (other.messages, other.options, other.gold)


# --- C.1: MedQuAD -----------------------------------------------------------------------------------------------------

LOWER_CASE_FILES = {f"6_NINDS_QA/{n}" for n in ("0000007", "0000018", "0000182", "0000244")}
PAIRS = {
    "1_CancerGov_QA": 729,
    "2_GARD_QA": 5_394,
    "3_GHR_QA": 5_430,
    "4_MPlus_Health_Topics_QA": 981,
    "5_NIDDK_QA": 1_192,
    "6_NINDS_QA": 1_088 + 16,
    "7_SeniorHealth_QA": 769,
    "8_NHLBI_QA_XML": 559,
    "9_CDC_QA": 270,
    "12_MPlusHerbsSupplements_QA": 792,
}
FILES = (116, 2_685, 1_086, 981, 157, 277, 48, 88, 59, 99)


def medquad_file(row):
    return row.id.split(":")[1]


def test_medquad_files_of_each_collection():
    names = [name for file in mirrored(MEDQUAD, MIRROR) for name, _, _ in members(file, ".xml")]
    assert Counter(name.split("/")[1] for name in names) == dict(zip(PAIRS, FILES, strict=True))
    assert len(names) == 5_596


def test_medquad_pairs_of_each_collection():
    assert Counter(medquad_file(row).split("/")[0] for row in records(MEDQUAD)) == PAIRS


def test_medquad_pairs_in_the_layout_that_most_files_share_are_those_of_the_hub_copies():
    pairs = [row for row in records(MEDQUAD) if medquad_file(row) not in LOWER_CASE_FILES]
    empty = sum(row.answer is None for row in pairs)
    assert (len(pairs), empty, len(pairs) - empty) == (17_204, 797, 16_407)
    absent = 17_348 + 12_889  # ADAM and MPlusDrugs, all empty
    assert (len(pairs) + absent, empty + absent) == (47_441, 31_034)


def test_medquad_four_files_in_lower_case_hold_16_answered_pairs_more():
    pairs = [row for row in records(MEDQUAD) if medquad_file(row) in LOWER_CASE_FILES]
    assert Counter(map(medquad_file, pairs)) == dict.fromkeys(LOWER_CASE_FILES, 4)
    assert all(row.answer and row.meta["source"] == "NINDS" and row.meta["focus"] for row in pairs)
    assert len(records(MEDQUAD)) == 17_220


def test_medquad_repeats():
    answered = [row for row in records(MEDQUAD) if row.answer]
    assert (len(answered), repeated(answered, stem), repeated(answered, stem_and_answer)) == (16_423, 2_109, 48)
    assert repeated(answered, lambda row: normal(row.answer)) == 599
    sources = defaultdict(set)
    for row in answered:
        sources[stem(row)].add(row.meta["source"])
    assert sum(len(found) > 1 for found in sources.values()) == 1_065
    assert sum(found == {"GARD", "GHR"} for found in sources.values()) == 594
    assert len({row.meta["qtype"] for row in records(MEDQUAD)}) == 23


# --- what data.md says of the other corpora's content -----------------------------------------------------------------


def test_gold_answers_are_spread_as_stated():
    assert Counter(row.gold for row in records(MEDMCQA_SAMPLE)) == {(0,): 2_957, (1,): 2_595, (2,): 2_371, (3,): 2_077}
    assert Counter(row.gold for row in records(CAREQA)) == {(0,): 1_390, (1,): 1_460, (2,): 1_486, (3,): 1_285}
    assert Counter(row.answer for row in records(PUBMEDQA)) == {"yes": 552, "no": 338, "maybe": 110}
    assert Counter(row.answer for row in records(PUBMEDQA_TEST)) == {"yes": 276, "no": 169, "maybe": 55}
    assert Counter(row.answer for row in records(RQE)) == {"yes": 4_655 - 1, "no": 3_933}  # one pair is malformed
    assert Counter(row.answer for row in records(RQE_TEST)) == {"yes": 129, "no": 173}
    assert Counter(row.answer for row in records(COVID_QUESTION_PAIRS)) == {"yes": 244, "no": 244}


def test_single_and_multiple_answers_of_frenchmedmcqa():
    several = Counter(
        (row.split, len(row.gold) > 1) for row in [*records(FRENCHMEDMCQA), *records(FRENCHMEDMCQA_HELD_OUT)]
    )
    assert several == {
        ("train", False): 595,
        ("train", True): 1_576,
        ("validation", False): 164,
        ("validation", True): 148,
        ("test", False): 321,
        ("test", True): 301,
    }


def test_headqa_exams_options_and_pictures():
    rows = [*records(HEADQA_EN), *records(HEADQA_EN_HELD_OUT)]
    exams = {
        split: len({r.meta["exam"] for r in rows if r.split == split}) for split in ("train", "validation", "test")
    }
    assert exams == {"train": 12, "validation": 6, "test": 12}
    assert Counter(len(row.options) for row in rows) == {4: 4_108, 5: 2_657}
    pictures = Counter(row.split for row in rows if row.meta["image"])
    assert pictures == {"train": 68, "validation": 30, "test": 67}
    assert {row.meta["category"] for row in rows if row.meta["image"]} == {"medicine"}


def test_explanations_of_medmcqa():
    rows = records(MEDMCQA_DEV)
    assert sum(row.rationale is None for row in rows) == 1_977
    assert sum((row.rationale or "").startswith("Ans") for row in rows) == 1_090
    assert sum(row.meta["topic_name"] is None for row in rows) == 3_760
    assert Counter(row.meta["choice_type"] for row in rows) == {"single": 2_816, "multi": 1_367}


REPEATS = [
    (MEDMCQA_SAMPLE, None, stem, 123),
    (MEDMCQA_SAMPLE, None, stem_and_answer, 86),
    (MEDMCQA_SAMPLE, None, stem_and_options, 59),
    (MEDMCQA_SAMPLE, None, asked, 0),
    (MEDMCQA_DEV, None, stem, 20),
    (HEADQA_EN, None, stem, 17),
    (HEADQA_EN_HELD_OUT, "validation", stem, 5),
    (HEADQA_EN_HELD_OUT, "test", stem, 12),
    (CAREQA, None, stem, 54),
    (CAREQA, None, stem_and_answer, 11),
    (FRENCHMEDMCQA, None, asked, 23),
    (FRENCHMEDMCQA_HELD_OUT, "test", asked, 2),
    (COVID_QA, None, stem, 24),
    (MEQSUM, None, lambda row: normal(row.answer), 6),
    (GENMEDGPT5K, None, stem, 6),
    (GENMEDGPT5K, None, lambda row: normal(row.answer), 14),
    (WIKIDOC_PATIENT_INFORMATION, None, stem, 175),
    (WIKIDOC_PATIENT_INFORMATION, None, stem_and_answer, 101),
]


@pytest.mark.parametrize(("corpus", "split", "key", "count"), REPEATS)
def test_repeats_inside_a_corpus(corpus, split, key, count):
    assert repeated(records(corpus, split), key) == count


def test_rqe_pairs_that_are_identical_on_both_sides():
    sides = [re.split(r"(?:^|\n\n)(?:First|Second) question: ", asked(row))[1:] for row in records(RQE)]
    assert sum(normal(first) == normal(second) for first, second in sides) == 1_475


def test_every_covid_answer_stands_in_its_passage():
    rows = records(COVID_QA)
    assert all(row.context.startswith(row.answer, row.meta["answer_start"]) for row in rows)
    assert max(len(row.context) for row in rows) <= PASSAGE_CHARS
    assert len({row.meta["document_id"] for row in rows}) == 98


# --- C.2: the same data under other names -----------------------------------------------------------------------------


def test_medmcqa_dev_is_the_prompt_engines_misnamed_test():
    dev, copy = records(MEDMCQA_DEV), records(MEDMCQA_VALIDATION)
    assert sum(a.gold == b.gold for a, b in zip(dev, copy, strict=True)) == 4_183
    assert sum(a.messages == b.messages for a, b in zip(dev, copy, strict=True)) == 4_182


@pytest.mark.parametrize(("split", "count"), [("validation", 1_272), ("test", 1_273)])
def test_medqa_with_five_and_four_options_ask_and_answer_the_same(split, count):
    pairs = list(zip(records(MEDQA, split), records(MEDQA_4_OPTIONS, split), strict=True))
    assert sum(five.messages == four.messages and five.answer == four.answer for five, four in pairs) == count
    assert any(five.gold != four.gold for five, four in pairs), "the letter changes"


@pytest.mark.parametrize(("split", "questions", "options"), [("validation", 3, 7), ("test", 2, 9)])
def test_medqa_and_the_prompt_engine_agree_in_gold_and_differ_in_a_few_texts(split, questions, options):
    pairs = list(zip(records(MEDQA_4_OPTIONS, split), records(MEDQA_HPAI, split), strict=True))
    assert all(a.gold == b.gold for a, b in pairs)
    assert sum(a.messages != b.messages for a, b in pairs) == questions
    assert sum(a.options != b.options for a, b in pairs) == options


def test_pubmedqa_official_test_is_the_prompt_engines_test_and_its_rest_the_other_500():
    by_split = {split: set(map(asked, records(PUBMEDQA, split))) for split in ("train", "test")}
    assert set(map(asked, records(PUBMEDQA_HPAI_HELD_OUT, "test"))) == by_split["test"]
    rest = [*records(PUBMEDQA_HPAI), *records(PUBMEDQA_HPAI_HELD_OUT, "validation")]
    assert set(map(asked, rest)) == by_split["train"]
    assert [len(found) for found in by_split.values()] == [500, 500]
    assert set(map(asked, records(PUBMEDQA_TEST))) == by_split["test"]


def test_professional_medicine_of_the_prompt_engine_is_in_the_csv():
    csv = [row for row in records(MMLU, "test") if row.meta["subject"] == "professional_medicine"]
    engine = [row for row in records(MMLU_MEDICAL, "test") if row.meta["subject"] == "professional_medicine"]
    golds = {(row.messages, row.options): row.gold for row in csv}
    assert (len(csv), len(engine)) == (282, 272)
    assert all(golds[row.messages, row.options] == row.gold for row in engine)


def test_headqa_english_and_spanish_are_parallel():
    english = [*records(HEADQA_EN), *records(HEADQA_EN_HELD_OUT)]
    spanish = [*records(HEADQA_ES), *records(HEADQA_ES_HELD_OUT)]
    same = [
        a.id.split(":")[1] == b.id.split(":")[1] and a.gold == b.gold and len(a.options) == len(b.options)
        for a, b in zip(english, spanish, strict=True)
    ]
    assert sum(same) == len(same) == 6_765


def test_openmedqa_rewrites_all_but_one_item_of_the_medqa_test():
    items = {row.id.split(":")[1] for row in records(MEDQA_HPAI, "test")}
    assert items - {row.id.split(":")[1] for row in records(OPENMEDQA)} == {"medqa_4opt_test_454"}


# --- C.3: overlaps of normalised texts --------------------------------------------------------------------------------


def test_headqa_train_against_its_own_development_and_test():
    train, held_out = records(HEADQA_EN), records(HEADQA_EN_HELD_OUT)
    assert overlap(train, held_out, stem) == (26, 25)
    assert overlap(train, held_out, stem_and_answer)[0] == 13
    assert overlap(train, held_out, stem_and_options)[0] == 0


def test_headqa_against_careqa():
    care = records(CAREQA)
    by_split = {
        "train": records(HEADQA_EN),
        "validation": records(HEADQA_EN_HELD_OUT, "validation"),
        "test": records(HEADQA_EN_HELD_OUT, "test"),
    }
    assert {k: overlap(rows, care, stem)[0] for k, rows in by_split.items()} == {
        "train": 2,
        "validation": 8,
        "test": 23,
    }
    assert overlap([row for rows in by_split.values() for row in rows], care, stem) == (33, 22)
    with_options = {split: overlap(rows, care, stem_and_options)[0] for split, rows in by_split.items()}
    assert with_options == {"train": 0, "validation": 0, "test": 2}


def test_medmcqa_sample_against_its_validation_careqa_and_mmlu():
    sample = records(MEDMCQA_SAMPLE)
    assert overlap(sample, records(MEDMCQA_VALIDATION), stem) == (1, 1)
    assert overlap(sample, records(MEDMCQA_VALIDATION), stem_and_options) == (0, 0)
    assert overlap(sample, records(CAREQA), stem)[0] == 2
    assert overlap(sample, records(MMLU_MEDICAL, "test"), stem)[0] == 1


def test_medqa_development_against_its_test():
    assert overlap(records(MEDQA, "validation"), records(MEDQA, "test"), stem) == (0, 0)


def test_pubmedqa_questions_share_neither_text_nor_eight_words_with_the_test():
    train, test = records(PUBMEDQA, "train"), records(PUBMEDQA, "test")
    assert overlap(train, test, stem) == (0, 0)
    known = {gram for row in test for gram in eight_words(row)}
    assert known
    assert not [row.id for row in train if eight_words(row) & known]


def eight_words(row):
    words = stem(row).split()
    return {tuple(words[i : i + 8]) for i in range(len(words) - 7)}
