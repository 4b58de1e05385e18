"""The demo build meets every defect planted in the sample, and drops nothing else."""

import json
from pathlib import Path

import polars as pl
import pytest
from tiny_recipe import tree

from pipelines.build.recipe import load
from pipelines.build.session import BuildSession
from pipelines.recipes.demo import SAMPLED
from pipelines.trace.history_text import history_text
from pipelines.trace.row_event import RowEvent
from pipelines.trace.row_history import row_history
from synth.teachers.options import Rates

ROOT = Path(__file__).parent.parent
TRUTH = json.loads((ROOT / "sources" / "sample" / "truth.json").read_text(encoding="utf-8"))
ENTRIES = [{"kind": kind, **entry} for kind, entries in TRUTH.items() for entry in entries]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        bench = BuildSession.open(load("demo"), {}, store=folder / "store", mirror=None)
        bench.build(workers=1)
    return folder / "store" / "steps"


def rows(steps: Path, pattern: str) -> pl.DataFrame:
    return pl.concat([pl.read_parquet(path) for path in sorted(steps.glob(pattern))])


@pytest.fixture(scope="module")
def kept(built):
    return {row["id"]: row for row in rows(built, "render-prompts-*/kept/*.parquet").rows(named=True)}


@pytest.fixture(scope="module")
def dropped(built):
    return dict(rows(built, "*/dropped/*.parquet").select("id", "reason").rows())


def test_every_raw_row_is_kept_dropped_or_quarantined(built, kept, dropped):
    read = sum(
        json.loads(path.read_text(encoding="utf-8"))["counts"]["rows_in"]
        for name in SAMPLED
        for path in built.glob(f"read-{name}-*/step.json")
    )
    quarantined = rows(built, "*/quarantine.parquet").height
    assert read == len(kept) + len(dropped) + quarantined


def test_the_malformed_rows_and_no_others_are_quarantined(built):
    found = {(file, line) for file, line in rows(built, "*/quarantine.parquet").select("file", "line").iter_rows()}
    assert found == {(entry["file"], entry["line"]) for entry in TRUTH["broken"]}


@pytest.mark.parametrize(
    "entry", [e for e in ENTRIES if e["fate"] == "dropped"], ids=lambda e: f"{e['kind']}:{e['id']}"
)
def test_a_planted_defect_is_dropped(entry, dropped):
    assert entry["id"] in dropped


@pytest.mark.parametrize(
    "entry", [e for e in ENTRIES if e["fate"] == "repaired"], ids=lambda e: f"{e['kind']}:{e['id']}"
)
def test_a_blemish_is_repaired_and_the_rest_of_its_row_stays(entry, kept):
    text = json.dumps(kept[entry["id"]], ensure_ascii=False)
    assert not [gone for gone in entry.get("gone", ()) if gone in text]
    assert not [stays for stays in entry.get("kept", ()) if json.dumps(stays, ensure_ascii=False)[1:-1] not in text]


def test_nothing_else_is_dropped(dropped):
    planted = {entry["id"] for entry in ENTRIES if entry["fate"] == "dropped"}
    assert set(dropped) == planted


@pytest.mark.parametrize("entry", TRUTH["lookalike"], ids=lambda e: e["id"])
def test_what_only_looks_like_a_defect_stays(entry, kept):
    assert entry["id"] in kept


def test_a_build_without_memory_for_signatures_gives_the_same_files(built, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    session = BuildSession.open(load("demo"), {}, store=tmp_path / "store", mirror=None)
    session.build(workers=1, memory=0)
    assert tree(tmp_path / "store") == tree(built.parent)


def test_a_plan_tells_what_would_be_asked_before_it_is(tmp_path):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        first = BuildSession.open(load("demo"), {"samples": 1}, store=tmp_path / "store", mirror=None)
        account = first.build(workers=1).to_json()
        more = BuildSession.open(load("demo"), {"samples": 2}, store=tmp_path / "store", mirror=None)
        forecast = more.forecast(Rates(prompt_price=1.0)).to_json()
        told = {step["step"]: step["asks"] for step in forecast["steps"] if "asks" in step}
    asked = sum(stage["sent"] for stage in account["requests"].values())
    assert asked > 100
    chains = told["chains"]
    assert chains["foretold_from"] == ["privacy"]
    assert [part["part"] for part in chains["parts"]] == ["headqa", "medmcqa", "pubmedqa"]
    for one in (chains, *chains["parts"]):
        assert 0 < one["answered_before"] < one["requests"]
        assert one["cost_at_most"] == pytest.approx(one["prompt_tokens"] / 1e6, abs=1e-4)
    for name in ("requests", "answered_before", "completion_tokens_at_most"):
        assert sum(part[name] for part in chains["parts"]) == chains[name]


def test_a_row_that_no_generator_takes_is_passed_on_unwritten_and_its_history_says_so(built):
    [step] = built.glob("chains-*/step.json")
    chains = json.loads(step.read_text(encoding="utf-8"))
    taken = rows(built, "chains-*/generators/*.parquet")
    assert {one["generator"]: one["rows"] for one in chains["generators"]} == dict(
        taken.group_by("generator").len().iter_rows()
    )
    assert chains["counts"]["rows_in"] == chains["counts"]["kept"] + chains["counts"]["dropped"] > taken.height
    before = {path.stat().st_ino for path in built.glob("privacy-*/kept/*.parquet")}
    passed = [path for path in step.parent.glob("kept/*.parquet") if path.stat().st_ino in before]
    held = pl.concat([pl.read_parquet(path, columns=["source"]) for path in passed])["source"].unique()
    assert set(held) == {"medquad", "genmedgpt5k", "mts_dialog"}
    for id, generator, chains in taken.iter_rows():
        event = chain_event(id, built)
        assert event.status == "kept"
        assert event.tables["generators"] == [{"id": id, "generator": generator, "chains": chains}]
    other = next(row for row in rows(built, "chains-*/kept/*.parquet")["id"] if row.startswith("medquad:"))
    event = chain_event(other, built)
    assert (event.status, event.changes, event.tables) == ("not_eligible", [], {})
    assert "chains: not eligible\n  no generator of this step takes the row" in history_text(other, [event])


def chain_event(id: str, built: Path) -> RowEvent:
    return next(event for event in row_history(id, built.parent, "demo") if event.step == "chains")
