"""Candidates of leak detection are exactly the items of which a window lists enough words, whatever came before it."""

import itertools

import numpy as np
import pytest

from quality.decontamination.inverted_index import GATE, STEP, WINDOW, Postings, candidates


def listed(words, parts, seed):
    """Return postings of random parts (two for most items) that list random words with random weights."""
    rng = np.random.default_rng(seed)
    lists = [np.sort(rng.choice(parts, rng.integers(0, parts // 3), replace=False)) for _ in range(words)]
    starts = np.concatenate([[0], np.cumsum([len(one) for one in lists])]).astype(np.int64)
    weights = rng.integers(1, GATE + 1, starts[-1]).astype(np.uint16)
    return Postings(starts, np.concatenate(lists).astype(np.int32), weights, (np.arange(parts) // 2).astype(np.int32))


def plain(offsets, ids, postings):
    """Return the pairs of window and item, one sum at a time."""
    found = set()
    for text, (low, high) in enumerate(itertools.pairwise(offsets)):
        first, stop = 0, 0
        while stop < high - low:
            stop = min(high - low, first + WINDOW)
            sums = np.zeros(postings.items.size, np.int64)
            for word in set(ids[low + first : low + stop].tolist()):
                at = slice(postings.starts[word], postings.starts[word + 1])
                np.add.at(sums, postings.parts[at], postings.weights[at])
            found |= {(text, first, stop, int(item)) for item in postings.items[sums >= GATE]}
            first += STEP
    return found


@pytest.mark.parametrize("seed", range(3))
def test_candidates_are_those_of_one_sum_at_a_time(seed):
    """100 texts have more windows than the sums serve without being cleared; some are longer than a window."""
    rng, postings = np.random.default_rng(seed), listed(40, 30, seed)
    lengths = np.where(rng.random(100) < 0.1, rng.integers(WINDOW, 3 * WINDOW, 100), rng.integers(0, 6, 100))
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    ids = rng.integers(0, 40, offsets[-1]).astype(np.int32)
    found = candidates(offsets, ids, postings)
    pairs = list(
        zip(found.texts.tolist(), found.firsts.tolist(), found.stops.tolist(), found.items.tolist(), strict=True)
    )
    assert len(pairs) == len(set(pairs)), "an item with two parts is one candidate"
    assert set(pairs) == plain(offsets, ids, postings)
    assert 0 < len(pairs) < 100 * 15
