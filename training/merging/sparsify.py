"""Sparsification of the difference between two models: trim, drop, drop by rank.

Every function returns a ``Sparsifier``, which takes a span of a flattened difference and sets the removed entries to
zero in place. Randomness depends on the seed, the tensor's name, the model's position in the configuration and the
element's in the tensor, so neither the order of the tensors nor the number of threads changes a byte.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from training.merging.kernels import drop, drop_by_rank, equals, keep_first, keep_from, magnitude, rank_keys, tally
from training.merging.number_types import F32, Span
from training.merging.tensor import Merging
from training.training_errors import MergeError

Sparsifier = Callable[[Span, F32], None]

SMALL = 1e-7


def whole(span: Span, delta: F32) -> None:
    """Keep all."""


def nothing(span: Span, delta: F32) -> None:
    """Keep none."""
    delta[:] = 0


# --- TIES: the largest ---------------------------------------------------------------------------------------------


def largest(work: Merging, model: int, density: float) -> Sparsifier:
    """Keep the ``int(density · n)`` largest magnitudes of the tensor, at least one (TIES, arXiv 2306.01708, 4.1).

    Of equal ones, common between bfloat16 numbers, the first in the tensor are kept, so that the number is exact.
    """
    least, allowed = _threshold(work, model, max(1, int(density * work.size)))

    def keep(span: Span, delta: F32) -> None:
        bits = delta.view(np.uint32)
        keep_from(bits, least)
        if span in allowed:
            keep_first(bits, least, allowed[span])

    return keep


def _threshold(work: Merging, model: int, count: int) -> tuple[int, dict[Span, int]]:
    """Return the bits of the ``count``-th largest magnitude and, for spans with more equal ones, how many to keep."""
    upper, left = _cut(_tallied(work, model, 16, 0), count)
    lower, left = _cut(_tallied(work, model, 0, upper), left)
    least = upper << 16 | lower
    equal_counts = work.each(lambda span: equals(work.delta(model, span).view(np.uint32), least))
    allowed = {}
    for span, equal in zip(work.spans, equal_counts, strict=True):
        if equal > left:
            allowed[span] = left
        left -= min(equal, left)
    return least, allowed


def _tallied(work: Merging, model: int, shift: int, prefix: int) -> NDArray[np.int64]:
    """Count the magnitudes of a difference by 16 of their bits."""
    counts: dict[int, NDArray[np.int64]] = {}

    def count(span: Span) -> None:
        thread = threading.get_ident()
        if thread not in counts:
            counts[thread] = np.zeros(1 << 16, dtype=np.int64)
        tally(work.delta(model, span).view(np.uint32), shift, prefix, counts[thread])

    work.each(count)
    total = np.zeros(1 << 16, dtype=np.int64)
    for own in counts.values():
        total += own
    return total


def _cut(counts: NDArray[np.int64], rank: int) -> tuple[int, int]:
    """Return the bin that contains the ``rank``-th largest, and the rank of that one within the bin."""
    from_top = np.cumsum(counts[::-1])
    place = int(np.searchsorted(from_top, rank))
    above = int(from_top[place - 1]) if place else 0
    return len(counts) - 1 - place, rank - above


# --- DARE: any; DELLA: rather the larger ---------------------------------------------------------------------------


def any_of(work: Merging, model: int, density: float, by_probability: bool) -> Sparsifier:
    """Keep each entry with probability ``density`` (DARE, arXiv 2311.03099, 3.2), divided by it if requested."""
    key, factor = work.key(model), np.float32(1 / density if by_probability else 1)

    def keep(span: Span, delta: F32) -> None:
        drop(delta, key, span.first, density, factor)

    return keep


def rather_larger(work: Merging, model: int, density: float, epsilon: float, by_probability: bool) -> Sparsifier:
    """Keep each entry with a probability that rises with its rank in its row (DELLA, arXiv 2406.11617, 3.1).

    The probabilities of a row are evenly spaced, from ``density - epsilon`` for the smallest magnitude to ``density +
    epsilon``; of equals the later has the higher rank. A row of one has ``density``.
    """
    if density - epsilon <= 0 or density + epsilon >= 1:
        raise MergeError(
            f"density {density:g} and epsilon {epsilon:g} give chances from {density - epsilon:g} to "
            f"{density + epsilon:g}, expected between 0 and 1: lower epsilon"
        )
    key, columns = work.key(model), work.columns
    low, step = (density - epsilon, 2 * epsilon / (columns - 1)) if columns > 1 else (density, 0.0)

    def keep(span: Span, delta: F32) -> None:
        keys = work.scratch.floats("keys", 2 * len(delta)).view(np.uint64)
        rank_keys(delta.view(np.uint32), columns, keys)
        keys.reshape(-1, columns).sort(axis=1)
        drop_by_rank(delta, keys, columns, key, span.first, low, step, by_probability)

    return keep


# --- scale ---------------------------------------------------------------------------------------------------------


def norm_kept(work: Merging, model: int, sparsifier: Sparsifier) -> Sparsifier:
    """Return a sparsifier whose result has the sum of magnitudes of the whole difference, as in mergekit."""

    def sums(span: Span) -> tuple[float, float]:
        delta = work.delta(model, span)
        before = magnitude(delta)
        sparsifier(span, delta)
        return before, magnitude(delta)

    before, after = (sum(part) for part in zip(*work.each(sums), strict=True))
    factor = np.float32(1 if before < SMALL or after < SMALL else before / after)

    def keep(span: Span, delta: F32) -> None:
        sparsifier(span, delta)
        delta *= factor

    return keep
