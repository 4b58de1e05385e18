"""Files whose columns were renamed, retyped or renumbered are refused with a mapping; a bad row is quarantined."""

import csv
import json
import re
from dataclasses import replace
from itertools import islice
from pathlib import Path

import hub_double
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tiny_recipe import run

from sources.catalog import BENCHMARKS, SOURCES
from sources.connectors.careqa_hub import CAREQA_HUB_EN
from sources.connectors.headqa_hub import HEADQA_HUB_EN
from sources.connectors.headqa_v2 import HEADQA_V2_EN
from sources.connectors.med_halt import MED_HALT
from sources.connectors.medmcqa_hub import MEDMCQA_HUB, MEDMCQA_HUB_HELD_OUT
from sources.connectors.medmisbench import MEDMISBENCH
from sources.connectors.mmlu_hub import MMLU_AUXILIARY
from sources.fetch.mirror import MissingCorpusError, mirrored
from sources.fetch.trial import trial_of
from sources.files import FileError
from sources.read import read
from sources.record import Malformed
from sources.schema.columns import unverified
from sources.schema.drift import SAMPLE, DriftError, find_drift, found_types
from sources.source import Raw

FIXTURES = Path(__file__).parent / "fixtures" / "mirror"
ALL = {**SOURCES, **BENCHMARKS}
DECLARED = {name: corpus for name, corpus in ALL.items() if corpus.columns}


def raw_rows(corpus):
    """Return the raw objects of a corpus's fixture."""
    found = [raw for file in mirrored(corpus, FIXTURES) for raw in islice(corpus.rows(file), SAMPLE)]
    return [raw.value for raw in found if isinstance(raw, Raw)]


def repeated(rows, least=12):
    """Return the rows over and over until a file of them is judged as a whole."""
    return (rows * least)[: max(least, len(rows))]


def write_parquet(folder, corpus, rows):
    path = folder / (corpus.folder or corpus.name) / "data" / "train-00000-of-00001.parquet"
    path.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist([{**row, "id": f"row-{n}"} for n, row in enumerate(rows)]), path)
    return folder


def drifts(corpus, rows):
    return find_drift(corpus.columns, corpus.gold, rows)


def only_drift(corpus, rows):
    (drift,) = drifts(corpus, rows)
    return drift


# --- every connector that declares columns ---------------------------------------------------------------------------


class Traced(dict):
    """A row that notes the fields that are read of it, by the names of ``Corpus.columns``."""

    def __init__(self, row, seen, prefix=""):
        super().__init__({key: traced(value, seen, f"{prefix}{key}.") for key, value in row.items()})
        self.seen, self.prefix = seen, prefix

    def __getitem__(self, key):
        self.seen.add(f"{self.prefix}{key}")
        return super().__getitem__(key)

    def get(self, key, default=None):
        self.seen.add(f"{self.prefix}{key}")
        return super().get(key, default)


def traced(value, seen, prefix):
    if isinstance(value, dict):
        return Traced(value, seen, prefix)
    return [traced(each, seen, prefix) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("corpus", DECLARED.values(), ids=DECLARED)
def test_the_fixture_has_the_declared_columns(corpus):
    assert drifts(corpus, repeated(raw_rows(corpus))) == []


ADDED_BY_SHAPE = {"split", "shown"}
"""Fields that a connector's shape adds to the raw row."""


@pytest.mark.parametrize("corpus", DECLARED.values(), ids=DECLARED)
def test_every_field_that_a_connector_reads_is_declared(corpus):
    """Styles that a collection mixes are declared by their first field; fields inside one are checked with it."""
    seen = set()
    for file in mirrored(corpus, FIXTURES):
        for raw in corpus.rows(file):
            corpus.parse(Raw(raw.line, Traced(raw.value, seen)), file)
    top = {name for name in seen if "." not in name} - ADDED_BY_SHAPE
    mixed = any(kind.endswith("*") and kind.startswith("list") for kind in corpus.columns.values())
    assert mixed or top <= set(corpus.columns), sorted(top - set(corpus.columns))


@pytest.mark.parametrize("corpus", DECLARED.values(), ids=DECLARED)
def test_a_renamed_column_is_named_with_the_column_that_took_its_place(corpus):
    required = [name for name, kind in corpus.columns.items() if "." not in name and not kind.endswith("*")]
    for column in required:
        rows = [
            {(f"{name}_v2" if name == column else name): value for name, value in row.items()}
            for row in raw_rows(corpus)
        ]
        drift = next(one for one in drifts(corpus, repeated(rows)) if one.column == column)
        assert drift.found.startswith("no such column among")
        assert f"read '{column}_v2' in place of '{column}'" in (drift.proposal or "")


@pytest.mark.parametrize("corpus", [c for c in ALL.values() if c.hub_id], ids=lambda corpus: corpus.name)
def test_a_corpus_of_the_hub_declares_its_columns_and_where_they_were_read(corpus):
    assert corpus.columns
    assert corpus.unverified == unverified(corpus.schema_read, gold=corpus.task == "mcqa")


OTHER_VALUES = {"letter": "2", "numeral": "two", "text": ["a"], "list": "x", "object": 3}


@pytest.mark.parametrize("corpus", DECLARED.values(), ids=DECLARED)
def test_a_column_of_another_type_is_named(corpus):
    for column, kind in corpus.columns.items():
        other = OTHER_VALUES.get(kind.rstrip("?*"), True)
        if "." in column or kind.startswith("any"):
            continue
        rows = repeated([{**row, column: other} for row in raw_rows(corpus)])
        drift = next(one for one in drifts(corpus, rows) if one.column == column)
        assert drift.found.endswith(f"such as {other!r}")


NEW_HOLD_OUTS = (
    "medhallu metamedqa med_halt medec medec_hub medcalc_bench afrimedqa afrimedqa_open medbullets "
    "medmisbench livemedbench headqa_v2_en toxigen"
)


def rewrite(file, path, change):
    """Write a fixture's file anew, in its format, with ``change`` made to every row, often enough to be judged."""
    path.parent.mkdir(parents=True)
    if file.name.endswith(".parquet"):
        pq.write_table(
            pa.Table.from_pylist([change(row) for row in repeated(pq.read_table(file.path).to_pylist())]), path
        )
        return
    text = file.path.read_text(encoding="utf-8")
    if file.name.endswith(".csv"):
        rows = [change(row) for row in repeated(list(csv.DictReader(text.splitlines(keepends=True))))]
        with path.open("w", encoding="utf-8", newline="") as out:
            writer = csv.DictWriter(out, rows[0])
            writer.writeheader()
            writer.writerows(rows)
        return
    lines = file.name.endswith(".jsonl")
    rows = [
        change(row) for row in repeated([json.loads(line) for line in text.splitlines()] if lines else json.loads(text))
    ]
    path.write_text("\n".join(map(json.dumps, rows)) if lines else json.dumps(rows), encoding="utf-8")


@pytest.mark.parametrize("name", NEW_HOLD_OUTS.split())
def test_a_renamed_column_is_found_before_the_reader_of_a_hold_out_stops_at_it(name, tmp_path):
    corpus, file = ALL[name], mirrored(ALL[name], FIXTURES)[0]
    for column, kind in corpus.columns.items():
        if "." in column or kind.endswith("*"):
            continue
        path = tmp_path / column / file.name
        rewrite(file, path, lambda row, old=column: {(f"{key}_v2" if key == old else key): row[key] for key in row})
        with pytest.raises(DriftError, match=re.escape(f"read '{column}_v2' in place of '{column}'")):
            list(read(corpus, replace(file, path=path)))


# --- columns renamed, retyped, renumbered ----------------------------------------------------------------------------


def medmcqa_rows(**changes):
    return repeated([{**row, **changes} for row in raw_rows(MEDMCQA_HUB)])


def test_a_column_without_a_similar_name_is_proposed_by_its_type():
    rows = [{("right" if name == "cop" else name): value for name, value in row.items()} for row in medmcqa_rows()]
    assert str(only_drift(MEDMCQA_HUB, rows)) == (
        "column 'cop': expected integer, found no such column among id, question, opa, opb, opc, opd, right, "
        "choice_type, exp, subject_name, topic_name; proposed: read 'right' in place of 'cop' "
        "(the only other column of type integer)"
    )


@pytest.mark.parametrize(
    ("column", "value", "found", "proposal"),
    [
        ("cop", "2", "text such as '2'", "'cop' is a number as text now: int(row['cop'])"),
        ("cop", "B", "text such as 'B'", "'cop' is a letter now: position of the letter, letter(row['cop'])"),
        (
            "question",
            ["Which?"],
            "list such as ['Which?']",
            "'question' is a list now: its first element, row['question'][0]",
        ),
        ("opa", 3, "integer such as 3", "'opa' is a number now: str(row['opa'])"),
        ("question", None, "null in every row", None),
    ],
)
def test_a_retyped_column_is_named_with_a_conversion(column, value, found, proposal):
    drift = only_drift(MEDMCQA_HUB, medmcqa_rows(**{column: value}))
    assert (drift.column, drift.found) == (column, found)
    assert (drift.proposal or "").startswith(proposal or "")


@pytest.mark.parametrize("name", ["AnswerIdx", "answer-idx", "ANSWER IDX"])
def test_a_column_in_another_spelling_is_proposed_before_one_that_has_a_part_of_its_name(name):
    corpus = SOURCES["medqa_gbaker"]
    rows = [{name if key == "answer_idx" else key: value for key, value in row.items()} for row in raw_rows(corpus)]
    proposal = only_drift(corpus, repeated(rows)).proposal
    assert proposal == f"read {name!r} in place of 'answer_idx' (nearest name, same type)"


def test_an_optional_column_may_be_null_and_one_renamed_is_found():
    assert drifts(MEDMCQA_HUB, medmcqa_rows(exp=None)) == []
    rows = [{("exp_text" if name == "exp" else name): value for name, value in row.items()} for row in medmcqa_rows()]
    assert only_drift(MEDMCQA_HUB, rows).proposal.startswith("read 'exp_text' in place of 'exp'")


def shifted(corpus, by):
    """Return rows of a fixture in which every option is right once, with the gold moved by ``by``."""
    gold = corpus.gold
    first = next(row for row in raw_rows(corpus) if not callable(gold.options) or gold.options(row) == 4)
    written = type(first.get(gold.name, 0))  # csv has numbers as text
    rows = []
    for place in range(4):
        row = json.loads(json.dumps(first))
        inner = row["train"] if gold.name.startswith("train.") else row
        inner[gold.name.rpartition(".")[2]] = written(gold.base + place + by)
        rows.append(row)
    return repeated(rows, 60)


@pytest.mark.parametrize(
    "corpus",
    [MEDMCQA_HUB, MMLU_AUXILIARY, CAREQA_HUB_EN, HEADQA_HUB_EN, HEADQA_V2_EN, MED_HALT, MEDMISBENCH],
    ids=lambda c: c.name,
)
@pytest.mark.parametrize("by", [1, -1])
def test_a_shifted_gold_base_is_refused_although_most_rows_would_pass(corpus, by):
    assert drifts(corpus, shifted(corpus, 0)) == []
    drift = only_drift(corpus, shifted(corpus, by))
    base = corpus.gold.base
    assert drift.expected == f"positions from {base}"
    assert drift.found == f"{base + by} to {base + by + 3}, positions from {base + by}"
    took = f" - {base + by}" if base + by else " as it is"
    read = f"row[{corpus.gold.name!r}]"
    assert drift.proposal in [f"count from {base + by}: {one}{took}" for one in (read, f"int({read})")]


def test_one_value_for_all_is_a_mark_and_no_shift():
    assert drifts(MED_HALT, repeated([{**row, "correct_index": "-1"} for row in raw_rows(MED_HALT)], 60)) == []


def test_hidden_answers_are_no_shift():
    assert drifts(MEDMCQA_HUB_HELD_OUT, medmcqa_rows(cop=-1)) == []


# --- what a build does -----------------------------------------------------------------------------------------------


def test_a_build_stops_at_a_file_with_other_columns_and_says_what_to_do(tmp_path):
    rows = [{("stem" if name == "question" else name): value for name, value in row.items()} for row in medmcqa_rows()]
    write_parquet(tmp_path / "mirror", MEDMCQA_HUB, rows)
    call = ("build", "medqa_cot", "--sources", "medmcqa_hub", "--mirror", tmp_path / "mirror")
    done = run(*call, "--store", tmp_path / "store", "--lock", tmp_path / "lock", "--workers", "1")
    assert done.exit_code == 1
    assert "no longer has the shape that medmcqa_hub reads" in done.stderr
    assert "column 'question': expected text, found no such column among id, stem, opa" in done.stderr
    assert "proposed: read 'stem' in place of 'question' (the only other column of type text)" in done.stderr
    assert "sabila sources --verify medmcqa_hub tries one file" in done.stderr


def test_one_wrong_row_among_good_ones_is_quarantined_alone(tmp_path):
    rows = medmcqa_rows()
    rows[3] = {**rows[3], "cop": 4}
    (file,) = mirrored(MEDMCQA_HUB, write_parquet(tmp_path, MEDMCQA_HUB, rows))
    found = list(read(MEDMCQA_HUB, file))
    assert [row.line for row in found if isinstance(row, Malformed)] == [4]


def test_a_file_of_a_few_rows_is_judged_row_by_row(tmp_path):
    (file,) = mirrored(MEDMCQA_HUB, write_parquet(tmp_path, MEDMCQA_HUB, [{"question": "Which?"}] * 4))
    assert next(iter(read(MEDMCQA_HUB, file))).error.startswith("missing field 'cop'; found question, id")


def test_every_window_of_a_long_file_is_checked(tmp_path):
    lines = [
        json.dumps({"Prompt": str(n), "Completion": "c"} if n < 50_000 else {"Prompt": str(n), "Reply": "c"})
        for n in range(50_010)
    ]
    corpus = replace(
        SOURCES["medtext"], name="cards", folder="", files={"train": ("cards.jsonl",)}, rows=SOURCES["gsm8k"].rows
    )
    path = tmp_path / "cards" / "cards.jsonl"
    path.parent.mkdir()
    path.write_text("\n".join(lines))
    first, second = mirrored(corpus, tmp_path)[0].windows
    assert sum(1 for _ in read(corpus, first)) == 50_000
    with pytest.raises(
        DriftError, match="column 'Completion': expected text, found no such column among Prompt, Reply"
    ):
        list(read(corpus, second))


def test_found_types_look_one_level_into_objects_and_lists():
    rows = [{"a": 1, "b": {"c": "x"}, "d": [{"e": 1.5}]}, {"a": None, "b": {"c": "y"}, "d": []}]
    assert found_types(rows) == {"a": "integer?", "b": "object", "b.c": "text", "d": "list", "d.e": "number"}


# --- sabila sources --verify and --evidence --------------------------------------------------------------------------


def test_verify_reads_one_file_and_prints_columns_first_record_and_counts():
    done = run("sources", "--verify", "medmcqa_hub", "--mirror", FIXTURES)
    assert done.exit_code == 0
    assert done.stdout.startswith("medmcqa_hub: data/train-00000-of-00001.parquet from the mirror\n3 rows: 3 records")
    assert ["cop", "integer", "integer"] in [line.split() for line in done.stdout.splitlines()]
    assert "gold: [2]" in done.stdout
    assert done.stdout.endswith("problems\n  none\n")


def test_verify_lists_problems_and_fails(tmp_path):
    write_parquet(tmp_path, MEDMCQA_HUB, medmcqa_rows(cop="C"))
    done = run("sources", "--verify", "medmcqa_hub", "--mirror", tmp_path, "--json")
    assert done.exit_code == 1
    told = json.loads(done.stdout)
    assert told["first_record"] is None
    assert told["columns"]["cop"] == ["integer", "text"]
    assert told["problems"][0].startswith(
        "column 'cop': expected integer, found text such as 'C'; proposed: 'cop' is a"
    )


def test_verify_downloads_the_smallest_file_once_and_then_reads_it_from_the_store(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    content = (FIXTURES / "medmcqa_hub" / "data" / "train-00000-of-00001.parquet").read_bytes()
    names = {f"data/train-0000{n}-of-00002.parquet": content + b"\0" * n for n in (1, 0)}
    corpus = replace(MEDMCQA_HUB, home="hf://datasets/sabila-tests/medmcqa", revision="main")
    with hub_double.running() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        hub.commit("sabila-tests/medmcqa", names)
        trial = trial_of(corpus, None, tmp_path)
        assert (trial.place, trial.file, trial.records) == ("the Hub", "data/train-00000-of-00002.parquet", 3)
        assert not any("train-00001" in request for request in hub.requests)
        hub.requests.clear()
        assert trial_of(corpus, None, tmp_path).place == "an earlier download"
        assert hub.requests == []
        renamed = replace(corpus, name="renamed", files={"train": ("data/trains-*.parquet",)})
        with pytest.raises(MissingCorpusError, match=r"has no data/trains-\*\.parquet.*found data/train-0000"):
            trial_of(renamed, None, tmp_path)


def test_verify_offline_says_so(tmp_path, monkeypatch):
    monkeypatch.delenv("SABILA_MIRROR", raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    done = run("sources", "--verify", "medmcqa_hub", "--store", tmp_path)
    assert done.exit_code == 1
    assert "offline mode is enabled" in done.stderr
    assert "or read from a folder with --mirror" in done.stderr


def test_one_corpus_is_shown_with_where_its_schema_was_read():
    done = run("sources", "medmcqa_hub", "--mirror", FIXTURES)
    assert "cop, counted from 0, hidden where -1" in done.stdout
    assert "lm_eval/tasks/medmcqa/utils_medmcqa.py" in done.stdout
    told = json.loads(run("sources", "aloe_beta_dpo", "--json").stdout)
    assert (told["schema"], told["unverified"]) == ("partly", ["columns"])
    assert "did you mean 'medmcqa_hub'?" in run("sources", "medmcqahub").stderr


def test_the_table_of_evidence_in_the_folder_is_what_the_catalog_says():
    kept = Path(__file__).parent.parent / "sources" / "EVIDENCE.md"
    assert kept.read_text() == run("sources", "--evidence").stdout, "sabila sources --evidence > sources/EVIDENCE.md"
    rows = json.loads(run("sources", "--evidence", "--json").stdout)
    assert {name for row in rows for name in row["corpora"]} == set(ALL)


def test_a_benchmark_that_would_be_empty_is_refused(tmp_path):
    (file,) = mirrored(BENCHMARKS["mmlu_pro_health"], FIXTURES)
    rows = [
        {("kind" if k == "category" else k): v for k, v in row.items()} for row in pq.read_table(file.path).to_pylist()
    ]
    path = tmp_path / "mmlu_pro" / file.name
    path.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows), path)
    (renamed,) = mirrored(BENCHMARKS["mmlu_pro_health"], tmp_path)
    with pytest.raises(FileError, match=r"none of its .* rows is of the set or split that is read of it.*kind"):
        list(read(BENCHMARKS["mmlu_pro_health"], renamed))
