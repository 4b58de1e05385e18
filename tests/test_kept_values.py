"""Values made once and mapped by every process: read as they were made, complete or absent, one maker at a time."""

import threading
import time
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from rows import row, table

from quality.decontamination.find_leaks import Decontaminate
from quality.decontamination.leaking_rows import _index, drop_leaks
from quality.kept_values import keeping_in, kept
from sources.atomic import write_table


class Lists(NamedTuple):
    starts: NDArray[np.int64]
    none: NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Index:
    texts: pl.DataFrame
    lists: Lists
    pair: tuple[NDArray[np.uint64], NDArray[np.float32]]
    size: int


def make():
    return Index(
        texts=pl.DataFrame({"text": ["a", None, "ü"], "options": [["x"], [], None], "part": [1, 2, None]}),
        lists=Lists(np.arange(5_000), np.zeros(0, np.uint8)),
        pair=(np.arange(6, dtype=np.uint64).reshape(2, 3), np.ones(3, np.float32)),
        size=7,
    )


def arrays(value):
    return [*value.lists, *value.pair]


def test_a_value_is_read_as_it_was_made(tmp_path):
    with keeping_in(tmp_path / "index-1"):
        read = kept(Index, make)
    made = make()
    assert read.texts.equals(made.texts) and read.texts.schema == made.texts.schema
    for one, other in zip(arrays(read), arrays(made), strict=True):
        assert (one.dtype, one.shape, type(one)) == (other.dtype, other.shape, np.ndarray)
        assert np.array_equal(one, other)
    assert read.size == 7 and isinstance(read.lists, Lists)


def test_a_change_of_an_array_changes_no_file(tmp_path):
    with keeping_in(tmp_path / "index-1"):
        kept(Index, make).lists.starts[:] = 0
        assert kept(Index, make).lists.starts[3] == 3


def test_a_value_is_made_once_in_a_folder_and_each_time_without_one(tmp_path):
    calls = []

    def counted():
        calls.append(1)
        return make()

    for _ in range(2):
        with keeping_in(tmp_path / "index-1"):
            kept(Index, counted)
    assert len(calls) == 1
    kept(Index, counted)
    assert len(calls) == 2


def test_one_of_several_makes_it_and_the_others_wait(tmp_path):
    calls, results = [], []

    def slow():
        calls.append(1)
        time.sleep(0.3)
        return make()

    def ask():
        with keeping_in(tmp_path / "index-1"):
            results.append(kept(Index, slow).size)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(calls), results) == (1, [7] * 4)


def test_what_fails_or_is_killed_leaves_nothing_that_counts(tmp_path):
    def failing():
        raise ValueError("no items")

    left = tmp_path / "index-1.123.tmp"
    left.mkdir(parents=True)
    (left / "value.texts.arrow").write_bytes(b"half")
    with keeping_in(tmp_path / "index-1"):
        with pytest.raises(ValueError, match="no items"):
            kept(Index, failing)
        assert not (tmp_path / "index-1").exists()
        assert kept(Index, make).size == 7
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index-1", "index-1.lock"]


def test_leaks_are_the_same_with_a_kept_index(tmp_path):
    question = "Which nerve is most often injured in a fracture of the surgical neck of the humerus in adults?"
    write_table(tmp_path / "items.parquet", table(row("exam:1", question=question, answer="The axillary nerve")))
    rows = table(row("s:1", question=question), row("s:2", question="How much water should an adult drink in a day?"))
    found = []
    for folder in (None, tmp_path / "kept", tmp_path / "kept"):
        _index.cache_clear()
        if folder is None:
            found.append(drop_leaks(rows, Decontaminate(), (tmp_path / "items.parquet",)))
            continue
        with keeping_in(folder):
            found.append(drop_leaks(rows, Decontaminate(), (tmp_path / "items.parquet",)))
    _index.cache_clear()
    assert [one.rows["drop_reason"].null_count() for one in found] == [1, 1, 1]
    assert all(one.rows.equals(found[0].rows) for one in found)
    assert all(one.tables["leaks"].equals(found[0].tables["leaks"]) for one in found)
