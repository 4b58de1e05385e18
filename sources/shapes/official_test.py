"""Rows of one file that are split by the publisher's separate list of test ids."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sources.files import FileError, RawFile
from sources.shapes.row_shapes import json_object
from sources.source import Broken, Raw, Rows


def split_by_test_ids(rows: Rows, key: str, truth: str, keep: Sequence[str] = ("train", "test")) -> Rows:
    """Return a shape that adds ``split`` to each of ``rows`` and yields those of the splits in ``keep``.

    A row belongs to the test if its ``key`` is in the companion ``truth``, a JSON object by id. A source keeps all
    rows, so that each is accounted for and the official test can be dropped by its split; a benchmark keeps the test.
    Raises ``FileError`` at the end where more listed ids have no row than there are broken rows.
    """

    def marked(file: RawFile) -> Iterator[Raw | Broken]:
        companion = file.companion(truth)
        test = json_object(companion)
        missing, broken = dict.fromkeys(test), 0
        for raw in rows(file):
            if isinstance(raw, Raw) and not (isinstance(raw.value, Mapping) and key in raw.value):
                raw = Broken(raw.line, f"missing field {key!r}, by which the test is found", f"{raw.value!r}")
            if isinstance(raw, Broken):
                broken += 1
                yield raw
                continue
            id = str(raw.value[key])
            missing.pop(id, None)
            split = "test" if id in test else "train"
            if split in keep:
                yield Raw(raw.line, {**raw.value, "split": split})
        if len(missing) > broken:
            raise FileError(
                f"{companion.path} lists {len(test):,} test ids, of which {len(missing):,} are in no row of "
                f"{file.path}: {', '.join(list(missing)[:3])}; without them test rows would be trained on; fetch both"
            )

    return marked
