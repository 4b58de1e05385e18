"""Arrays beyond a limit of memory lie in files, and change nothing about a result."""

import random
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner
from minhash_truth import corpus

from pipelines.cli.commands import main
from quality.duplicates.near_duplicates import near_duplicates
from quality.duplicates.near_settings import NearRules
from quality.duplicates.signature_index import SignatureIndex, add
from quality.scratch import Scratch, Spill, limit_bytes, new_array, using
from sources.atomic import WriteError

RULES = NearRules()


@pytest.fixture
def rows():
    draw = random.Random(1)
    texts = [*corpus(600, seed=21), None, "", "yes"]
    return pl.DataFrame({"id": [f"row{n}" for n in range(len(texts))], "text": texts}).with_columns(
        rank=pl.Series([draw.randrange(3) for _ in texts])
    )


def mapped_files(folder):
    """Return the mappings of this process that are files of ``folder``."""
    maps = Path("/proc/self/maps").read_text().splitlines()
    return [line for line in maps if str(folder) in line]


def test_arrays_are_in_memory_up_to_the_limit_and_in_files_beyond(tmp_path):
    with using(Scratch(folder=tmp_path, limit=1_000)):
        small, large = new_array(100, np.uint32), new_array((50, 40), np.uint64)
        assert len(mapped_files(tmp_path)) == 1
    large[:] = np.arange(2_000).reshape(50, 40)
    assert small.shape == (100,) and large.dtype == np.uint64 and large[49, 39] == 1_999
    assert list(tmp_path.iterdir()) == [], "the file has no name"
    del large
    assert mapped_files(tmp_path) == []


def test_without_a_folder_all_arrays_are_in_memory(tmp_path):
    assert new_array(10_000, np.uint32).base is None
    with using(Scratch(limit=0)):
        assert new_array(10_000, np.uint32).base is None


@pytest.mark.parametrize("limit", [0, 200, 10_000])
def test_arrays_are_given_back_in_order_wherever_they_are(tmp_path, limit):
    given = [np.arange(n, dtype=kind) for n, kind in ((5, np.uint32), (0, np.uint64), (33, np.uint64), (7, np.int64))]
    given.append(np.arange(12, dtype=np.uint32).reshape(3, 4).T)
    with using(Scratch(folder=tmp_path, limit=limit)):
        spill = Spill()
        for array in given:
            spill.add(array)
    for array, kept in zip(given, spill.arrays(), strict=True):
        assert array.dtype == kept.dtype and np.array_equal(array, kept)


@pytest.mark.parametrize("limit", [0, 50_000, 10**9])
def test_duplicates_are_the_same_at_every_limit(rows, tmp_path, limit):
    whole = near_duplicates([rows], RULES, order=["rank"]).clusters
    with using(Scratch(folder=tmp_path, limit=limit)):
        once = near_duplicates([rows], RULES, order=["rank"]).clusters
        index = SignatureIndex(rules=RULES, order=("rank",))
        for part in rows.iter_slices(150):
            index = add(index, [part])
    assert whole.height > 100
    assert once.equals(whole) and index.clusters.equals(whole)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_an_error_and_no_crash(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("quality.scratch.os", SimpleNamespace(posix_fallocate=full))
    with using(Scratch(folder=tmp_path, limit=0)), pytest.raises(WriteError, match="No space left"):
        new_array(1_000, np.uint32)


def test_a_quarter_of_the_memory_is_the_usual_limit():
    assert limit_bytes(1.5) == 1_500_000_000
    assert 10**8 < limit_bytes(None) < 10**13


def test_the_memory_of_a_container_or_a_job_counts_where_it_is_less(tmp_path, monkeypatch):
    job = tmp_path / "groups" / "slurm" / "job_7"
    job.mkdir(parents=True)
    (tmp_path / "own").write_text("0::/slurm/job_7\n")
    (job / "memory.max").write_text("max\n")
    (job.parent / "memory.max").write_text("400000000\n")
    monkeypatch.setattr("quality.scratch.GROUPS", tmp_path / "groups")
    monkeypatch.setattr("quality.scratch.OWN_GROUP", tmp_path / "own")
    assert limit_bytes(None) == 100_000_000


def test_dedup_writes_the_same_files_without_memory(rows, tmp_path):
    rows.write_parquet(tmp_path / "rows.parquet")
    for name, more in (("usual", ()), ("none", ("--memory", "0"))):
        call = ("dedup", tmp_path / "rows.parquet", "--text-column", "text", "--out", tmp_path / name, *more)
        done = CliRunner().invoke(main, [*map(str, call)])
        assert done.exit_code == 0, done.output
    usual, none = ({path.name: path.read_bytes() for path in (tmp_path / n).iterdir()} for n in ("usual", "none"))
    assert usual == none and len(usual) == 3
