"""Releases written out for other trainers: every row is there or listed with a reason, and says whose it is."""

import csv
import json
import re
import uuid
from collections import Counter
from datetime import datetime
from importlib import import_module
from urllib.parse import urlsplit

import polars as pl
import pytest
from click.testing import CliRunner
from json_results import export
from manifests import load as read_json
from manifests import seal
from openpyxl import load_workbook
from rows import row, table

from pipelines.cli.commands import main
from pipelines.freeze.export_release import ExportError
from pipelines.release.data_files import scan, write_data
from sources.record import Message
from sources.releases import read_manifest
from sources.releases.read_manifest import ReleaseError
from synth.formatting.trainer_formats import SHAPES, shaped

TARGETS = sorted(SHAPES)
LONG = (Message("user", "Hello."), Message("assistant", "Hi."), Message("user", "Go on."))
TWICE = (Message("user", "Hello."), Message("user", "Are you there?"))

ROWS = [
    row("clinic:1", "What is a fever?", response="More than 38 degrees."),
    row("clinic:2", messages=(Message("system", "Be brief."), *LONG), response="Ça va: 38 °C."),
    row("clinic:3", messages=TWICE, response="Yes."),
    row("clinic:4", "Nobody answered this."),
    row("ward:1", "Is 40 degrees high?", response="Yes, see a doctor.", rejected="No.", license="CC-BY-4.0"),
    row("ward:2", messages=LONG, response="So be it.", rejected="Never.", license="CC-BY-4.0"),
]


@pytest.fixture
def release(tmp_path):
    """Return the folder of a release of ``ROWS``."""
    folder, shard = tmp_path / "store" / "releases" / "tiny" / "1", tmp_path / "shard.parquet"
    table(*ROWS).write_parquet(shard)
    write_data([shard], folder)
    seal({"name": "tiny", "version": "1", "license": "CC-BY-4.0", "steps": []}, folder)
    return folder


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def exported(release, to, **options):
    return export(release, release.parents[3] / to, to=to, **{"kind": None, "model": "a/model", **options})


def read(folder):
    """Return the rows of an export by id."""
    return {one["id"]: one for path in folder.glob("[sd]*.jsonl") for one in lines(path)}


@pytest.mark.parametrize("to", TARGETS)
def test_every_row_of_a_release_is_exported_or_listed_with_a_reason(release, to, tmp_path):
    account = exported(release, to)
    folder = tmp_path / to
    written, listed = read(folder), lines(folder / "not_exported.jsonl")
    assert set(written) | {one["id"] for one in listed} == {one.id for one in ROWS}
    assert len(written) + len(listed) == len(ROWS)
    assert sum(account["rows"].values()) == len(written)
    assert account["not_exported"] == len(listed) == sum(account["reasons"].values())
    assert all(one["reason"] for one in listed)


@pytest.mark.parametrize(
    ("to", "refused"),
    [
        ("trl", ["clinic:4"]),
        ("sharegpt", ["clinic:4"]),
        ("axolotl", ["clinic:4"]),
        ("openrlhf", ["clinic:4"]),
        ("llama-factory", ["clinic:3", "clinic:4"]),
        ("alpaca", ["clinic:2", "clinic:3", "clinic:4", "ward:2"]),
    ],
)
def test_what_a_shape_cannot_hold_is_listed(release, to, refused, tmp_path):
    exported(release, to)
    assert sorted(one["id"] for one in lines(tmp_path / to / "not_exported.jsonl")) == refused


def test_a_listed_row_says_what_it_has_and_what_was_expected(release, tmp_path):
    exported(release, "alpaca")
    told = {one["id"]: one["reason"] for one in lines(tmp_path / "alpaca" / "not_exported.jsonl")}
    assert told["clinic:3"] == "has turns user, user, expected one by the user: export it as ShareGPT"
    assert told["clinic:4"] == "has no response, expected a row that was kept with one"


@pytest.mark.parametrize("to", TARGETS)
def test_every_exported_row_says_whose_it_is(release, to, tmp_path):
    exported(release, to)
    known = {one.id: one for one in ROWS}
    for id, one in read(tmp_path / to).items():
        assert (one["source"], one["license"]) == (known[id].source, known[id].license)


@pytest.mark.parametrize("to", TARGETS)
def test_the_words_of_a_row_are_all_there(release, to, tmp_path):
    exported(release, to)
    for id, one in read(tmp_path / to).items():
        record = next(record for record in ROWS if record.id == id)
        said = json.dumps(one, ensure_ascii=False)
        texts = [message.content for message in record.messages] + [record.response, record.rejected]
        assert all(json.dumps(text, ensure_ascii=False)[1:-1] in said for text in texts if text)


def test_trl_reads_the_turns_as_the_release_has_them(release, tmp_path):
    exported(release, "trl")
    rows = read(tmp_path / "trl")
    assert rows["clinic:1"]["messages"] == [
        {"role": "user", "content": "What is a fever?"},
        {"role": "assistant", "content": "More than 38 degrees."},
    ]
    assert rows["ward:1"]["rejected"] == [{"role": "assistant", "content": "No."}]
    of_release = pl.read_parquet(release / "data/sft/clinic/*.parquet").filter(id="clinic:2")["messages"].item()
    assert rows["clinic:2"]["messages"] == of_release.to_list()


@pytest.mark.parametrize(("kind", "files"), [("sft", ["sft.jsonl"]), ("dpo", ["dpo.jsonl"])])
def test_one_kind_can_be_had_alone(release, kind, files, tmp_path):
    exported(release, "trl", kind=kind)
    assert sorted(path.name for path in (tmp_path / "trl").glob("[sd]*.jsonl")) == files


def test_attribution_names_sources_licences_and_the_hash_of_the_release(release, tmp_path):
    exported(release, "trl")
    said = (tmp_path / "trl" / "ATTRIBUTION.md").read_text(encoding="utf-8")
    assert "| clinic | MIT | 3 |" in said and "| ward | CC-BY-4.0 | 2 |" in said
    assert json.loads((release / "manifest.json").read_text())["hash"] in said
    assert said.endswith("\n")


def test_the_same_release_gives_the_same_bytes(release, tmp_path):
    for name in ("one", "two"):
        export(release, tmp_path / name, to="llama-factory", kind=None, model="m")
    files = [sorted(path.name for path in (tmp_path / name).iterdir()) for name in ("one", "two")]
    assert files[0] == files[1]
    assert all((tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes() for name in files[0])


# --- checkable questions, calls of tools, tables ----------------------------------------------------------------------


def released(tmp_path, *records):
    """Return the folder of a release of these rows."""
    folder, shard = tmp_path / "store" / "releases" / "tiny" / "1", tmp_path / "shard.parquet"
    table(*records).write_parquet(shard)
    write_data([shard], folder)
    seal({"name": "tiny", "version": "1", "license": "CC-BY-4.0", "steps": []}, folder)
    return folder


CHOICE = {"options": ("Lung", "Liver"), "gold": (1,), "response": "Answer: B", "task": "mcqa"}


def test_questions_for_grpo_have_prompt_gold_and_a_checker_that_reads_replies(tmp_path):
    rendered = "Where is bile made?\nA. Lung\nB. Liver"
    rows = [row("a:1", rendered, **CHOICE), row("a:2", "Where is bile made?", **CHOICE), row("a:3", response="Yes.")]
    account = exported(released(tmp_path, *rows), "grpo")
    one, two = lines(tmp_path / "grpo" / "rl.jsonl")
    assert account["rows"] == {"rl": 2}
    assert account["reasons"] == {"has no options with a right one": 1}
    assert one["prompt"] == two["prompt"] == [{"role": "user", "content": rendered}]
    assert (one["answer"], one["options"], one["gold"]) == ("B", ["Lung", "Liver"], [1])
    module, _, function = one["checker"].partition(":")
    reward = getattr(import_module(module), function)
    replies = ["It is made there.\nAnswer: B", "Answer: A", "Perhaps.", [{"role": "assistant", "content": "Liver"}]]
    columns = {"options": [one["options"]] * 4, "gold": [one["gold"]] * 4, "prompts": [one["prompt"]] * 4}
    assert reward(completions=replies, **columns) == [1.0, 0.0, 0.0, 1.0]


WEATHER = {"name": "weather", "description": "Rain now", "parameters": {"city": {"type": "str"}}}
CALL = {"name": "weather", "arguments": {"city": "Vic"}}


def test_calls_of_tools_are_turns_with_tool_calls_and_a_column_of_tools(tmp_path):
    task = {"task": "function-calling"}
    listed, call = json.dumps([WEATHER]), json.dumps(CALL)
    in_context = row("x:1", f"{listed}\n\nDoes it rain in Vic?", context=listed, response=json.dumps([CALL]), **task)
    tagged = row(
        "x:2",
        messages=(
            Message("system", f"You may call <tools> {listed} </tools>"),
            Message("user", "Does it rain in Vic?"),
            Message("assistant", f"Let me look.\n<tool_call>\n{call}\n</tool_call>"),
            Message("user", "<tool_response>\nrain\n</tool_response>"),
        ),
        response="Yes, it rains.",
        **task,
    )
    broken = row("x:3", context=listed, response="<tool_call>weather(</tool_call>", **task)
    account = exported(released(tmp_path, in_context, tagged, broken, row("x:4", response="No tools.")), "tool-calls")
    one, two = lines(tmp_path / "tool-calls" / "tools.jsonl")
    called = [{"type": "function", "function": {"name": "weather", "arguments": '{"city": "Vic"}'}}]
    assert one["messages"] == [
        {"role": "user", "content": "Does it rain in Vic?"},
        {"role": "assistant", "content": "", "tool_calls": called},
    ]
    assert json.loads(one["tools"]) == json.loads(two["tools"]) == [{"type": "function", "function": WEATHER}]
    assert two["messages"][2:] == [
        {"role": "assistant", "content": "Let me look.", "tool_calls": called},
        {"role": "tool", "content": "rain"},
        {"role": "assistant", "content": "Yes, it rains."},
    ]
    assert account["not_exported"] == 2


def test_tables_for_people_have_a_row_a_line_and_no_formula(tmp_path):
    release = released(tmp_path, row("a:1", "=1+1", **CHOICE), *ROWS)
    account = exported(release, "csv")
    assert account["rows"] == {"rows": len(ROWS) + 1}
    exported(release, "xlsx")
    with (tmp_path / "csv" / "rows.csv").open(encoding="utf-8-sig", newline="") as file:
        table_csv = {one["id"]: one for one in csv.DictReader(file)}
    sheet = load_workbook(tmp_path / "xlsx" / "rows.xlsx").active
    names, *cells = sheet.iter_rows()
    table_xlsx = {one[0].value: {name.value: cell for name, cell in zip(names, one, strict=True)} for one in cells}
    assert table_csv.keys() == table_xlsx.keys()
    assert table_csv["a:1"]["question"] == "'=1+1"
    assert (table_xlsx["a:1"]["question"].value, table_xlsx["a:1"]["question"].data_type) == ("=1+1", "s")
    assert table_csv["a:1"]["options"] == "A. Lung\nB. Liver"
    assert (table_csv["a:1"]["gold"], table_csv["ward:1"]["rejected"]) == ("B", "No.")
    assert table_csv["clinic:2"]["question"].startswith("system: Be brief.\n\nuser: Hello.")
    assert exported(release, "xlsx")["rows"] == {"rows": len(ROWS) + 1}  # run again: the same bytes


def test_a_text_too_long_for_a_cell_is_listed(tmp_path):
    account = exported(released(tmp_path, row("a:1", "x" * 40_000, response="y"), *ROWS), "xlsx")
    assert account["reasons"] == {"has a text too long for a cell": 1}


def test_a_format_with_one_kind_of_rows_takes_no_config(release, tmp_path):
    with pytest.raises(ExportError, match="--config is dpo, and csv has one kind of rows: leave the option out"):
        exported(release, "csv", kind="dpo")


# --- what goes wrong -------------------------------------------------------------------------------------------------


def test_a_folder_that_is_there_is_left_alone(release, tmp_path):
    (tmp_path / "trl").mkdir()
    with pytest.raises(ExportError, match="exists already, expected the name of a new folder"):
        exported(release, "trl")
    assert not list((tmp_path / "trl").iterdir())


def test_a_release_without_the_kind_asked_for_is_no_empty_folder(release, tmp_path):
    for path in (release / "data" / "dpo").rglob("*.parquet"):
        path.unlink()
    seal(read_json(release), release)
    with pytest.raises(ExportError, match=r"tiny@1 has no dpo rows to export; it may have others, for --config sft"):
        exported(release, "trl", kind="dpo")
    assert not list(tmp_path.glob("trl*"))


def test_a_release_none_of_whose_rows_fit_says_why(release, tmp_path):
    shard = tmp_path / "other.parquet"
    table(row("clinic:9", messages=LONG, response="x")).write_parquet(shard)
    for path in (release / "data").rglob("*.parquet"):
        path.unlink()
    write_data([shard], release)
    seal(read_json(release), release)
    with pytest.raises(ExportError, match=r"none of 1 rows fits alpaca; 1 of them: has turns user, assistant, user"):
        exported(release, "alpaca")


def test_a_folder_that_is_no_release_is_refused(tmp_path):
    with pytest.raises(ReleaseError, match="is no manifest of a release"):
        export(tmp_path, tmp_path / "out", to="trl", kind=None, model="m")


def test_an_export_that_was_killed_before_is_begun_anew(release, tmp_path):
    (tmp_path / "trl.partial").mkdir()
    (tmp_path / "trl.partial" / "sft.jsonl").write_text("half a row")
    exported(release, "trl")
    assert len(lines(tmp_path / "trl" / "sft.jsonl")) == 3
    assert not (tmp_path / "trl.partial").exists()


def test_an_export_that_was_killed_when_it_was_done_is_run_again(release, tmp_path):
    assert exported(release, "trl") == exported(release, "trl")
    assert not (tmp_path / "trl.partial").exists()


def test_another_export_is_not_written_over(release, tmp_path):
    exported(release, "trl", kind="sft")
    with pytest.raises(ExportError, match="exists already with another export"):
        exported(release, "trl")
    assert not (tmp_path / "trl" / "dpo.jsonl").exists()
    assert not (tmp_path / "trl.partial").exists()


@pytest.mark.parametrize("to", TARGETS)
@pytest.mark.parametrize("kind", ["sft", "dpo"])
def test_each_shape_keeps_the_row_s_name(to, kind):
    one = shaped(row("clinic:7", response="a", rejected="b"), to, kind)
    assert list(one)[:3] == ["id", "source", "license"] and one["id"] == "clinic:7"


# --- the verb --------------------------------------------------------------------------------------------------------


def call(*arguments):
    return CliRunner().invoke(main, ["export", *map(str, arguments)])


def test_the_verb_tells_counts_and_reasons_and_ends_with_the_folder(release, tmp_path):
    out = tmp_path / "out"
    done = call("tiny@1", "--to", "alpaca", "--out", out, "--store", tmp_path / "store")
    assert done.exit_code == 0, done.output
    told = done.stdout.splitlines()
    assert told[0] == "1 rows in sft.jsonl" and told[1] == "1 rows in dpo.jsonl"
    assert "1 rows not exported: has no response" in told
    assert told[-1] == str(out)


def test_the_verb_names_the_file_of_rows_and_not_the_config_beside_it(release, tmp_path):
    done = call("tiny@1", "--to", "llama-factory", "--out", tmp_path / "lf", "--store", tmp_path / "store")
    assert done.stdout.splitlines()[:2] == ["2 rows in sft.jsonl", "2 rows in dpo.jsonl"]
    done = call("tiny@1", "--to", "csv", "--out", tmp_path / "table", "--store", tmp_path / "store")
    assert done.stdout.splitlines()[0] == "6 rows in rows.csv"


def test_the_verb_takes_a_folder_and_gives_json(release, tmp_path):
    done = call(release, "--to", "trl", "--out", tmp_path / "out", "--config", "dpo", "--json")
    assert json.loads(done.stdout)["rows"] == {"dpo": 2}


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["tiny@2", "--to", "trl"], 1, "no release 'tiny@2', expected name@version"),
        (["tiny@1", "--to", "torchtune"], 2, "'torchtune' is not one of 'sharegpt'"),
        (["tiny@1"], 2, "Missing option '--to'"),
    ],
)
def test_a_wrong_call_is_told_in_a_line(release, tmp_path, arguments, code, words):
    done = call(*arguments, "--out", tmp_path / "out", "--store", tmp_path / "store")
    assert done.exit_code == code
    assert words in done.output
    assert not (tmp_path / "out").exists()


def test_the_demo_goes_out_whole(demo_store, tmp_path):
    released = demo_store / "releases" / "demo" / "1"
    account = export(released, tmp_path / "out", to="llama-factory", kind=None, model="m")
    ids = Counter(one["id"] for one in lines(tmp_path / "out" / "sft.jsonl"))
    assert set(ids.values()) == {1}
    assert len(ids) + account["not_exported"] == scan(released).select(pl.len()).collect().item()


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ({"format": 1}, "it has format 1, expected 2: an older sabila wrote it; build and release again"),
        ({"format": 3}, "it has format 3, expected 2: a newer sabila wrote it; upgrade"),
        ({}, "it has format 1, expected 2: an older sabila wrote it; build and release again"),
    ],
)
def test_a_release_of_another_format_is_refused_with_what_to_do(written, told, tmp_path):
    manifest = {"name": "tiny", "version": "1", "hash": "", "files": [], "license": "CC-BY-4.0", "steps": [], **written}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(ReleaseError, match=re.escape(f"is no manifest of a release: {told}")):
        read_manifest.read(tmp_path / "manifest.json")


# --- lineage ---------------------------------------------------------------------------------------------------------

LOCK = {
    "clinic": {"home": "hf://datasets/org/clinic", "revision": "a" * 40, "files": {"train.jsonl": "1" * 64}},
    "exams": {"home": "https://github.com/org/exams", "revision": "v1", "files": {"exams.json": "2" * 64}},
    "exams_test": {"home": "https://github.com/org/exams", "revision": "v1", "files": {"test.json": "3" * 64}},
    "own": {"home": "file:own.csv", "revision": "own", "files": {"own.csv": "4" * 64}},
}

REQUIRED = {
    "event": {"eventTime": str, "run": dict, "job": dict, "producer": str, "schemaURL": str},
    "run": {"runId": str},
    "job": {"namespace": str, "name": str},
    "dataset": {"namespace": str, "name": str},
    "facet": {"_producer": str, "_schemaURL": str},
    "version": {"datasetVersion": str},
    "processing_engine": {"version": str},
    "jobType": {"processingType": str, "integration": str},
    "outputStatistics": {"rowCount": int},
}
"""What OpenLineage 2-0-2 requires of a run event, its parts and the facets that are used here, with their types."""


def check_required(part, kind):
    for name, expected in REQUIRED.get(kind, {}).items():
        assert isinstance(part[name], expected), f"{kind}.{name}"


def check_event(event):
    """Hold an event to the required fields and formats of the specification."""
    check_required(event, "event")
    check_required(event["run"], "run")
    check_required(event["job"], "job")
    assert event["eventType"] in ("START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER")
    assert datetime.fromisoformat(event["eventTime"]).tzinfo
    assert str(uuid.UUID(event["run"]["runId"])) == event["run"]["runId"]
    datasets = [*event["inputs"], *event["outputs"]]
    for dataset in datasets:
        check_required(dataset, "dataset")
    holders = [event["run"], event["job"], *datasets]
    facets = [pair for one in holders for key in ("facets", "outputFacets") for pair in one.get(key, {}).items()]
    assert len(facets) > len(holders)
    for name, facet in facets:
        check_required(facet, "facet")
        check_required(facet, name)
        assert all(urlsplit(facet[key]).scheme for key in ("_producer", "_schemaURL"))
        assert name in REQUIRED or name == "dataSource" or name.startswith("sabila_"), "a facet of our own says whose"


@pytest.fixture
def locked(release):
    """Return the release with a recipe and the sources that it read."""
    recipe = {"name": "tiny", "shipped": False, "file_sha256": "5" * 64}
    whole = {"name": "tiny", "version": "1", "license": "CC-BY-4.0", "steps": [], "recipe": recipe, "lock": LOCK}
    seal({**whole, "rows": len(ROWS), "libraries": {"sabila": "0.1.0"}}, release)
    return release


def test_an_event_of_openlineage_names_run_sources_and_release(locked, tmp_path):
    done = CliRunner().invoke(main, ["export", str(locked), "--to", "openlineage", "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines() == ["written: openlineage.json", str(tmp_path / "out")]
    event = json.loads((tmp_path / "out" / "openlineage.json").read_text())
    check_event(event)
    assert (event["eventType"], event["job"]["name"], event["producer"]) == ("COMPLETE", "tiny", "urn:sabila:0.1.0")
    found = {(one["namespace"], one["name"]): one["facets"] for one in event["inputs"]}
    assert list(found) == [("file", "own.csv"), ("hf://datasets", "org/clinic"), ("https://github.com", "org/exams")]
    assert found["hf://datasets", "org/clinic"]["version"]["datasetVersion"] == "a" * 40
    sources = found["https://github.com", "org/exams"]["sabila_sources"]["sources"]
    assert sources == {name: LOCK[name]["files"] for name in ("exams", "exams_test")}
    (output,) = event["outputs"]
    assert (output["namespace"], output["name"]) == ("sabila", "tiny")
    assert output["outputFacets"]["outputStatistics"]["rowCount"] == len(ROWS)
    listed = {one["path"]: one["sha256"] for one in output["facets"]["sabila_release"]["files"]}
    manifest = json.loads((locked / "manifest.json").read_text())
    assert listed == {one["path"]: one["sha256"] for one in manifest["files"] if one["path"].startswith("data/")}
    assert output["facets"]["sabila_release"]["hash"] == manifest["hash"]


def test_the_same_release_gives_the_same_event(locked, tmp_path):
    export(locked, tmp_path / "one", to="openlineage", kind=None, model="m")
    export(locked, tmp_path / "two", to="openlineage", kind=None, model="m")
    export(locked, tmp_path / "two", to="openlineage", kind=None, model="m")
    one, two = ((tmp_path / name / "openlineage.json").read_bytes() for name in ("one", "two"))
    assert one == two


def test_an_event_has_no_rows_to_choose_and_takes_a_folder_of_its_own(locked, tmp_path):
    with pytest.raises(ExportError, match="--config is sft, and openlineage has no rows: leave the option out"):
        export(locked, tmp_path / "out", to="openlineage", kind="sft", model="m")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    with pytest.raises(ExportError, match="exists already, expected the name of a new folder"):
        export(locked, tmp_path / "full", to="openlineage", kind=None, model="m")
