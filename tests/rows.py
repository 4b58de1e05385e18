"""Rows for tests: records with the fields a test cares about, the rest filled in."""

from typing import Any

import polars as pl

from sources.record import Message, Record
from sources.table import frame


def row(id: str = "corpus:1", question: str = "Which vitamin prevents scurvy?", **fields: Any) -> Record:
    """Return a record that asks ``question``; other fields by name."""
    given = {
        "source": id.partition(":")[0],
        "license": "MIT",
        "task": "qa",
        "lang": "en",
        "split": "train",
        "file": "rows.jsonl",
        "line": 1,
        "messages": (Message("user", question),),
        **fields,
    }
    return Record(id=id, **given)


def table(*records: Record) -> pl.DataFrame:
    """Return records as a table."""
    return frame(records)
