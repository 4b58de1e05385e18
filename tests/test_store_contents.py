"""What a store holds: a curator sees what earlier builds left, and removes it without losing a release or an answer."""

import json
import os
import shutil

import pytest
import tiny_recipe
from tiny_recipe import names, refused, run, steps, tree, write_mirror, write_recipe

from pipelines.storage.store import Store


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return a folder with a store in which the recipe was built with two settings."""
    monkeypatch.chdir(tmp_path)
    recipe, mirror = write_recipe(tmp_path), write_mirror(tmp_path / "mirror")
    for shortest in (1, 2):
        tiny_recipe.build(recipe, tmp_path / "store", mirror, min_prose_chars=shortest)
    return tmp_path


def contents(*more):
    done = run("store", "--json", *more)
    assert done.exit_code == 0, done.output
    shown = json.loads(done.stdout)
    return {part["part"]: part for part in shown["parts"]}, shown["removed_bytes"]


def test_steps_of_an_earlier_build_are_unused_and_are_removed_on_request(folder):
    before = steps(folder / "store")
    parts, removed = contents()
    other = parts["other steps"]
    assert names(name.removeprefix("steps/") for name in other["names"]) == {"clean-clinic", "clean-ward", "exact"}
    assert (other["count"], parts["steps of releases and last builds"]["count"], removed) == (3, 5, 0)
    assert other["bytes"] > 0
    assert steps(folder / "store") == before, "only shown"
    parts, removed = contents("--remove-unused")
    assert removed == sum(part["bytes"] for part in parts.values() if part["unused"]) > 0
    assert len(steps(folder / "store")) == 5
    again, removed = contents("--remove-unused")
    assert (again["other steps"]["count"], removed) == (0, 0)
    plan = json.loads(run("plan", "tiny.py", "--mirror", "mirror", "--min-prose-chars", "2", "--json").stdout)
    assert all(step["done"] for step in plan["steps"])


def test_what_was_removed_is_made_again_with_the_same_bytes(folder):
    recipe, before = folder / "tiny.py", tree(folder / "store")
    contents("--remove-unused")
    assert len(tree(folder / "store")) < len(before)
    tiny_recipe.build(recipe, folder / "store", folder / "mirror", min_prose_chars=1)
    assert tree(folder / "store") == before


def test_a_release_keeps_its_steps(folder):
    recipe = ("tiny.py", "--mirror", "mirror", "--min-prose-chars")
    assert run("release", *recipe, "1", "--version", "1").exit_code == 0
    tiny_recipe.build(folder / "tiny.py", folder / "store", folder / "mirror", min_prose_chars=3)
    parts, _ = contents("--remove-unused")
    assert parts["other steps"]["count"] == 3, "those of the build with 2 characters"
    assert parts["releases"]["count"] == 1
    assert run("verify", "tiny@1").exit_code == 0
    history = run("trace", "clinic:c1", "--release", "tiny@1")
    assert history.exit_code == 0, history.output


def test_what_an_interrupted_build_left_is_kept_for_the_next_one(folder):
    """Work of a build since the last finished one goes on in the next build; what lay there before it is unused."""
    old, new = (folder / "store" / "partial" / name for name in ("exact-0123456789abcdef", "near-0123456789abcdef"))
    for place in (old, new):
        place.mkdir(parents=True)
        (place / "0.parquet").write_bytes(b"half a shard")
    note = next((folder / "store" / "builds").glob("*.json"))
    stamp = old.stat().st_mtime

    os.utime(note, (stamp - 1, stamp - 1))
    for path in (old / "0.parquet", old):
        os.utime(path, (stamp - 60, stamp - 60))
    parts, _ = contents("--remove-unused")
    assert parts["steps begun since"]["count"] == 1
    assert parts["steps begun before the last build"]["names"] == ["partial/exact-0123456789abcdef"]
    assert (new / "0.parquet").exists()
    assert not old.exists()


def test_tables_kept_for_the_next_build_are_those_of_the_newest_code(folder):

    for number, name in enumerate(("near-aaaa", "near-bbbb", "leaks-cccc")):
        place = folder / "store" / "memory" / name
        place.mkdir(parents=True)
        (place / "table.arrow").write_bytes(b"0" * 1000)
        os.utime(place, (1_000_000 + number, 1_000_000 + number))
    parts, _ = contents("--remove-unused")
    assert parts["older kept tables"]["names"] == ["memory/near-aaaa"]
    assert parts["older kept tables"]["bytes"] == 1000
    assert sorted(path.name for path in (folder / "store" / "memory").iterdir()) == ["leaks-cccc", "near-bbbb"]


def test_nothing_is_removed_while_a_build_runs(folder):
    before = steps(folder / "store")
    with Store(folder / "store").building():
        assert "a build is running in store, expected none" in refused(1, "store", "--remove-unused")
        assert "other steps" in run("store").stdout
    assert steps(folder / "store") == before


def test_a_folder_that_is_no_store_is_refused_and_not_made_one(folder):
    assert "elsewhere is no store, expected a folder that sabila build wrote" in refused(
        1, "store", "--store", "elsewhere"
    )
    assert not (folder / "elsewhere").exists()
    assert "elsewhere is no store" in refused(1, "store", "--store", "elsewhere", "--remove-unused")
    assert not (folder / "elsewhere").exists()


def test_nothing_is_removed_where_a_manifest_cannot_be_read(folder):
    assert run("release", "tiny.py", "--mirror", "mirror", "--version", "1").exit_code == 0
    (folder / "store" / "releases" / "tiny" / "1" / "manifest.json").write_text("{")
    before = steps(folder / "store")
    refused(1, "store", "--remove-unused")
    assert steps(folder / "store") == before


def test_the_table_says_what_can_be_removed(folder):
    shown = run("store").stdout
    assert "--remove-unused removes it, and a build that needs it rebuilds it" in shown
    assert "removed" in run("store", "--remove-unused").stdout
    assert "nothing is unused" in run("store").stdout
    shutil.rmtree(folder / "store" / "builds")
    assert "unused" in run("store").stdout, "without a note of a build only releases use steps"
