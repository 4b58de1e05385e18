"""A release whose files were changed after it was frozen, given to the verbs that read rows."""

import json
import shutil

import polars as pl
import pytest
from tiny_recipe import refused, run

from pipelines.api.results import Release
from pipelines.release.released_files import changed_files
from pipelines.verify.verify_release import verify
from sources.releases.read_manifest import ReleaseError, load

MEDQUAD = "data/sft/medquad/train-00000-of-00001.parquet"
ROW = "medquad:1_Respiratory_QA/0000001:0000001-1"


@pytest.fixture
def release(demo_store, tmp_path):
    """A copy of demo@1 elsewhere than in its store."""
    return shutil.copytree(demo_store / "releases" / "demo" / "1", tmp_path / "copy")


def edit_a_row(folder):
    rows = pl.read_parquet(folder / MEDQUAD)
    rows.with_columns(license=pl.lit("CC0-1.0")).write_parquet(folder / MEDQUAD)
    return MEDQUAD


def add_a_file(folder):
    name = MEDQUAD.replace("00000-of", "00001-of")
    shutil.copy(folder / MEDQUAD, folder / name)
    return name


def add_a_note(folder):
    (folder / "data/notes.txt").write_text("see here")
    return "data/notes.txt"


def link_an_equal_file(folder):
    moved = (folder / MEDQUAD).rename(folder.parent / "moved.parquet")
    (folder / MEDQUAD).symlink_to(moved)
    return MEDQUAD


def link_an_equal_manifest(folder):
    moved = (folder / "manifest.json").rename(folder.parent / "moved.json")
    (folder / "manifest.json").symlink_to(moved)
    return "manifest.json"


def remove_the_ledger(folder):
    shutil.rmtree(folder / "ledger")
    return "ledger/rows-00000-of-00001.parquet"


def relicense_in_the_manifest(folder):
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"license": "CC0-1.0"}))
    return "manifest.json"


CHANGES = [edit_a_row, add_a_file, add_a_note, link_an_equal_file, link_an_equal_manifest, remove_the_ledger]
CHANGES += [relicense_in_the_manifest]


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_file_of_rows_is_named(change, release):
    assert changed_files(release, load(release)) == []
    name = change(release)
    assert changed_files(release, load(release)) == [name]
    assert name in {finding.file for finding in verify(release).findings}


@pytest.mark.parametrize("change", CHANGES)
def test_what_hands_rows_on_refuses_them(change, release, tmp_path):
    name = change(release)
    said = f"{name} differs from what demo@1 was frozen with: sabila verify {release} lists what is wrong; fetch the"
    assert said in refused(1, "export", release, "--to", "alpaca", "--out", tmp_path / "out")
    assert said in refused(1, "review", release, "--out", tmp_path / "sheet.csv")
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "sheet.csv").exists()


@pytest.mark.parametrize("change", CHANGES)
def test_python_gets_no_changed_rows(change, release):
    opened = Release.of(release)
    assert opened.rows().height
    name = change(release)
    changed = Release.of(release)
    for read in (changed.rows, changed.dataset, lambda: changed.ledger):
        with pytest.raises(ReleaseError, match=rf"{name} differs from what demo@1 was frozen with"):
            read()


def test_what_shows_rows_warns_of_them(release, demo_store, tmp_path):
    edit_a_row(release)
    said = f"warning: {MEDQUAD} differs from what demo@1 was frozen with"
    assert said in run("report", release, "--out", tmp_path / "report.html").stderr
    assert said in run("diff", demo_store / "releases/demo/1", release).stderr
    assert "warning" not in run("trace", ROW, "--release", release).stderr
    add = pl.read_parquet(release / "ledger/rows-00000-of-00001.parquet")
    add[1:].write_parquet(release / "ledger/rows-00000-of-00001.parquet")
    assert "warning: ledger/rows" in run("trace", ROW, "--release", release).stderr


@pytest.mark.parametrize("damage", [b"", b"PAR1 and nothing more"])
def test_a_check_lists_a_damaged_file_of_a_release(damage, release):
    (release / MEDQUAD).write_bytes(damage)
    shown = run("check", release).stdout
    assert "unreadable-file (error)" in shown
    assert f"{MEDQUAD}: " in shown


def test_a_release_without_rows_is_called_that(release, tmp_path):
    shutil.rmtree(release / "data")
    assert "data/sft/genmedgpt5k/train-00000-of-00001.parquet and 5 more files differ" in refused(
        1, "review", release, "--out", tmp_path / "sheet.csv"
    )


def test_a_snapshot_in_the_cache_of_the_hub_is_the_release(release, tmp_path):
    cache = tmp_path / "datasets--clinic--demo"
    (cache / "blobs").mkdir(parents=True)
    (cache / "snapshots").mkdir()
    snapshot = release.rename(cache / "snapshots" / "0f1e2d")
    for number, path in enumerate([path for path in sorted(snapshot.rglob("*")) if path.is_file()]):
        path.symlink_to(path.rename(cache / "blobs" / f"{number:064x}"))
    assert changed_files(snapshot, load(snapshot)) == []
    assert not verify(snapshot).findings
    outside = (snapshot / MEDQUAD).resolve().rename(tmp_path / "outside.parquet")
    (snapshot / MEDQUAD).unlink()
    (snapshot / MEDQUAD).symlink_to(outside)
    assert changed_files(snapshot, load(snapshot)) == [MEDQUAD]
