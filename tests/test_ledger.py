"""The ledger: every row ever read or made stands in it once, with the step, reason and evidence of its end."""

import json
import shutil
from collections import Counter

import polars as pl
import pytest
from branched_recipe import as_an_older_sabila_left_it, branched_store

from pipelines.build.shard import LostRowsError
from pipelines.release import ledger
from pipelines.release.ledger import STATUSES, write_ledger
from pipelines.storage.quarantine import quarantined
from pipelines.storage.store import Store
from sources.table import MALFORMED_SCHEMA


def graph(store, recipe):
    steps = json.loads((store / "builds" / f"{recipe}.json").read_text())["steps"]
    return [Store(store).summary(name) for name in steps]


def written(store, recipe, place):
    """Write the ledger of a build and return it, with its files."""
    write_ledger(Store(store), graph(store, recipe), place)
    files = sorted((place / "ledger").iterdir())
    return pl.read_parquet(files), files


@pytest.fixture(params=["demo", "demo_dpo"])
def recipe(request):
    return request.param


@pytest.fixture
def demo(demo_store, recipe, tmp_path):
    return written(demo_store, recipe, tmp_path)[0]


# --- every row, once -----------------------------------------------------------------------------------------------


def test_every_row_stands_in_it_once_by_id(demo):
    assert demo.schema == {
        **dict.fromkeys(("id", "source", "file"), pl.String),
        "line": pl.Int64,
        **dict.fromkeys(("license", "status", "step", "reason", "evidence"), pl.String),
        "changed_by": pl.List(pl.String),
    }
    assert demo["id"].is_sorted()
    assert demo["id"].n_unique() == demo.height
    assert set(demo["status"]) == set(STATUSES)


def test_every_raw_row_of_every_file_stands_in_it(demo, demo_store, recipe):
    read = [step for step in graph(demo_store, recipe) if not step.inputs]
    counts = Counter(demo["source"])
    assert {step.source.name: step.counts.rows_in for step in read} == counts


def test_it_agrees_with_what_every_step_counted(demo, demo_store, recipe):
    ends = Counter(demo.select("step", "status").iter_rows())
    reasons = Counter(demo.filter(pl.col("status") == "dropped").select("step", "reason").iter_rows())
    steps = graph(demo_store, recipe)
    for step in steps:
        for status in ("dropped", "quarantined"):
            assert ends[step.name, status] == getattr(step.counts, status)
        assert {reason: reasons[step.name, reason] for reason in step.reasons} == step.reasons
    assert ends[steps[-1].name, "kept"] == steps[-1].counts.kept


def test_kept_rows_are_those_of_the_release(demo_store, recipe):
    folder = demo_store / "releases" / recipe / "1"
    kept = pl.read_parquet(folder / "ledger/*.parquet").filter(pl.col("status") == "kept")
    data = pl.concat([pl.read_parquet(path) for path in sorted(folder.glob("data/*/*/*.parquet"))], how="diagonal")
    same = ["id", "source", "file", "line", "license"]
    assert kept.select(same).equals(data.select(same).sort("id"))


def test_every_row_that_is_not_kept_says_why(demo):
    gone = demo.filter(pl.col("status").is_in(["dropped", "quarantined"]))
    assert gone["reason"].null_count() == 0
    assert demo.filter(~pl.col("status").is_in(["dropped", "quarantined"]))["reason"].null_count() == demo.height - (
        gone.height
    )


def test_malformed_rows_are_named_by_file_and_line(demo, demo_store):
    broken = demo.filter(pl.col("status") == "quarantined")
    assert (
        broken["id"].to_list() == broken.select(pl.format("{}:{}:{}", "source", "file", "line")).to_series().to_list()
    )
    assert set(broken["reason"]) == {"malformed"}


def test_malformed_rows_that_stand_on_one_line_are_told_apart(tmp_path):
    places = [("a", "x.xml", 1), ("a", "x.xml", 2), ("a", "x.xml", 1), ("a", "y.xml", 1), ("a", "x.xml", 1)]
    rows = pl.DataFrame([(*place, "no answer", "") for place in places], MALFORMED_SCHEMA, orient="row")
    rows.write_parquet(tmp_path / "quarantine.parquet")
    assert quarantined(tmp_path)["id"].to_list() == [
        "a:x.xml:1",
        "a:x.xml:2",
        "a:x.xml:1#2",
        "a:y.xml:1",
        "a:x.xml:1#3",
    ]
    assert quarantined(tmp_path / "none") is None


def test_rows_of_benchmarks_are_told_to_be_looked_at(demo):
    looked = demo.filter(pl.col("status") == "reference_only")
    assert set(looked["source"]) == {"headqa_en_held_out", "medmcqa_validation", "mts_dialog_held_out", "pubmedqa_test"}


# --- no text of any row --------------------------------------------------------------------------------------------


def test_it_names_rows_and_figures_and_quotes_no_text(demo_store, demo, recipe):
    leaks = [json.loads(seen) for seen in demo.filter(pl.col("reason").str.starts_with("leak:"))["evidence"]]
    assert all({"benchmark", "item", "layer", "score"} <= seen.keys() and "item_text" not in seen for seen in leaks)
    steps = [Store(demo_store).folder(step.folder) for step in graph(demo_store, recipe)]
    rows = pl.concat(pl.read_parquet(path) for step in steps for path in step.glob("dropped/*.parquet"))
    quoting = rows.filter(pl.col("reason").is_in(["junk_question", "junk_answer", "needs_image", "no_answer"]))
    assert quoting.height > 5
    assert demo.filter(pl.col("id").is_in(quoting["id"].implode()))["evidence"].null_count() == quoting.height
    texts = [text for text in rows["messages"].list.last().struct.field("content") if len(text) > 12]
    told = "\n".join(demo["evidence"].drop_nulls())
    assert not [text for text in texts if text in told]


def test_evidence_of_private_texts_is_left_in_the_store():
    told = ledger._public_evidence(json.dumps({"answer": ["phone 020 7946 0958"], "score": 0.5, "note": "Ada Example"}))
    assert json.loads(told) == {"score": 0.5}
    assert ledger._public_evidence('{"answer": "020 7946 0958"}') is None
    assert ledger._public_evidence("020 7946 0958") is None


# --- who changed a row ---------------------------------------------------------------------------------------------


def test_the_steps_that_changed_a_row_are_found_in_a_store_that_did_not_note_them(demo_store, demo, recipe, tmp_path):
    store = tmp_path / "store"
    shutil.copytree(demo_store, store, ignore=shutil.ignore_patterns("releases"))
    as_an_older_sabila_left_it(store)
    assert written(store, recipe, tmp_path / "older")[0].equals(demo)


def test_any_number_of_steps_may_have_changed_a_row(demo_store, demo, recipe, tmp_path, monkeypatch):
    monkeypatch.setattr(ledger, "WORD", 3)
    assert written(demo_store, recipe, tmp_path / "words")[0].equals(demo)
    assert demo["changed_by"].list.len().max() >= 3


# --- files ---------------------------------------------------------------------------------------------------------


def test_the_same_steps_give_the_same_bytes(demo_store, recipe, tmp_path):
    other = tmp_path / "another" / "store"
    shutil.copytree(demo_store, other, ignore=shutil.ignore_patterns("releases"))
    _, first = written(demo_store, recipe, tmp_path / "first")
    _, second = written(other, recipe, tmp_path / "second")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_a_large_ledger_is_cut_into_files(demo_store, demo, recipe, tmp_path, monkeypatch):
    monkeypatch.setattr(ledger, "ROWS_PER_FILE", 100)
    monkeypatch.setattr(ledger, "ROWS_PER_GROUP", 25)
    rows, files = written(demo_store, recipe, tmp_path / "cut")
    assert [path.name for path in files] == [f"rows-{n:05}-of-00004.parquet" for n in range(4)]
    assert [pl.read_parquet(path).height for path in files] == [100, 100, 100, 49]
    assert rows.equals(demo)


# --- what does not add up ------------------------------------------------------------------------------------------


@pytest.fixture
def store(demo_store, tmp_path):
    copy = tmp_path / "store"
    shutil.copytree(demo_store, copy, ignore=shutil.ignore_patterns("releases"))
    return copy


def rewritten(path, rows):
    """Put other rows in place of a file of a step, as no sabila does."""
    path.unlink()
    rows.write_parquet(path)


@pytest.mark.parametrize(
    "place", ["clean-medquad-*/dropped", "near-*/dropped", "add-instructions-*/kept", "read-medmcqa_v*/kept"]
)
def test_a_row_lost_from_the_files_of_a_step_is_found(place, store, tmp_path):
    path = next(store.glob(f"steps/{place}/*.parquet"))
    rewritten(path, pl.read_parquet(path).head(-1))
    with pytest.raises(LostRowsError, match=f"{place.partition('-')[0]}.* when it was built, but its files hold"):
        write_ledger(Store(store), graph(store, "demo"), tmp_path)
    assert not list(tmp_path.glob("ledger/*"))


def test_a_malformed_row_lost_is_found(store, tmp_path):
    path = next(store.glob("steps/read-pubmedqa-*/quarantine.parquet"))
    rewritten(path, pl.read_parquet(path).head(-1))
    with pytest.raises(LostRowsError, match="counted 2 rows quarantined when it was built, but its files hold 1"):
        write_ledger(Store(store), graph(store, "demo"), tmp_path)


def test_a_row_lost_between_two_steps_is_found(store, tmp_path):
    """The step after says it was given fewer rows: each step is whole in itself, and yet a row is nowhere."""
    steps = graph(store, "demo")
    path = sorted((Store(store).folder(steps[-1].folder) / "kept").iterdir())[0]
    rewritten(path, pl.read_parquet(path).head(-1))
    counts = steps[-1].counts
    fewer = counts.with_values(kept=counts.kept - 1, rows_in=counts.rows_in - 1)
    steps[-1] = steps[-1].with_values(counts=fewer)
    with pytest.raises(LostRowsError, match="349 rows were read or made, but the ledger has 348"):
        write_ledger(Store(store), steps, tmp_path)


def test_a_row_in_two_places_is_found(store, tmp_path):
    steps = graph(store, "demo")
    path = sorted((Store(store).folder(steps[-1].folder) / "kept").iterdir())[0]
    rows = pl.read_parquet(path)
    rewritten(path, pl.concat([rows, rows.head(1)]))
    more = steps[-1].counts.with_values(kept=steps[-1].counts.kept + 1)
    steps[-1] = steps[-1].with_values(counts=more)
    with pytest.raises(LostRowsError, match="349 rows were read or made, but the ledger has 350"):
        write_ledger(Store(store), steps, tmp_path)


# --- branches ------------------------------------------------------------------------------------------------------


def test_a_row_that_ended_in_one_branch_and_went_on_in_another_is_kept(tmp_path, monkeypatch):
    rows, _ = written(branched_store(tmp_path, monkeypatch), "branched", tmp_path)
    made = rows.filter(pl.col("id").str.contains("/"))
    assert Counter(rows["status"]) == {"kept": 63, "dropped": 21, "reference_only": 2}
    assert Counter(made["id"].str.extract(r"/(.*)$")) == {"short": 21, "long": 21, "short/again": 21}
    assert made.filter(pl.col("status") == "kept")["step"].unique().to_list() == ["last"]
    assert rows["id"].is_sorted() and rows["id"].n_unique() == rows.height == 86
