"""Malformed rows, named by their location since they have no id."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from sources.formats.literal import read_parquet

QUARANTINE = "quarantine.parquet"


def quarantined(folder: Path) -> pl.DataFrame | None:
    """Return the malformed rows of a step with their names as ``id``; None where it has none.

    A name is ``<source>:<file>:<line>``; of several rows on one line, the second ends in ``#2``, and so on.
    """
    path = folder / QUARANTINE
    if not path.exists():
        return None
    rows = read_parquet(path)
    place = pl.format("{}:{}:{}", "source", "file", "line")
    number = pl.int_range(1, pl.len() + 1).over("source", "file", "line")
    return rows.with_columns(id=pl.when(number > 1).then(pl.format("{}#{}", place, number)).otherwise(place))
