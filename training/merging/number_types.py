"""Number types of checkpoints (bfloat16, float16, float32) and their conversion to the float32 of all sums.

NumPy has no bfloat16; it is the upper half of a float32, so widening is a shift and narrowing a rounding of bits.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from training.merging.kernels import narrow, widen
from training.training_errors import MergeError

F32 = NDArray[np.float32]
Raw = NDArray[np.uint8]


class Span(NamedTuple):
    """Elements ``first`` to ``last`` (exclusive) of a flattened tensor."""

    first: int
    last: int


STORED_TYPES: dict[str, Any] = {"BF16": np.uint16, "F16": np.float16, "F32": np.float32}
"""NumPy's type of an array of such numbers."""


class Floats:
    """The numbers of one tensor of one model; ``label`` names both in an error."""

    def __init__(self, raw: Raw, dtype: str, label: str) -> None:
        self._stored = raw.view(STORED_TYPES[dtype])
        self._dtype, self._label = dtype, label

    def __len__(self) -> int:
        return len(self._stored)

    def into(self, span: Span, out: F32) -> F32:
        """Write the numbers of a span to ``out`` and return it; ``MergeError`` where one is not finite."""
        if not widened(self._stored[span.first : span.last], self._dtype, out):
            place = int(np.flatnonzero(~np.isfinite(out))[0])
            raise MergeError(
                f"{self._label} holds {out[place]} at element {span.first + place:,}, expected finite numbers: "
                "the checkpoint is damaged or its training diverged; fetch it again or leave the model out"
            )
        return out


def widened(stored: NDArray[Any], dtype: str, out: F32) -> bool:
    """Write numbers of a type to ``out``, exactly; return whether all are finite."""
    if dtype == "BF16":
        return widen(stored, out.view(np.uint32))
    np.copyto(out, stored)
    return bool(np.isfinite(out).all())


def narrowed(values: F32, dtype: str, out: NDArray[Any]) -> bool:
    """Write numbers to ``out`` in a type, rounded to nearest, ties to even; return whether all are finite there.

    A number too large for the type becomes infinite.
    """
    if dtype == "BF16":
        return narrow(values.view(np.uint32), out)
    with np.errstate(over="ignore"):
        np.copyto(out, values, casting="same_kind")
    return bool(np.isfinite(out).all())
