"""A finished step that was damaged since is found before anything is built on it, and before it is released."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
import tiny_recipe
from tiny_recipe import run, write_mirror, write_recipe

from pipelines.storage.store import Store, StoreError
from pipelines.storage.stored_step import FILES, find_damage
from sources.atomic import remove_leftovers


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    place = tmp_path_factory.mktemp("built")
    tiny_recipe.build(write_recipe(place), place / "store", write_mirror(place / "mirror"))
    return place


@pytest.fixture
def place(built, tmp_path):
    return shutil.copytree(built, tmp_path / "copy")


def step(place, name):
    [folder] = (place / "store" / "steps").glob(f"{name}-*")
    return folder


def kept(place, name):
    return sorted((step(place, name) / "kept").glob("*.parquet"))[0]


def remove(path):
    path.unlink()


def empty(path):
    path.write_bytes(b"")


def zero_a_page(path):
    content = bytearray(path.read_bytes())
    half = len(content) // 2
    content[half : half + 16] = bytes(16)
    path.write_bytes(content)


def write_other_texts(path):
    pl.read_parquet(path).with_columns(answer=pl.lit("Another answer, by another hand.")).write_parquet(path)


DAMAGES = [remove, empty, zero_a_page, write_other_texts]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_step_is_not_built_upon(damage, place):
    damage(kept(place, "clean-clinic"))
    shutil.rmtree(step(place, "exact"))
    with pytest.raises(StoreError, match=r"clean-clinic-\w+ is damaged: kept/00000.parquet"):
        tiny_recipe.build(place / "tiny.py", place / "store", place / "mirror")


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["read-ward", "exact"])
def test_a_damaged_step_is_not_released(damage, name, place):
    damage(kept(place, name))
    words = ("--version", "1", "--store", place / "store", "--mirror", place / "mirror", "--workers", "1")
    result = run("release", place / "tiny.py", *words)
    assert result.exit_code == 1
    assert re.search(rf"{name}-\w+ ", result.stderr)
    assert not (place / "store" / "releases").exists() or not list(
        (place / "store" / "releases").rglob("manifest.json")
    )


def test_a_step_without_the_folder_of_what_it_dropped_is_found(place):
    shutil.rmtree(step(place, "clean-clinic") / "dropped")
    shutil.rmtree(step(place, "exact"))
    with pytest.raises(StoreError, match=r"dropped/00000\.parquet is missing"):
        tiny_recipe.build(place / "tiny.py", place / "store", place / "mirror")


def test_a_marker_that_is_damaged_is_named(place):
    (step(place, "clean-clinic") / "step.json").write_bytes(b"")
    with pytest.raises(StoreError, match=r"step\.json is damaged"):
        tiny_recipe.build(place / "tiny.py", place / "store", place / "mirror")


def test_the_rows_of_a_step_without_a_listing_are_counted(place):
    folder, store = step(place, "exact"), Store(place / "store")
    (folder / FILES).unlink()
    assert find_damage(folder, store.summary(folder.name), contents=True) is None
    kept(place, "exact").unlink()
    assert "kept holds 3 rows, expected 5" in find_damage(folder, store.summary(folder.name), contents=True)


def test_a_release_that_verify_would_refuse_is_not_frozen(place, monkeypatch):
    monkeypatch.setattr("pipelines.freeze.freeze_release.card", lambda manifest, folder: "# Another card\n")
    words = ("--version", "1", "--store", place / "store", "--mirror", place / "mirror", "--workers", "1")
    result = run("release", place / "tiny.py", *words)
    assert "tiny@1 was not frozen, because its verification fails: README.md, line 1" in result.stderr
    assert not list((place / "store").rglob("manifest.json"))


# --- what a killed process had begun to write -----------------------------------------------------------------------


def test_leftovers_go_and_what_another_process_writes_stays(tmp_path):
    write_rows = (
        "import sys, time; from pathlib import Path; from sources.atomic import replacing\n"
        "with replacing(Path(sys.argv[1])) as file:\n"
        "    file.write_text('half'); print(file, flush=True); time.sleep(60)\n"
    )
    call = [sys.executable, "-c", write_rows, str(tmp_path / "kept.parquet")]
    killed, living = (subprocess.Popen(call, stdout=subprocess.PIPE, text=True) for _ in range(2))
    left, written = (Path(one.stdout.readline().strip()) for one in (killed, living))
    killed.kill()
    killed.wait()
    (tmp_path / "notes.tmp").write_text("of the user")
    remove_leftovers(tmp_path)
    assert (left.exists(), written.exists(), (tmp_path / "notes.tmp").exists()) == (False, True, True)
    living.kill()
    for one in (killed, living):
        one.communicate()


def test_dedup_removes_what_an_earlier_call_left(tmp_path):
    rows, out = tmp_path / "rows.jsonl", tmp_path / "out"
    rows.write_text("".join(json.dumps({"text": f"A text about fever number {n}."}) + "\n" for n in range(5)))
    out.mkdir()
    (out / "kept.parquet.99999999.tmp").write_bytes(b"PAR1")
    assert run("dedup", rows, "--out", out, "--threads", "1").exit_code == 0
    assert sorted(path.name for path in out.iterdir()) == ["clusters.parquet", "dropped.parquet", "kept.parquet"]
