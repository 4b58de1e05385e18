"""Shapes that benchmarks share: parts of a file, and what evaluation must know of an item besides its question.

The fields of ``meta`` named here are read by ``training/evaluation/benchmark_items.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

from sources.files import FileError, RawFile
from sources.source import Broken, Raw, Rows

ABSTAIN = "abstain"
"""Positions of the options that say that one does not know or that the question cannot be answered."""

PROPOSED = "proposed"
"""A text that the question is about, or that is suggested with it, and that decontamination does not compare."""

NUMBER = "number"
"""A numeric answer: ``{"type": NumberType, "lower": text, "upper": text}``."""

SENTENCES = "sentences"
"""The sentences of a note as [number, text], of which at most one is wrong."""

ERROR = "error"
"""The wrong sentence of a note: ``{"number": int, "correction": text}``; None for a note without an error."""

DOUBTED_SIGN = "doubted sign"
"""The tag of a rubric's criterion whose points are reported to have the wrong sign."""

NumberType = Literal["decimal", "integer", "date", "weeks_days"]


def rows_where(rows: Rows, keep: Callable[[Mapping[str, Any]], bool]) -> Rows:
    """Return a shape that passes over rows of other sets or splits in the same file; only benchmarks may do so.

    Raises ``FileError`` at the end of a whole file of which no row is kept: its column or the values in it changed.
    """

    def kept(file: RawFile) -> Iterator[Raw | Broken]:
        given, passed, columns = 0, 0, ""
        for raw in rows(file):
            if isinstance(raw, Broken) or not isinstance(raw.value, dict) or keep(raw.value):
                given += 1
                yield raw
            else:
                passed, columns = passed + 1, columns or ", ".join(map(str, raw.value))
        if passed and not given and file.window is None and not file.siblings:
            raise FileError(
                f"{file.path}: none of its {passed:,} rows is of the set or split that is read of it, expected some; "
                f"found columns {columns}: one was renamed, or its values changed; fix the connector"
            )

    return kept
