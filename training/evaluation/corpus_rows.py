"""Files and rows of the catalog's corpora for measurements, from a local mirror or from the Hub."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import xxhash

from sources.fetch.hub_files import fetched, resolve_revision
from sources.fetch.mirror import MissingCorpusError, mirrored
from sources.files import RawFile
from sources.read import read
from sources.record import Record
from sources.source import Corpus

MIRRORED = "mirror"
"""The revision of a corpus that was read from a mirror."""


def corpus_files(corpus: Corpus, mirror: Path | None, raw: Path) -> tuple[Sequence[RawFile], str]:
    """Return a corpus's files and their revision; ``raw`` is the folder for files from the Hub.

    Raises ``MissingCorpusError`` where it is not available.
    """
    if mirror is not None:
        return mirrored(corpus, mirror), MIRRORED
    if corpus.hub_id is None:
        raise MissingCorpusError(f"{corpus.name} is at {corpus.home}, not on the Hub; read it with --mirror")
    revision = resolve_revision(corpus, corpus.revision)
    return fetched(corpus, raw, revision), revision


def _own_id(row: Record) -> str:
    return row.id


def by_hash(rows: Iterable[Record], seed: int, group: Callable[[Record], str] = _own_id) -> list[Record]:
    """Return rows by the hash of their id, so that the first of them are a sample and a part of every larger one.

    Rows of one ``group`` stay together, in their order.
    """
    return sorted(rows, key=lambda row: (xxhash.xxh64_intdigest(group(row).encode(), seed), group(row)))


@dataclass(frozen=True, kw_only=True)
class CorpusPlace:
    """Where corpora are read from: a local mirror, or the Hub with a folder for its files. Absent ones are listed."""

    mirror: Path | None
    raw: Path
    read_rows: dict[str, int] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)

    def rows(self, corpus: Corpus) -> Iterator[Record]:
        """Yield a corpus's rows, none where it is not available."""
        try:
            files, _ = corpus_files(corpus, self.mirror, self.raw)
        except MissingCorpusError as error:
            self.absent[corpus.name] = str(error)
            return
        for file in files:
            for row in read(corpus, file):
                if isinstance(row, Record):
                    self.read_rows[corpus.name] = self.read_rows.get(corpus.name, 0) + 1
                    yield row
