"""One tensor of a merge: its numbers in every model, in spans that threads process in parallel."""

from __future__ import annotations

import hashlib
import math
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock
from typing import TypeVar

import numpy as np

from training.merging.number_types import F32, Floats, Raw, Span

BLOCK = 1 << 18
"""Elements of a span, as whole rows: its arrays fit a core's cache."""

BATCH = 4
"""Spans per thread and turn."""

KEPT_BYTES = 512 << 20
"""Bytes of free arrays that are kept; the layers of a model have few different sizes."""

R = TypeVar("R")


class Scratch(threading.local):
    """Arrays reused by a thread; allocating memory for each span takes longer than the sums."""

    def __init__(self) -> None:
        self._arrays: dict[str, F32] = {}

    def floats(self, use: str, size: int) -> F32:
        """Return an uninitialised array of ``size`` numbers; arrays in use at one time need different names."""
        there = self._arrays.get(use)
        if there is None or len(there) < size:
            there = self._arrays[use] = np.empty(size, dtype=np.float32)
        return there[:size]


class Memory:
    """Byte arrays reused by all threads; allocating takes longer than reading into them."""

    def __init__(self) -> None:
        self._free: list[Raw] = []
        self._lock = Lock()

    def take(self, size: int) -> Raw:
        """Return an uninitialised array of ``size`` bytes."""
        with self._lock:
            for place, content in enumerate(self._free):
                if content.nbytes == size:
                    return self._free.pop(place)
        return np.empty(size, dtype=np.uint8)

    def give(self, content: Raw) -> None:
        """Return an array to the pool."""
        with self._lock:
            self._free.append(content)
            while sum(each.nbytes for each in self._free) > KEPT_BYTES:
                self._free.pop(0)


@dataclass(frozen=True, kw_only=True)
class Merging:
    """A tensor to merge. ``base`` is the base's numbers, where the method has one; ``models`` those of the others."""

    name: str
    shape: tuple[int, ...]
    models: Sequence[Floats]
    base: Floats | None = None
    seed: int = 0
    pool: Executor | None = field(default=None, repr=False)
    scratch: Scratch = field(default_factory=Scratch, repr=False)

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def columns(self) -> int:
        """Elements of a row along the last axis; a vector is one row."""
        return self.shape[-1] if self.shape else 1

    @cached_property
    def spans(self) -> tuple[Span, ...]:
        """The tensor in spans of whole rows."""
        step = max(1, BLOCK // max(1, self.columns)) * max(1, self.columns)
        return tuple(Span(first, min(first + step, self.size)) for first in range(0, self.size, step))

    def each(self, function: Callable[[Span], R]) -> list[R]:
        """Return the results of ``function`` for every span, in their order."""
        if self.pool is None or len(self.spans) == 1:
            return [function(span) for span in self.spans]
        batches = [self.spans[n : n + BATCH] for n in range(0, len(self.spans), BATCH)]
        return [r for part in self.pool.map(lambda batch: [function(span) for span in batch], batches) for r in part]

    def room(self, span: Span, use: str) -> F32:
        """Return an array of this thread for a span's numbers."""
        return self.scratch.floats(use, span.last - span.first)

    def start(self, span: Span) -> F32:
        """Return the base's numbers, in an array of this thread."""
        assert self.base is not None, "only methods that need a base ask for it"
        return self.base.into(span, self.room(span, "start"))

    def delta(self, model: int, span: Span, out: F32 | None = None) -> F32:
        """Return a model's difference from the base, in ``out`` or in an array of this thread."""
        delta = self.models[model].into(span, self.room(span, "delta") if out is None else out)
        delta -= self.start(span)
        return delta

    def key(self, model: int) -> np.uint64:
        """Return the random key of a model: seed, name of the tensor and position of the model."""
        text = "\0".join(map(str, (self.seed, self.name, model)))
        return np.uint64(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little"))
