"""Scores split by what decontamination found in a model's training releases."""

import json
import shutil

import polars as pl
import pytest
from evaluation_place import RuleTeacher, oracle, write_mirror

from pipelines.completions.budget import Spending
from pipelines.evaluate import evaluate_model
from pipelines.evaluate.compare_results import compare_folders
from pipelines.evaluate.evaluate_model import Evaluation, evaluate
from pipelines.evaluate.release_leaks import ReleaseLeaksError, leaks_of_model, read_leaks, training_releases
from pipelines.evaluate.result_folder import read_results
from training.evaluation.benchmark_items import load_items
from training.evaluation.evaluation_record import Settings
from training.evaluation.item_results import ItemResult
from training.evaluation.known_leaks import KnownLeaks, joined_leaks, leak_scores, mark_leaks

GENERATE = Settings(mode="generate", temperature=0.0, max_tokens=64)


def known(checked, leaked, release="r@1", whole=True):
    return KnownLeaks(release=release, checked=frozenset(checked), leaked=frozenset(leaked), whole=whole)


@pytest.fixture
def found(tmp_path):
    return load_items("medmcqa", mirror=write_mirror(tmp_path / "mirror"), raw=tmp_path)


def results_of(found):
    return [
        ItemResult(
            item=item.id, benchmark="medmcqa", subset=None, cluster=None, order=0, sample=0, how="x",
            verdict="right" if place % 2 else "wrong", score=float(place % 2),
        )
        for place, item in enumerate(found.items)
    ]  # fmt: skip


def test_items_are_clean_contaminated_or_not_checked(found):
    ids = [item.id for item in found.items]
    leaks = known(ids[:30], [ids[1], ids[3], ids[5]])
    scores = leak_scores(mark_leaks(found, results_of(found), leaks, []), leaks)
    assert (scores.clean.n, scores.contaminated.n, scores.unchecked.n) == (27, 3, 10)
    assert scores.contaminated.value == 1.0
    assert scores.clean.value == pytest.approx(12 / 27)


def test_the_same_question_of_another_edition_has_the_same_leak(found):
    editions = [(f"other:{place}", item.question.upper() + "  ") for place, item in enumerate(found.items)]
    leaks = known({"other:0", "other:1", "other:2"}, {"other:2"})
    marked = mark_leaks(found, results_of(found), leaks, editions)
    assert [one.leaked for one in marked[:4]] == [False, False, True, None]


def test_a_model_of_two_releases_is_clean_where_both_found_nothing():
    both = joined_leaks([known("abc", "a"), known("bcd", "b", "s@1", whole=False)])
    assert (both.checked, both.leaked, both.whole) == (frozenset("bc"), frozenset("ab"), False)


def test_a_release_lists_its_clean_and_contaminated_items(demo_store, tmp_path):
    folder = demo_store / "releases" / "demo" / "1"
    items = pl.read_parquet(folder / "benchmark_items.parquet")
    assert dict(items["status"].value_counts().iter_rows()).keys() == {"clean", "contaminated"}
    dropped = pl.read_parquet(folder / "ledger").filter(pl.col("reason").str.starts_with("leak:"))
    named = set(dropped["evidence"].str.json_path_match("$.item"))
    assert named <= set(items.filter(status="contaminated")["item"])
    shutil.copytree(folder, tmp_path / "demo")
    known = read_leaks(tmp_path / "demo")
    assert known.whole
    assert known.leaked == frozenset(items.filter(status="contaminated")["item"])
    assert known.checked == frozenset(items["item"])


def test_without_the_list_leaks_are_read_from_the_store_or_from_the_ledger_alone(demo_store, tmp_path):
    store = tmp_path / "store"
    shutil.copytree(demo_store, store)
    folder = store / "releases" / "demo" / "1"
    listed = read_leaks(folder)
    (folder / "benchmark_items.parquet").unlink()
    whole = read_leaks(folder)
    assert whole == listed
    shutil.copytree(folder, tmp_path / "demo")
    alone = read_leaks(tmp_path / "demo")
    assert (whole.whole, alone.whole) == (True, False)
    assert alone.leaked <= whole.leaked
    assert alone.leaked
    assert whole.checked == alone.checked
    assert {id.partition(":")[0] for id in whole.leaked} <= {id.partition(":")[0] for id in whole.checked}
    shutil.rmtree(tmp_path / "demo" / "ledger")
    with pytest.raises(ReleaseLeaksError, match="has no ledger"):
        read_leaks(tmp_path / "demo")


def write_run(model, folder, hash=None):
    """Write the record of a model that was trained on a release."""
    manifest = json.loads((folder / "manifest.json").read_text())
    release = {
        "name": manifest["name"],
        "version": manifest["version"],
        "hash": hash or manifest["hash"],
        "license": "MIT",
    }
    model.mkdir()
    (model / "run.json").write_text(json.dumps({"lineage": {"made_by": "sft", "release": release, "from": []}}))


def test_the_release_is_found_by_the_models_own_record(demo_store, tmp_path):
    folder = demo_store / "releases" / "demo" / "1"
    write_run(tmp_path / "model", folder)
    assert [one["name"] for one in training_releases(tmp_path / "model")] == ["demo"]
    leaks, notes = leaks_of_model(str(tmp_path / "model"), (), demo_store)
    assert leaks.release == "demo@1"
    assert notes == []
    assert leaks_of_model("ORG/MODEL", (), demo_store) == (None, [])
    missing, notes = leaks_of_model(str(tmp_path / "model"), (), tmp_path)
    assert missing is None
    assert "name it with --release" in notes[0]
    write_run(tmp_path / "other", folder, hash="0" * 64)
    missing, notes = leaks_of_model(str(tmp_path / "other"), (), demo_store)
    assert missing is None
    assert "another hash" in notes[0]


def test_an_evaluation_has_the_lists_and_a_comparison_a_row_of_clean_items(demo_store, tmp_path, monkeypatch):
    folder = demo_store / "releases" / "demo" / "1"
    leaks = read_leaks(folder)
    ids = sorted(id.partition(":")[2] for id in leaks.checked if id.startswith("medmcqa_validation:"))
    rows = {}
    for place, id in enumerate(ids):
        letters = dict(zip("ABCD", (f"value {place * 10 + n}" for n in range(4)), strict=True))
        rows[id] = {"id": id, "question": f"Which value is {place * 10}?", "options": letters, "correct_answer": "A"}
    file = tmp_path / "mirror" / "hpai_prompt_engine" / "medmcqa" / "medmcqa_test.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(rows))
    monkeypatch.setattr(evaluate_model, "make_teacher", lambda *_: RuleTeacher(oracle))
    job = {"benchmarks": ("medmcqa_validation",), "settings": GENERATE, "store": tmp_path / "store"}
    job |= {"mirror": tmp_path / "mirror", "releases": (str(folder),)}
    record = evaluate(Evaluation(model="m", out=tmp_path / "one", **job), Spending())
    scores = record.benchmarks[0].leaks
    leaked = {id for id in leaks.leaked if id.startswith("medmcqa_validation:")}
    assert scores.contaminated.n == len(leaked) > 0
    assert scores.clean.n == len(ids) - len(leaked) > 0
    marked = {one.item for one in read_results(tmp_path / "one").items if one.leaked}
    assert marked == leaked
    monkeypatch.setattr(
        evaluate_model, "make_teacher", lambda *_: RuleTeacher(lambda request: "Answer: B", name="rule:b")
    )
    evaluate(Evaluation(model="m", out=tmp_path / "two", **job), Spending())
    pairs = compare_folders([tmp_path / "one", tmp_path / "two"]).pairs
    assert [(pair.benchmark, pair.items) for pair in pairs] == [
        ("medmcqa_validation", len(ids)),
        ("medmcqa_validation, clean items", len(ids) - len(leaked)),
    ]
    assert pairs[1].p_holm is None
    assert pl.read_parquet(tmp_path / "one" / "items.parquet")["leaked"].sum() == len(leaked)
