"""One file of one corpus, read as a build would read it: its columns, first record, counts and problems."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from sources.fetch.hub_files import fetched_one, resolve_revision
from sources.fetch.mirror import MissingCorpusError, corpus_folder, present_files
from sources.files import RawFile
from sources.read import read
from sources.record import Record
from sources.schema.drift import SAMPLE, DriftError, find_drift, found_types
from sources.source import Corpus, Raw

LIMIT = 10_000
"""Rows that are read of the file."""


@dataclass(frozen=True, kw_only=True)
class SourceTrial:
    """What one file of a corpus gave. ``place`` is where it was read from, ``columns`` name -> (expected, found)."""

    corpus: str
    place: str
    file: str
    rows: int
    records: int
    malformed: int
    columns: dict[str, tuple[str, str]]
    first_record: dict[str, Any] | None
    problems: list[str] = field(default_factory=list)


def trial_of(corpus: Corpus, mirror: Path | None, raw: Path) -> SourceTrial:
    """Read one file of ``corpus`` from ``mirror``, from earlier downloads under ``raw``, or from the Hub.

    Raises ``MissingCorpusError`` where no file of it is there, ``HubError`` where the Hub does not answer.
    """
    file, place, problems = _one_file(corpus, mirror, raw)
    values = [one.value for one in islice(corpus.rows(file), SAMPLE) if isinstance(one, Raw)]
    columns = _columns(corpus, values)
    errors: Counter[str] = Counter()
    first, records = None, 0
    try:
        for row in islice(read(corpus, file), LIMIT):
            if isinstance(row, Record):
                records += 1
                first = first or row
            else:
                errors[row.error] += 1
    except DriftError:
        problems += map(str, find_drift(corpus.columns, corpus.gold, values))
    problems += [f"{count} rows cannot be read: {error}" for error, count in errors.most_common(5)]
    malformed = errors.total()
    return SourceTrial(
        corpus=corpus.name,
        place=place,
        file=file.name,
        rows=records + malformed,
        records=records,
        malformed=malformed,
        columns=columns,
        first_record=asdict(first) if first else None,
        problems=problems,
    )


def _one_file(corpus: Corpus, mirror: Path | None, raw: Path) -> tuple[RawFile, str, list[str]]:
    """Return the smallest file at hand, where it is, and the patterns of the corpus that match no file there."""
    if mirror is not None:
        folder, place = corpus_folder(corpus, mirror), "the mirror"
    else:
        kept = sorted((raw / corpus.name).glob("*"))
        folder, place = next(
            ((one, "an earlier download") for one in kept if present_files(corpus, one)[0]), (Path(), "the Hub")
        )
        if place == "the Hub":
            folder = fetched_one(corpus, raw, resolve_revision(corpus, corpus.revision))
    files, missing = present_files(corpus, folder)
    if not files:
        raise MissingCorpusError(f"{folder} has none of {', '.join(missing)}, the files of {corpus.name}")
    problems = [f"{folder} has no {pattern}" for pattern in missing] if mirror is not None else []
    return min(files, key=lambda file: file.path.stat().st_size), place, problems


def _columns(corpus: Corpus, values: list[object]) -> dict[str, tuple[str, str]]:
    """Return each column's expected and found type; ``-`` where it is not expected or not found."""
    found = found_types(value for value in values if isinstance(value, Mapping))
    names = [*corpus.columns, *(name for name in found if name not in corpus.columns and "." not in name)]
    return {name: (corpus.columns.get(name, "-"), found.get(name, "-")) for name in names}
