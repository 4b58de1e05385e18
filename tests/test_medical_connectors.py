"""What single medical corpora need beyond their shape: hidden tests, odd files, aligned files, broken parts."""

import io
import json
import shutil
import tarfile
import zipfile
from pathlib import Path

import pytest

from sources.connectors.covid_faq import COVID_FAQ
from sources.connectors.covid_qa import COVID_QA, PASSAGE_CHARS
from sources.connectors.covid_qa_hub import COVID_QA_HUB
from sources.connectors.frenchmedmcqa_hub import FRENCHMEDMCQA_HUB
from sources.connectors.genmedgpt_diseases import GENMEDGPT_DISEASES
from sources.connectors.headqa import HEADQA_EN
from sources.connectors.icliniq_answers import FILES, ICLINIQ_ANSWERS
from sources.connectors.medinstruct_seed import MEDINSTRUCT_SEED
from sources.connectors.medquad import MEDQUAD
from sources.connectors.pubmedqa import PUBMEDQA, PUBMEDQA_TEST
from sources.connectors.pubmedqa_artificial import PUBMEDQA_UNLABELLED
from sources.connectors.pubmedqa_labelled import PUBMEDQA_LABELLED, PUBMEDQA_LABELLED_TEST
from sources.connectors.rqe import RQE
from sources.fetch.mirror import MissingCorpusError, mirrored
from sources.files import FileError, RawFile
from sources.read import read
from sources.record import Malformed
from sources.shapes.row_shapes import json_rows, lettered, squad

FIXTURES = Path(__file__).parent / "fixtures" / "mirror"


def rows_of(corpus, mirror=FIXTURES):
    return [row for file in mirrored(corpus, mirror) for row in read(corpus, file)]


@pytest.fixture
def copied(tmp_path):
    """Return a function that copies a corpus's fixtures, to be damaged."""

    def copy(folder):
        shutil.copytree(FIXTURES / folder, tmp_path / folder)
        return tmp_path / folder

    return copy


# --- PubMedQA: the official test is told by a second file ---


@pytest.mark.parametrize(
    ("source", "benchmark"), [(PUBMEDQA, PUBMEDQA_TEST), (PUBMEDQA_LABELLED, PUBMEDQA_LABELLED_TEST)]
)
def test_the_source_marks_the_official_test_and_the_benchmark_holds_it_alone(source, benchmark):
    rows = rows_of(source)
    assert [row.split for row in rows] == ["train", "test", "train", "test"]
    test = rows_of(benchmark)
    assert [row.messages for row in test] == [row.messages for row in rows if row.split == "test"]
    assert {row.split for row in test} == {"test"}
    assert [row.line for row in test] == [2, 4]


def test_without_the_ground_truth_nothing_is_read(copied):
    (copied("pubmedqa_hub") / "test_ground_truth.json").unlink()
    folder = copied("pubmedqa").parent
    with pytest.raises(MissingCorpusError, match=r"has no test_ground_truth\.json"):
        mirrored(PUBMEDQA_LABELLED, folder)


def test_an_abstract_keeps_its_labels_and_the_conclusion_is_the_rationale():
    row = rows_of(PUBMEDQA)[1]
    assert (
        row.context
        == "AIMS: Colours are said to change expectations.\n\nRESULTS: Sleep was alike in the blue and the red group."
    )
    assert (row.answer, row.rationale) == ("no", "We found no relation between colour and sleep.")


def test_an_abstract_with_more_labels_than_paragraphs_is_set_aside(copied):
    path = copied("pubmedqa") / "data" / "ori_pqal.json"
    entries = json.loads(path.read_text())
    entries["90000001"]["LABELS"].append("CONCLUSION")
    path.write_text(json.dumps(entries))
    malformed = [row for row in rows_of(PUBMEDQA, path.parents[2]) if isinstance(row, Malformed)]
    assert [row.line for row in malformed] == [1]
    assert "longer than" in malformed[0].error or "shorter than" in malformed[0].error


def test_rows_without_a_decision_have_no_gold():
    assert [(row.options, row.gold, row.answer) for row in rows_of(PUBMEDQA_UNLABELLED)] == [
        (("yes", "no", "maybe"), (), None)
    ] * 2


# --- MedQuAD: archives of XML files in three layouts ---


def test_all_three_layouts_of_medquad_are_read_and_empty_answers_are_none():
    rows = rows_of(MEDQUAD)
    assert [row.id for row in rows] == [
        "medquad:12_MPlusHerbsSupplements_QA/0000003:0000003-1",
        "medquad:2_GARD_QA/0000003:0000003-1",
        "medquad:2_GARD_QA/0000003:0000003-2",
        "medquad:6_NINDS_QA/0000003:0000003-1",
        "medquad:9_CDC_QA/0000004:0000004-1",
    ]
    assert [row.answer is None for row in rows] == [True, False, True, False, False]
    assert [row.meta["source"] for row in rows] == ["MPlusHerbsSupplements", "GARD", "GARD", "NINDS", "CDC"]
    assert rows[1].meta == {
        "qtype": "information",
        "source": "GARD",
        "url": "https://example.org/gard/3",
        "focus": ["Blue hand syndrome"],
        "synonyms": ["Cold blue hands"],
        "cuis": ["C9999991"],
        "semantic_types": ["T047"],
        "semantic_group": ["Disorders"],
        "category": [],
    }


def test_a_broken_xml_file_costs_one_row_and_a_pair_without_an_answer_another(tmp_path):
    question = "<Question qid='q' qtype='t'>What?</Question>"
    good = f"<Document source='S'><QAPairs><QAPair pid='1'>{question}{{}}</QAPair></QAPairs></Document>"
    files = {
        "m/1_A/1.xml": good.format(""),
        "m/1_A/2.xml": "<Document>",
        "m/1_A/3.xml": good.format("<Answer>That.</Answer>"),
    }
    for number, content in enumerate((files, {"m/2_B/1.xml": good.format("<Answer/>")}), 1):
        path = tmp_path / "medquad" / f"medquad_xml_collection{number}.tar"
        path.parent.mkdir(exist_ok=True)
        with tarfile.open(path, "w") as archive:
            for name, text in content.items():
                member = tarfile.TarInfo(name)
                member.size = len(text)
                archive.addfile(member, io.BytesIO(text.encode()))
    missing, broken, whole, empty = rows_of(MEDQUAD, tmp_path)
    assert missing.error.startswith("missing field 'answer'")
    assert broken.error.startswith("m/1_A/2.xml is not XML")
    assert (whole.answer, whole.line) == ("That.", 3)
    assert (empty.answer, empty.file) == (None, "medquad_xml_collection2.tar")


# --- other files that are read together or in parts ---


def test_covid_contexts_are_passages_around_the_answer():
    rows = rows_of(COVID_QA)
    assert all(row.context.startswith(row.answer, row.meta["answer_start"]) for row in rows)
    assert len(rows[0].context) <= PASSAGE_CHARS
    assert rows[0].context.endswith(".")
    assert rows[2].meta["passage"][0] == 0, "a short article is kept whole"
    assert [row.context for row in rows_of(COVID_QA_HUB)] == [row.context for row in rows]


def test_links_of_the_faq_lose_their_line_break_and_answers_keep_their_html():
    row = rows_of(COVID_FAQ)[0]
    assert row.meta["link"] == "https://example.org/faq"
    assert "&nbsp;" in row.meta["answer_html"]


def test_models_whose_files_differ_are_not_mixed_up(copied):
    folder = copied("medinstruct")
    path = folder / FILES["gpt-3.5-turbo"]
    first, second = path.read_text().splitlines()
    path.write_text(f"{second}\n{first}\n")
    assert [row.error for row in rows_of(ICLINIQ_ANSWERS, folder.parent)] == [
        "gpt-3.5-turbo answers another question, expected the files in the same order"
    ] * 2
    path.write_text(f"{first}\n")
    whole, lone = rows_of(ICLINIQ_ANSWERS, folder.parent)
    assert list(whole.meta["answers"]) == ["gpt-4", "claude-2", "gpt-3.5-turbo", "text-davinci-003"]
    assert lone.error == "no row of gpt-3.5-turbo, expected one of each model"


def test_a_disease_is_told_from_its_row_without_scraps():
    first, second = rows_of(GENMEDGPT_DISEASES)
    assert first.answer == (
        "Tinnitus is a sound that nobody else hears.\nIt often follows loud noise.\n\n"
        "Symptoms: Ringing in ear, Can't sleep.\n\nTests and procedures: Hearing test.\n\nMedications: Melatonin."
    )
    assert second.answer == "Symptoms: Dry lips.\n\nMedications: Petrolatum."


@pytest.mark.parametrize("cell", ["['Dry lips'", "Dry lips", "'Dry lips'", "__import__('os')"])
def test_a_cell_that_writes_no_list_is_set_aside(copied, cell):
    path = copied("genmedgpt5k") / "format_dataset.csv"
    path.write_text(path.read_text().replace("['Dry lips']", cell))
    _, malformed = rows_of(GENMEDGPT_DISEASES, path.parents[1])
    assert malformed.error.startswith(f"{cell!r} is not a Python ")


def test_seed_tasks_have_no_answer_and_noinput_is_no_input():
    first, second = rows_of(MEDINSTRUCT_SEED)
    assert (first.answer, second.answer) == (None, None)
    assert first.messages[0].content == "Explain why a limb falls asleep."
    assert second.messages[0].content.startswith("Rewrite the note for a patient.\n\nPt c/o")


def test_a_pair_of_rqe_without_a_side_is_set_aside_with_its_text(copied):
    path = copied("rqe") / "RQE_Train_8588_AMIA2016.xml"
    path.write_text(path.read_text().replace("Can eye drops cause sleepiness?", ""))
    malformed, _ = rows_of(RQE, path.parents[1])
    assert malformed.error == "pair 1 has an empty side, expected two questions"
    assert '"pid": "1"' in malformed.text


def test_an_archive_without_the_split_says_so(tmp_path):
    path = tmp_path / "frenchmedmcqa_hub" / "DEFT-2023-FULL.zip"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("dev.json", "[]")
    with pytest.raises(FileError, match=r"not a zip archive with train\.json"):
        rows_of(FRENCHMEDMCQA_HUB, tmp_path)
    path.write_bytes(b"no archive")
    with pytest.raises(FileError, match="not a zip file"):
        rows_of(FRENCHMEDMCQA_HUB, tmp_path)


@pytest.mark.parametrize(
    "content", ['{"version": "1.0"}', '{"exams": {"E": {"category": "biology"}}}', '{"exams": []}']
)
def test_a_headqa_file_without_exams_says_so(tmp_path, content):
    path = tmp_path / "headqa" / "HEAD_EN" / "train_HEAD_EN.json"
    path.parent.mkdir(parents=True)
    path.write_text(content)
    with pytest.raises(FileError, match="is not a HEAD-QA file"):
        rows_of(HEADQA_EN, tmp_path)


# --- shapes ---


@pytest.mark.parametrize("content", ['[{"a": 1}, {"a": 2}]', '\n [\n{"a": 1},\n{"a": 2}]\n', '{"a": 1}\n{"a": 2}\n'])
def test_a_json_file_holds_a_list_or_lines(tmp_path, content):
    path = tmp_path / "rows.json"
    path.write_text(content)
    assert [raw.value for raw in json_rows(RawFile("rows.json", path))] == [{"a": 1}, {"a": 2}]


def test_a_file_that_is_no_squad_says_so(tmp_path):
    path = tmp_path / "squad.json"
    path.write_text('{"data": [{"title": "x"}]}')
    with pytest.raises(FileError, match=r"is not a SQuAD file .*'paragraphs'"):
        squad(RawFile("squad.json", path))


def test_a_null_option_is_no_option():
    draft = lettered("1", "Which?", {"A": "x", "B": "y", "C": None}, "B")
    assert (draft.options, draft.gold) == (["x", "y"], [1])
    with pytest.raises(ValueError, match="answer is 'C', expected one of A, B"):
        lettered("1", "Which?", {"A": "x", "B": "y", "C": None}, "C")
