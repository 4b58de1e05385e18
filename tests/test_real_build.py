"""``aloe_sft`` from the real corpora: every row accounted for, the commercial build clean, the figures of one build."""

import json

import polars as pl
import pytest
from corpora import MIRROR, needs_corpora

from pipelines.build.recipe import load
from pipelines.build.session import BuildSession
from sources.license import fits

pytestmark = needs_corpora


def build(folder, **values):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        bench = BuildSession.open(load("aloe_sft"), values, store=folder / "store", mirror=MIRROR)
        return bench, bench.build(workers=2).to_json()


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return build(tmp_path_factory.mktemp("aloe"))


def test_all_in_hand_training_corpora_are_built(built):
    _, account = built
    read = [step for step in account["steps"] if step["name"].startswith("read-") and not step["reference_only"]]
    assert sum(step["counts"]["rows_in"] for step in read) > 60_000
    assert len(read) >= 21


def test_no_row_vanishes_between_the_raw_files_and_the_result(built):
    _, account = built
    steps = {step["name"]: step["counts"] for step in account["steps"] if not step["reference_only"]}
    came = sum(counts["rows_in"] for name, counts in steps.items() if name.startswith("read-"))
    gone = sum(counts["dropped"] + counts["quarantined"] for counts in steps.values())
    assert came == gone + account["rows"]


def test_no_held_out_row_is_among_the_result(built):
    bench, account = built
    rows = pl.scan_parquet(f"{account['folder']}/kept/*.parquet").select("source", "split").unique().collect()
    assert set(rows["split"]) == {"train"}
    manifest = json.loads((bench.store.root / "builds" / "aloe_sft.json").read_text())
    assert manifest["steps"][-1] == account["folder"].rpartition("/")[2]


def test_every_row_can_be_trained_on(built):
    _, account = built
    rows = pl.scan_parquet(f"{account['folder']}/kept/*.parquet")
    empty = rows.filter(pl.col("response").fill_null("").str.strip_chars() == "").collect()
    assert empty.is_empty()
    mcq = rows.filter(pl.col("options").list.len() > 0).collect()
    assert mcq["response"].str.contains(r"Answer: [A-J](?:, [A-J])*$").all()


def test_the_commercial_build_holds_only_what_may_be_sold_and_says_what_it_left(tmp_path):
    _, account = build(tmp_path, license="commercial", limit=50)
    licenses = pl.scan_parquet(f"{account['folder']}/kept/*.parquet").select("license").unique().collect()["license"]
    assert licenses.len() >= 3
    assert all(fits(license, "commercial") for license in licenses)
    gate = next(step for step in account["steps"] if step["name"] == "license")
    assert gate["reasons"]["license"] >= 150
