"""Narrow copies of vectors whose products bound their cosines from above, so that most pairs need no comparison.

In the axes of largest variance, a cosine is at most the product of the first few coordinates plus the product of the
remaining lengths (Cauchy and Schwarz). The remainder is one more column, so the product of two narrow rows is the bound
itself. At a threshold of 0.9, some 50 to 100 of 256 or 384 axes leave less than one pair in a thousand to compare. The
width affects speed only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from quality.duplicates.cosine_kernels import F32, F64, I64

PART = 4096
"""Rows turned at a time."""

SAMPLE = 1024
"""Rows whose pairs are tried to choose a width; four times as many determine the axes."""

WORTHWHILE = 4096
"""Rows below which a full product is faster than finding the axes."""

WIDTHS = (15, 23, 31, 47, 63, 95, 127, 191, 255, 383, 511, 767, 1023)
"""Widths to try: one less than efficient matrix sizes, since the remainder is one more column."""


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """``axes``, shape (size, width), turn a row into its narrow copy; empty where the whole row is used instead."""

    axes: F32 | None

    def width(self, size: int) -> int:
        """Return the width of the narrow copies of rows of ``size``."""
        return size if self.axes is None else self.axes.shape[1] + 1

    def narrow(self, vectors: F32, lengths: F64) -> F32:
        """Return the narrow copies of non-zero rows, shape (rows, width + 1), or their unit vectors."""
        out = np.empty((len(vectors), self.width(vectors.shape[1])), np.float32)
        for start in range(0, len(vectors), PART):
            part = slice(start, start + PART)
            unit = vectors[part] / lengths[part, None].astype(np.float32)
            out[part] = unit if self.axes is None else _with_remainder(np.matmul(unit, self.axes), vectors.shape[1])
        return out


def rounding(size: int) -> float:
    """Return the largest float32 error of the product of two unit rows of ``size``.

    A sum of n products is off by n · 2⁻²⁴ at most (Higham, Accuracy and Stability of Numerical Algorithms, 3.1); the
    rows are rounded, turned and summed, hence four times that.
    """
    return float(4 * size * 2.0**-24)


def slack(size: int) -> float:
    """Return how far a bound of rows of ``size`` can fall below their cosine, which is rounded to six decimals."""
    return rounding(size) + 1e-6


def bounds_for(vectors: F32, lengths: F64, rows: I64, threshold: float) -> Bounds:
    """Return the bounds that make comparing ``rows`` at ``threshold`` fastest, estimated on a sample."""
    size = vectors.shape[1]
    if len(rows) < WORTHWHILE or size <= WIDTHS[0]:
        return Bounds(axes=None)
    picked = rows[np.linspace(0, len(rows) - 1, min(len(rows), 4 * SAMPLE)).astype(np.int64)]
    unit = (vectors[picked] / lengths[picked, None]).astype(np.float64)
    axes = np.linalg.eigh(unit.T @ unit)[1][:, ::-1].astype(np.float32)
    turned = np.matmul(unit[::4].astype(np.float32), axes)
    costs = {width: _cost(turned, width, threshold - slack(size)) for width in WIDTHS if width < size - 1}
    best = min(costs, key=lambda width: costs[width])
    if costs[best] >= _nanoseconds(size, size, 0.0):
        return Bounds(axes=None)
    return Bounds(axes=np.ascontiguousarray(axes[:, :best]))


def _with_remainder(turned: F32, size: int) -> F32:
    # A remainder of almost nothing is all rounding, and its root is far larger: never let it come out too small.
    rest = np.maximum(0.0, 1.0 - np.einsum("ij,ij->i", turned, turned)) + rounding(size)
    return np.column_stack([turned, np.sqrt(rest, dtype=np.float32)])


def _cost(turned: F32, width: int, least: float) -> float:
    narrow = _with_remainder(turned[:, :width], turned.shape[1])
    reach = (narrow @ narrow.T)[np.triu_indices(len(narrow), 1)] >= least
    return _nanoseconds(width + 1, turned.shape[1], float(reach.mean()))


def _nanoseconds(width: int, size: int, compared: float) -> float:
    """Return the estimated time per pair: the product, the check of the bound and, for a share of pairs, a comparison.

    Measured on two cores with AVX-512 and vectors larger than the caches; it only decides the width.
    """
    return 0.25 + 0.0065 * width + compared * (30 + 0.6 * size)
