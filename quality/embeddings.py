"""What an embedding model is to the steps that compare texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from sources.errors import SabilaError

F32 = NDArray[np.float32]


class VectorError(SabilaError, ValueError):
    """Vectors that an embedding model may not return: too few, of another width, or not finite."""


Embed: TypeAlias = Callable[[Sequence[str]], F32]
"""Texts in, one float32 row each out."""
