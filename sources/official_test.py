"""Rows of one file told apart by the list of test ids that their publisher gives beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sources.files import RawFile
from sources.shapes import json_object
from sources.source import Broken, Raw, Rows


def told_apart(rows: Rows, key: str, truth: str, keep: Sequence[str] = ("train", "test")) -> Rows:
    """Return a shape that adds ``split`` to each of ``rows`` and yields those of the splits in ``keep``.

    A row is of the test if its ``key`` is one in the companion ``truth``, a JSON object by id. A source keeps all, so
    that each row is accounted for and the official test can be dropped by its split; a benchmark keeps the test.
    """

    def marked(file: RawFile) -> Iterator[Raw | Broken]:
        test = json_object(file.companion(truth))
        for raw in rows(file):
            if isinstance(raw, Broken):
                yield raw
                continue
            split = "test" if str(raw.value[key]) in test else "train"
            if split in keep:
                yield Raw(raw.line, {**raw.value, "split": split})

    return marked
