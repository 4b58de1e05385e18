"""Arrow files by row: feather and IPC files, and the streams in a folder of ``datasets``' ``save_to_disk``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sources.files import FileError, RawFile, reading
from sources.source import Broken, Raw


def arrow(file: RawFile) -> Iterator[Raw | Broken]:
    """Yield one dict per row of an Arrow file or stream, a batch at a time; ``FileError`` for any other content."""
    import pyarrow as pa

    with reading(file), file.open() as stream:
        is_file = stream.read(6) == b"ARROW1"
    number = 0
    try:
        with pa.memory_map(str(file.path)) as content:
            for batch in _batches(content, is_file=is_file):
                yield from batch_rows(batch, number)
                number += batch.num_rows
    except (pa.ArrowException, OSError) as error:
        raise FileError(f"{file.path} is not a readable Arrow file: {error}") from error


def _batches(content: Any, *, is_file: bool) -> Iterator[Any]:
    import pyarrow as pa

    if not is_file:
        yield from pa.ipc.open_stream(content)
        return
    opened = pa.ipc.open_file(content)
    for place in range(opened.num_record_batches):
        yield opened.get_batch(place)


def batch_rows(batch: Any, before: int) -> Iterator[Raw | Broken]:
    """Yield the rows of a batch; a value that Python cannot represent (bad UTF-8, a date past 9999) breaks its row
    only.
    """
    try:
        rows = batch.to_pylist()
    except (ValueError, OverflowError, ArithmeticError):
        for place in range(batch.num_rows):
            try:
                yield Raw(before + place + 1, batch.slice(place, 1).to_pylist()[0])
            except (ValueError, OverflowError, ArithmeticError) as error:
                yield Broken(before + place + 1, f"a value cannot be read: {error}", "")
        return
    for place, row in enumerate(rows, before + 1):
        yield Raw(place, row)
