"""Tables in files that are mapped into memory, so that only what is used is read."""

from __future__ import annotations

from pathlib import Path

import polars as pl


def mapped(path: Path) -> pl.DataFrame:
    """Return the table of a file of ``write_mapped``."""
    import pyarrow as pa

    table = pl.from_arrow(pa.ipc.open_file(pa.memory_map(str(path))).read_all())
    assert isinstance(table, pl.DataFrame), "an Arrow table becomes a frame"
    return table


def write_mapped(table: pl.DataFrame, path: Path) -> None:
    """Write a table in one piece (Arrow IPC), without a copy of its columns of numbers in memory."""
    import pyarrow as pa

    content = table.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, content.schema) as writer:
        writer.write_table(content)
