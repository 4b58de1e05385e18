"""The catalog as printed by ``sabila sources``: each corpus, and where it can be read from now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sources.catalog import BENCHMARKS, SOURCES
from sources.errors import SabilaError
from sources.fetch.mirror import MissingCorpusError, mirrored
from sources.mapping.own_source import own_source
from sources.overlaps.shared_items import shared_by
from sources.source import Benchmark, Corpus
from sources.suggest import did_you_mean, some_of


class UnknownCorpusError(SabilaError):
    """A name that no corpus of the catalog has."""

    exit_code = 2


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


@dataclass(frozen=True, kw_only=True)
class EvidenceRow:
    """What one public place states about some corpora; ``result`` is ``unverified`` where no place was found."""

    corpora: tuple[str, ...]
    home: str
    checked: tuple[str, ...]
    where: str
    result: str


def find_corpus(name: str, own: Iterable[Any] = ()) -> Corpus:
    """Return a corpus of the catalog or of own sources by name; ``UnknownCorpusError`` suggests the nearest."""
    mine = [own_source(value).source() for value in own]
    known: dict[str, Corpus] = {**SOURCES, **BENCHMARKS, **{corpus.name: corpus for corpus in mine}}
    if name not in known:
        raise UnknownCorpusError(f"corpus is {name!r}, expected one of {some_of(known)}{did_you_mean(name, known)}")
    return known[name]


def list_evidence() -> list[EvidenceRow]:
    """Return where each corpus's schema was read, and what was not found; corpora with equal readings share a row."""
    rows: dict[tuple[str, tuple[str, ...], str, str], list[str]] = {}
    for corpus in (*SOURCES.values(), *BENCHMARKS.values()):
        readings: list[tuple[tuple[str, ...], str, str]] = [
            (one.checked, one.where, one.result) for one in corpus.schema_read
        ]
        if corpus.unverified:
            readings.append((corpus.unverified, "", "unverified"))
        for checked, where, result in readings:
            rows.setdefault((corpus.home, checked, where, result), []).append(corpus.name)
    return [
        EvidenceRow(corpora=tuple(names), home=home, checked=checked, where=where, result=result)
        for (home, checked, where, result), names in rows.items()
    ]


def evidence_table() -> str:
    """Return the readings as a Markdown table, which is kept in ``sources/EVIDENCE.md``."""
    lines = [
        "# Where the schema of each corpus was read",
        "",
        "Written by `sabila sources --evidence`; the readings are in the connectors (`schema_read`).",
        "",
        "| corpora | home | checked | where | result |",
        "|---|---|---|---|---|",
    ]
    for row in list_evidence():
        cells = (", ".join(row.corpora), row.home.removeprefix("hf://datasets/"), ", ".join(row.checked))
        lines.append(f"| {' | '.join((*cells, row.where or '-', row.result))} |")
    return "\n".join(lines)


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
