"""The catalog as printed by ``sabila sources``: each corpus, and where it can be read from now."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sources.catalog import BENCHMARKS, SOURCES
from sources.fetch.mirror import MissingCorpusError, mirrored
from sources.source import Benchmark, Corpus


def list_sources(mirror: Path | None) -> list[dict[str, Any]]:
    """Return one row per corpus; ``readable_from`` is ``hub``, ``mirror`` or None."""
    return [_row(corpus, mirror) for corpus in (*SOURCES.values(), *BENCHMARKS.values())]


def _row(corpus: Corpus, mirror: Path | None) -> dict[str, Any]:
    return {
        "name": corpus.name,
        "kind": "benchmark" if isinstance(corpus, Benchmark) else getattr(corpus, "kind", ""),
        "title": corpus.title,
        "task": corpus.task,
        "lang": corpus.lang,
        "license": corpus.license,
        "license_read": corpus.license_read,
        "rows": corpus.published_rows,
        "home": corpus.home,
        "readable_from": _readable_from(corpus, mirror),
    }


def _readable_from(corpus: Corpus, mirror: Path | None) -> str | None:
    if mirror is None:
        return "hub" if corpus.hub_id else None
    try:
        mirrored(corpus, mirror)
    except MissingCorpusError:
        return None
    return "mirror"
