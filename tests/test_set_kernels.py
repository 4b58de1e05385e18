"""Buckets in machine code: the same components as brute force, whatever way a bucket's size makes it go."""

import os
import subprocess
import sys

import numba
import numpy as np
import pytest
from minhash_truth import components, jaccard

from quality.compiled import MachineCodeCache, compiled
from quality.duplicates.set_kernels import CHECKS, DIRECT_PAIRS, LARGE, Sets, link_buckets
from quality.duplicates.shingle_sets import readable


def linked(sets, threshold, known=0, labels=None, keys=None):
    """Put all sets into one bucket and return the pairs that joined components, and the tally.

    ``keys`` are those of the sets in earlier bands, shape (bands, sets).
    """
    values = np.concatenate([np.sort(np.array(sorted(s), np.uint32)) for s in sets])
    starts = np.concatenate([[0], np.cumsum([len(s) for s in sets])])
    keyed, order = np.arange(len(sets), dtype=np.uint64), np.arange(len(sets))
    labels = np.arange(len(sets)) if labels is None else np.array(labels)
    bounds = np.array([[0, len(sets)]])
    no_marks = Sets(values, starts, np.zeros(0, np.uint64), np.zeros(len(sets) + 1, np.int64))
    keys = readable(np.zeros((0, len(sets)), np.uint32) if keys is None else keys)
    return link_buckets(no_marks, keyed, order, bounds, labels, keys, np.arange(len(keys)), known, threshold)


def spread(numbers):
    """Return shingle hashes as even as real ones."""
    return {(n * 2654435761) % 2**32 for n in numbers}


def family(size, common, own, draw):
    """Return sets of ``common`` shared and ``own`` single shingles; each tenth is a copy of another, little changed."""
    sets = [spread([*range(common), *(1000 + 100 * i + k for k in range(own))]) for i in range(size)]
    for i in range(0, size, 10):
        sets[i] = set(list(sets[draw.integers(size)])[1:]) | spread([10**6 + i])
    return sets


@pytest.mark.parametrize("size", [2, DIRECT_PAIRS, 400])
@pytest.mark.parametrize(("common", "own"), [(0, 40), (30, 20), (80, 25), (60, 2)])
def test_one_bucket_of_half_similar_sets(size, common, own):
    sets = family(size, common, own, np.random.default_rng(5))
    pairs, tally = linked(sets, 0.72)
    similar = [(i, j) for i in range(size) for j in range(i) if jaccard(sets[i], sets[j]) >= 0.72]
    assert components(size, pairs.tolist()) == components(size, similar)
    assert len(pairs) == tally[0] == size - len(set(components(size, similar)))
    assert tally[2] == 0


def test_sets_that_shared_a_bucket_of_an_earlier_band_are_not_compared_again():
    """In a large bucket, which would be compared in every band; a small one is compared faster than looked up."""
    sets = family(400, 60, 2, np.random.default_rng(5))
    halves = (np.arange(400, dtype=np.uint32) % 2).reshape(1, 400)
    pairs, tally = linked(sets, 0.72, keys=halves)
    assert len(pairs) > 0
    assert all((i + j) % 2 == 1 for i, j in pairs.tolist())
    within = [(i, j) for i in range(400) for j in range(i % 2, i, 2) if jaccard(sets[i], sets[j]) >= 0.72]
    similar = [(i, j) for i in range(400) for j in range(i) if jaccard(sets[i], sets[j]) >= 0.72]
    assert components(400, [*pairs.tolist(), *within]) == components(400, similar)
    pairs, tally = linked(sets, 0.72, keys=np.vstack([halves, np.full((1, 400), 7, np.uint32)]))
    assert len(pairs) == tally.sum() == 0
    few = sets[:DIRECT_PAIRS]
    assert linked(few, 0.72, keys=halves[:, :DIRECT_PAIRS])[1].tolist() == linked(few, 0.72)[1].tolist()


def test_a_large_bucket_is_joined_by_its_rare_shingles():
    sets = family(2000, 80, 25, np.random.default_rng(6))
    _, tally = linked(sets, 0.72)
    assert tally[1] < 20 * len(sets), "all pairs would be two million"


def test_many_near_equal_sets_take_one_comparison_each():
    sets = [spread([*range(100), 1000 + i]) for i in range(5000)]
    _, tally = linked(sets, 0.72)
    assert tally.tolist() == [4999, 0, 0, 0]


@pytest.mark.parametrize(("size", "cut"), [(LARGE // 2, 0), (LARGE + 500, 1)])
def test_a_large_hostile_bucket_is_cut_short_and_counted(size, cut):
    draw = np.random.default_rng(7)
    sets = [spread(draw.choice(32, 16, replace=False).tolist()) for _ in range(size)]
    _, tally = linked(sets, 0.75)
    assert tally[2] == cut
    assert tally[1] < 2 * CHECKS * len(sets)


def test_known_sets_and_sets_of_one_label_are_not_compared():
    same = [spread(range(50))] * 3
    assert linked(same, 0.72)[1].tolist() == [2, 0, 0, 0]
    assert linked(same, 0.72, labels=[4, 4, 4])[1].tolist() == [0, 0, 0, 0]
    assert linked(same, 0.72, known=2)[0].tolist() in ([[0, 2], [1, 2]], [[2, 0], [2, 1]])
    assert linked(same, 0.72, known=3)[1].tolist() == [0, 0, 0, 0]


def test_the_threshold_itself_is_similar():
    a, b = set(range(18)) | set(range(100, 103)), set(range(18)) | set(range(200, 204))
    assert jaccard(a, b) == 0.72
    assert linked([a, b], 0.72)[1].tolist() == [1, 0, 0, 0]
    assert linked([a, b], 0.7200001)[1].tolist() == [0, 1, 0, 0]


def test_code_that_cannot_be_kept_is_compiled_all_the_same(monkeypatch):
    def nowhere(self, function):
        raise RuntimeError("cannot cache function 'more': no locator available for file 'somewhere'")

    monkeypatch.setattr(MachineCodeCache, "__init__", nowhere)
    assert compiled(lambda number: number + 1)(1) == 2


def test_other_failures_to_compile_are_not_hidden(monkeypatch):
    def broken(**options):
        raise RuntimeError("no compiler")

    monkeypatch.setattr(numba, "njit", broken)
    with pytest.raises(RuntimeError, match="no compiler"):
        compiled(lambda number: number + 1)


def test_cached_code_is_loaded_without_the_compiler_and_gives_the_same(tmp_path):
    """The second process finds the code of the first: it imports neither scipy nor what numba compiles with."""
    code = """
import sys
import numpy as np
from quality.duplicates.set_kernels import components
print(components(np.array([[4, 1], [3, 2], [1, 3]]), 6).tolist())
print("scipy.linalg" in sys.modules, "numba.np.npyimpl" in sys.modules)
"""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    said = [
        subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    assert [text.splitlines() for text in said] == [
        ["[0, 1, 1, 1, 1, 2]", "False True"],
        ["[0, 1, 1, 1, 1, 2]", "False False"],
    ]
