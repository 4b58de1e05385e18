"""The catalog as printed by ``sabila sources``: each corpus, and where it can be read from now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sources.catalog import BENCHMARKS, SOURCES
from sources.fetch.mirror import MissingCorpusError, mirrored
from sources.mapping.own_source import own_source
from sources.shared_items import shared_by
from sources.source import Benchmark, Corpus


@dataclass(frozen=True, kw_only=True)
class CatalogRow:
    """One corpus of the catalog.

    ``readable_from`` is ``hub``, ``mirror``, ``file`` or None. ``schema`` is ``read`` where a public place was found
    for its columns, gold base, splits and licence, else ``partly`` or ``unverified``; ``unverified`` lists what was not
    found. ``shares`` says which other corpora have its questions.
    """

    name: str
    kind: str
    title: str
    task: str
    lang: str
    license: str
    license_read: str
    rows: int | None
    home: str
    readable_from: str | None
    schema: str
    unverified: list[str]
    shares: list[str]


def list_sources(mirror: Path | None, own: Iterable[Any] = ()) -> list[CatalogRow]:
    """Return one row per corpus, those of own sources (as values of a recipe) last."""
    mine = [own_source(value).source() for value in own]
    return [_row(corpus, mirror) for corpus in (*SOURCES.values(), *BENCHMARKS.values(), *mine)]


def _row(corpus: Corpus, mirror: Path | None) -> CatalogRow:
    return CatalogRow(
        name=corpus.name,
        kind="benchmark" if isinstance(corpus, Benchmark) else getattr(corpus, "kind", ""),
        title=corpus.title,
        task=corpus.task,
        lang=corpus.lang,
        license=corpus.license,
        license_read=corpus.license_read,
        rows=corpus.published_rows,
        home=corpus.home,
        readable_from=_readable_from(corpus, mirror),
        schema="read" if not corpus.unverified else "partly" if corpus.schema_read else "unverified",
        unverified=list(corpus.unverified),
        shares=[rule.describe(name) for name in _names(corpus) for rule in shared_by(name)],
    )


def _names(corpus: Corpus) -> list[str]:
    """Return the names of a corpus in rules on shared items, each once."""
    evaluated = getattr(corpus, "evaluated_as", None) or getattr(corpus, "variant_of", None)
    return list(dict.fromkeys(name for name in (corpus.name, evaluated) if name))


def _readable_from(corpus: Corpus, mirror: Path | None) -> str | None:
    if corpus.path is not None:
        return "file"
    if mirror is None:
        return "hub" if corpus.hub_id else None
    try:
        mirrored(corpus, mirror)
    except MissingCorpusError:
        return None
    return "mirror"
