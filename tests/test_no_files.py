"""Pipes, devices and dead links in place of the files of a release: refused at once, where reading one never ends."""

import os
import shutil

import pytest
from tiny_recipe import run, sabila, write_mirror, write_recipe

from sources.formats.literal import read_parquet
from sources.releases.read_manifest import ReleaseError, load

WARD = "data/prompts/ward/train-00000-of-00001.parquet"

VERBS = [
    ("verify", "{release}"),
    ("diff", "{release}", "{release}"),
    ("rebuild", "{release}", "--store", "{out}/store", "--recipe", "{out}/tiny.py"),
    ("report", "{release}", "--out", "{out}/report.html"),
    ("export", "{release}", "--to", "trl", "--out", "{out}/exported"),
    ("trace", "ward:w2", "--release", "{release}"),
    ("browse", "{release}", "--no-open"),
    ("publish", "{release}", "--repo", "clinic/tiny", "--dry-run"),
]


@pytest.fixture(scope="module")
def frozen(tmp_path_factory):
    """A release of the tiny recipe; copy it."""
    place = tmp_path_factory.mktemp("frozen")
    words = ("--version", "1", "--store", place / "store", "--mirror", write_mirror(place / "mirror"), "--workers", "1")
    assert run("release", write_recipe(place), *words).exit_code == 0
    return place / "store" / "releases" / "tiny" / "1"


@pytest.fixture
def release(frozen, tmp_path):
    """A copy of the release, outside a store."""
    write_recipe(tmp_path)
    return shutil.copytree(frozen, tmp_path / "release")


@pytest.mark.parametrize("verb", VERBS, ids=[words[0] for words in VERBS])
def test_a_pipe_in_place_of_a_file_of_rows_is_refused_at_once(verb, release, tmp_path):
    (release / WARD).unlink()
    os.mkfifo(release / WARD)
    done = sabila(*[word.format(release=release, out=tmp_path) for word in verb], folder=tmp_path)
    assert done.returncode == 1
    assert f"{WARD!r}, which is a named pipe, expected a file" in done.stdout + done.stderr


@pytest.mark.parametrize("name", [WARD, "ledger/rows-00000-of-00001.parquet", "README.md", "manifest.json"])
@pytest.mark.parametrize("device", ["/dev/zero", "/dev/tty"])
def test_a_link_to_a_device_is_refused_in_place_of_any_file(name, device, release):
    (release / name).unlink()
    (release / name).symlink_to(device)
    with pytest.raises(ReleaseError, match="a device, expected a file"):
        load(release)


@pytest.mark.parametrize("name", [WARD, "README.md", "manifest.json"])
@pytest.mark.parametrize("to", ["nowhere", "{itself}"])
def test_a_link_that_leads_nowhere_is_refused_in_place_of_any_file(name, to, release):
    (release / name).unlink()
    (release / name).symlink_to(to.format(itself=(release / name).name))
    with pytest.raises(ReleaseError, match="a link that leads nowhere, expected a file"):
        load(release)


@pytest.mark.parametrize("put", [os.mkfifo, lambda path: path.symlink_to(path.name), lambda path: path.mkdir()])
def test_a_table_is_read_from_a_file_alone(put, tmp_path):
    put(tmp_path / "rows.parquet")
    with pytest.raises(ValueError, match="is not a file"):
        read_parquet(tmp_path / "rows.parquet")


def test_a_manifest_without_a_part_that_the_report_shows_ends_in_a_line(release, tmp_path):
    from test_verify import change_manifest

    change_manifest(release, lambda manifest: manifest.pop("recipe"))
    done = run("report", release, "--out", tmp_path / "report.html")
    assert done.exit_code == 1
    assert "lacks what the report shows (recipe)" in done.stderr
