"""Case-insensitive substring search in all texts of a release, on all cores."""

from __future__ import annotations

import os
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import numpy as np
import polars as pl

Mask = np.ndarray[Any, np.dtype[np.bool_]]
Places = np.ndarray[Any, np.dtype[np.int32]]

REMEMBERED = 24
"""Number of cached searches, reused while the user pages, sorts, filters or types on."""

FEW = 4
"""A search restricted to fewer than one in ``FEW`` rows examines only these rows."""


@dataclass(frozen=True, kw_only=True)
class Texts:
    """The text of each row in lower case, and the hits of the last searches."""

    column: pl.Series
    hits: OrderedDict[str, Mask] = field(default_factory=OrderedDict)
    lock: Lock = field(default_factory=Lock)

    def containing(self, text: str, places: Places) -> Places:
        """Return those of the rows at ``places`` that contain ``text``, which is in lower case."""
        mask = self._remembered(text)
        if mask is None and len(places) * FEW < len(self.column):
            return places[_contains(self.column.gather(places), text)]
        if mask is None:
            mask = self._search(text)
        return places[mask[places]]

    def _remembered(self, text: str) -> Mask | None:
        with self.lock:
            if text in self.hits:
                self.hits.move_to_end(text)
            return self.hits.get(text)

    def _search(self, text: str) -> Mask:
        """Search all rows, or the hits of an earlier search for a part of ``text``, and cache the result."""
        with self.lock:
            wider = [mask for known, mask in self.hits.items() if known in text]
        narrowest = min(wider, key=np.count_nonzero, default=None)
        if narrowest is None or np.count_nonzero(narrowest) * FEW > len(self.column):
            mask = _contains(self.column, text)
        else:
            mask = narrowest.copy()
            mask[narrowest] = _contains(self.column.gather(np.flatnonzero(narrowest)), text)
        with self.lock:
            self.hits[text] = mask
            while len(self.hits) > REMEMBERED:
                self.hits.popitem(last=False)
        return mask


def _contains(texts: pl.Series, text: str) -> Mask:
    """Return which of the texts contain ``text``, searched on all cores."""
    cores = os.cpu_count() or 1
    size = -(-len(texts) // cores) or 1
    parts = [texts.slice(at, size) for at in range(0, len(texts), size)]
    with ThreadPoolExecutor(cores) as threads:
        masks = threads.map(lambda part: part.str.contains(text, literal=True).to_numpy(), parts)
        return np.concatenate([np.zeros(0, np.bool_), *masks])
