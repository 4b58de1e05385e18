"""A version is frozen: the same content gives the same bytes anywhere, and no other content takes its name."""

import hashlib
import json
from pathlib import Path

import polars as pl
import pytest
import tiny_recipe
from manifests import load, typed
from tiny_recipe import ROWS, sabila, start, write_mirror, write_recipe

from pipelines.build.manifest_diff import describe, differences
from pipelines.build.recipe import load as load_recipe
from pipelines.build.session import BuildSession
from pipelines.freeze.freeze_release import release
from pipelines.release.locate import hash_file
from pipelines.storage.stored_step import FILES, list_files
from sources.atomic import write_json
from sources.releases.read_manifest import ReleaseError, content_hash


@pytest.fixture
def recipe(tmp_path):
    (tmp_path / "here").mkdir()
    return write_recipe(tmp_path / "here")


@pytest.fixture
def mirror(tmp_path):
    return write_mirror(tmp_path / "mirror")


def released(recipe, store, mirror, *, version="1", workers=1, **values):
    """Build and release in this process; return the manifest."""
    bench = BuildSession.open(load_recipe(str(recipe)), values, store=store, mirror=mirror)
    bench.build(workers=workers)
    return release(bench, version).to_json()


def refusal(*arguments, **more):
    with pytest.raises(ReleaseError) as error:
        released(*arguments, **more)
    return str(error.value)


def files(folder):
    """Return ``{path: hash}`` of a release, but for the part of its manifest that tells of the machine."""
    found = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    manifest = json.loads(found.pop(Path("manifest.json")))
    hashes = {str(path): hashlib.sha256(content).hexdigest() for path, content in found.items()}
    return hashes | {"manifest": {name: value for name, value in manifest.items() if name != "environment"}}


# --- the same anywhere ---------------------------------------------------------------------------------------------


@pytest.fixture
def expected(recipe, mirror, tmp_path, monkeypatch):
    """A release of many shards."""
    monkeypatch.setattr("sources.files.WINDOW_LINES", 2)
    released(recipe, tmp_path / "store", mirror)
    return files(tmp_path / "store" / "releases" / "tiny" / "1")


def test_two_stores_two_paths_and_other_numbers_of_workers_give_one_hash(expected, recipe, tmp_path):
    elsewhere = write_mirror(tmp_path / "far" / "away" / "mirror", gz=True)
    copy = tmp_path / "other" / "tiny.py"
    copy.parent.mkdir()
    copy.write_text(recipe.read_text(encoding="utf-8"), encoding="utf-8")
    manifest = released(copy, tmp_path / "far" / "store", elsewhere, workers=2)
    assert files(tmp_path / "far" / "store" / "releases" / "tiny" / "1") == expected
    assert manifest["hash"] == expected["manifest"]["hash"] == content_hash(manifest)


def test_the_order_in_which_folders_list_their_files_does_not_count(expected, recipe, mirror, tmp_path, monkeypatch):
    listed = {name: getattr(Path, name) for name in ("glob", "rglob", "iterdir")}
    for name, method in listed.items():
        turned = lambda path, *given, method=method: iter(sorted(method(path, *given), reverse=True))  # noqa: E731
        monkeypatch.setattr(Path, name, turned)
    released(recipe, tmp_path / "turned", mirror)
    monkeypatch.undo()
    assert files(tmp_path / "turned" / "releases" / "tiny" / "1") == expected


def test_the_number_of_threads_does_not_count(tmp_path):
    hashes = []
    for threads in ("1", "4"):
        place = tmp_path / threads
        place.mkdir()
        write_recipe(place)
        write_mirror(place / "mirror")
        call = ("release", "tiny.py", "--mirror", "mirror", "--workers", "1", "--version", "1", "--json")
        done = sabila(*call, folder=place, env={"POLARS_MAX_THREADS": threads})
        assert done.returncode == 0, done.stderr
        hashes.append(json.loads(done.stdout)["hash"])
    assert hashes[0] == hashes[1]


def test_what_a_lock_remembers_of_other_builds_does_not_count(expected, recipe, mirror, tmp_path):
    released(recipe, tmp_path / "another", mirror, corpora=("clinic", "ward", "school"), version="2")
    released(recipe, tmp_path / "another", mirror)
    assert files(tmp_path / "another" / "releases" / "tiny" / "1") == expected


def test_the_hash_is_over_all_but_the_machine(expected):
    manifest = expected["manifest"]
    assert content_hash({**manifest, "environment": {"platform": "another"}}) == manifest["hash"]
    for name in manifest.keys() - {"hash"}:
        assert content_hash({**manifest, name: "changed"}) != manifest["hash"]


def test_a_store_notes_the_hash_of_what_it_froze(recipe, mirror, tmp_path):
    manifest = released(recipe, tmp_path / "store", mirror)
    noted = hash_file(tmp_path / "store" / "releases" / "tiny" / "1")
    assert noted.read_text() == f"{manifest['hash']}\n"


# --- other content under the same name ------------------------------------------------------------------------------


def test_the_same_content_again_is_the_release_that_is_there(recipe, mirror, tmp_path):
    first = released(recipe, tmp_path / "store", mirror)
    folder = tmp_path / "store" / "releases" / "tiny" / "1"
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert released(recipe, tmp_path / "store", mirror) == first
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    assert list((tmp_path / "store" / "partial").iterdir()) == []


def test_a_changed_setting_is_told_with_both_values(recipe, mirror, tmp_path):
    released(recipe, tmp_path / "store", mirror)
    assert refusal(recipe, tmp_path / "store", mirror, min_prose_chars=39) == (
        "tiny@1 is frozen with other content; differences: clean-clinic: config.rules.min_prose_chars 1 -> 39; "
        "clean-ward: config.rules.min_prose_chars 1 -> 39; value: min_prose_chars nothing -> 39. Choose another version"
    )


def test_a_changed_raw_file_is_told_with_both_hashes(recipe, mirror, tmp_path):
    old = released(recipe, tmp_path / "store", mirror)["lock"]["ward"]["files"]["rounds.jsonl"]
    write_mirror(mirror, {"ward": {"rounds.jsonl": ROWS["ward"]["rounds.jsonl"][1:]}})
    (recipe.parent / "sabila.lock").unlink(missing_ok=True)
    new = hashlib.sha256((mirror / "ward" / "rounds.jsonl").read_bytes()).hexdigest()
    refused = refusal(recipe, tmp_path / "store", mirror)
    hashes = f"{old[:12]}… -> {new[:12]}…"
    assert f"read-ward: file train/rounds.jsonl {hashes}" in refused
    assert f"lock of ward: rounds.jsonl {hashes}" in refused
    assert "exact" not in refused


def test_changed_code_and_an_added_source_are_told(recipe, mirror, tmp_path):
    released(recipe, tmp_path / "store", mirror)
    refused = refusal(recipe, tmp_path / "store", mirror, corpora=("clinic", "school"))
    assert "read-ward: no such step now" in refused
    assert 'exact: inputs ["clean-clinic", "clean-ward"] -> ["clean-clinic", "clean-school"]' in refused
    text = recipe.read_text(encoding="utf-8").replace(
        'return qa(row["id"], row["question"]', 'return qa(row["id"], "?"'
    )
    write_recipe(recipe.parent, text)
    refused = refusal(recipe, tmp_path / "store", mirror)
    assert "code of 2 steps (read-clinic, read-ward)" in refused
    assert "recipe: file_sha256 " in refused
    assert "clean-clinic" not in refused


def test_other_rows_of_the_same_steps_are_told_by_their_files(recipe, mirror, tmp_path):
    """As when a teacher answered otherwise: the steps are the same, what came of them is not."""
    released(recipe, tmp_path / "store", mirror)
    [last] = (tmp_path / "store" / "steps").glob("exact-*/kept/00000.parquet")
    rows = pl.read_parquet(last)
    rows.with_columns(answer=rows["answer"] + " Or so.").write_parquet(last)
    write_json(last.parents[1] / FILES, list_files(last.parents[1]))  # as the step that made them would list them
    refused = refusal(recipe, tmp_path / "store", mirror)
    assert "differences: file: data/prompts/clinic/train-00000-of-00001.parquet " in refused


def test_a_release_without_its_manifest_is_no_release_and_makes_room(recipe, mirror, tmp_path):
    first = released(recipe, tmp_path / "store", mirror)
    folder = tmp_path / "store" / "releases" / "tiny" / "1"
    (folder / "manifest.json").unlink()
    assert released(recipe, tmp_path / "store", mirror, min_prose_chars=39)["hash"] != first["hash"]


def test_nothing_differs_between_a_manifest_and_itself(recipe, mirror, tmp_path):
    manifest = released(recipe, tmp_path / "store", mirror)
    assert differences(typed(manifest), typed(json.loads(json.dumps(manifest)))) == []
    assert describe([]) == "nothing recorded in its manifest"


def test_a_release_that_breaks_off_leaves_nothing_and_is_made_by_the_next(recipe, mirror, tmp_path, monkeypatch):
    def breaks(manifest, folder):
        raise OSError("the disk is gone")

    with monkeypatch.context() as broken:
        broken.setattr("pipelines.freeze.freeze_release.seal", breaks)
        with pytest.raises(OSError, match="the disk is gone"):
            released(recipe, tmp_path / "store", mirror)
    assert not (tmp_path / "store" / "releases").exists()
    assert released(recipe, tmp_path / "store", mirror)["rows"] == 5


# --- two at once ---------------------------------------------------------------------------------------------------


def at_once(tmp_path, *calls):
    """Run releases of one version side by side; return their exit codes and what they said."""
    write_recipe(tmp_path)
    write_mirror(tmp_path / "mirror")
    call = ("release", "tiny.py", "--mirror", "mirror", "--workers", "1", "--version", "1")
    running = [start(*call, *more, folder=tmp_path) for more in calls]
    said = [process.communicate(timeout=120) for process in running]
    return [(process.returncode, *texts) for process, texts in zip(running, said, strict=True)]


def test_two_releases_of_the_same_content_at_once_are_one(tmp_path):
    ended = at_once(tmp_path, (), ())
    assert [(code, output) for code, output, _ in ended] == [(0, "store/releases/tiny/1\n")] * 2, ended
    manifest = load(tmp_path / "store" / "releases" / "tiny" / "1")
    assert content_hash(manifest) == manifest["hash"]


def test_of_two_releases_of_other_content_at_once_one_is_frozen_and_one_refused(tmp_path):
    ended = at_once(tmp_path, (), ("--min-prose-chars", "39"))
    assert sorted(code for code, _, _ in ended) == [0, 1], ended
    [refused] = [errors for code, _, errors in ended if code]
    assert "tiny@1 is frozen with other content; differences: clean-clinic: config.rules.min_prose_chars " in refused
    manifest = load(tmp_path / "store" / "releases" / "tiny" / "1")
    assert content_hash(manifest) == manifest["hash"]
    tiny = tiny_recipe.steps(tmp_path / "store")
    assert {step["folder"] for step in manifest["steps"]} <= set(tiny)
