"""MinHash: the permutations of datasketch 2's affine32 scheme, and banding for a given recall."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

Signature = NDArray[np.uint32]


@dataclass(frozen=True, kw_only=True)
class Banding:
    """A signature cut into ``bands`` of ``rows`` values; a pair is a candidate if all values of one band agree."""

    bands: int
    rows: int

    def chance(self, jaccard: float) -> float:
        """Return the probability that a pair of that similarity is a candidate (Leskovec et al., MMDS, 3.4.2)."""
        return 1.0 - (1.0 - jaccard**self.rows) ** self.bands

    def curve(self, steps: int = 50) -> pl.DataFrame:
        """Return the S-curve: (jaccard, chance) at ``steps`` + 1 similarities from 0 to 1."""
        at = [step / steps for step in range(steps + 1)]
        return pl.DataFrame({"jaccard": at, "chance": [self.chance(jaccard) for jaccard in at]})


@lru_cache
def banding(threshold: float, recall: float, permutations: int) -> Banding:
    """Return the banding that finds ``recall`` of the pairs at ``threshold`` with the fewest candidates below it.

    More rows per band mean fewer candidates and lower recall, so it takes the most rows for which ``permutations``
    values suffice: 25 bands of 5 at 0.72, 17 of 5 at 0.77 (0.995 of 128 values). Exact Jaccard decides on every
    candidate, so banding can only lose recall. Raises ``ValueError`` where no banding suffices.
    """
    for rows in range(permutations, 0, -1):
        for bands in range(1, permutations // rows + 1):
            candidate = Banding(bands=bands, rows=rows)
            if candidate.chance(threshold) >= recall:
                return candidate
    best = Banding(bands=permutations, rows=1).chance(threshold)
    raise ValueError(
        f"{permutations} permutations find {best:.4f} of the pairs at threshold {threshold}, expected {recall}; "
        "raise permutations or lower recall"
    )


@lru_cache
def permutations(count: int, seed: int) -> NDArray[np.uint32]:
    """Return multipliers and offsets, shape (2, count), as ``datasketch.MinHash(count, seed)`` draws them."""
    draw = np.random.RandomState(seed)
    multipliers = draw.randint(0, 1 << 31, count, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    return np.array([multipliers, draw.randint(0, 1 << 32, count, dtype=np.uint32)])
