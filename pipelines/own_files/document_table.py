"""Documents in files and folders as one table of passages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from pipelines.own_files.file_tables import SUFFIXES, TableError, path_names
from sources.documents.passage_cuts import DOCUMENT_SUFFIXES, PassageSize, cut_passages, read_document
from sources.documents.passage_rows import NO_SUFFIX, documents_in, kinds_text, unread_parts
from sources.files import FileError, RawFile

SHOWN = 5
"""Most documents named in a message."""

PASSAGE_SCHEMA = pl.Schema(
    {
        "document": pl.String,
        "title": pl.String,
        "heading": pl.String,
        "page": pl.Int64,
        "last_page": pl.Int64,
        "start": pl.Int64,
        "end": pl.Int64,
        "date": pl.String,
        "citation": pl.String,
        "text": pl.String,
    }
)
"""A passage: its document, title, headings, pages, offsets in the document's text, date, citation and text."""

QUARANTINE_SCHEMA = pl.Schema({"document": pl.String, "error": pl.String})
"""A document that cannot be read or has no text, or one of its scanned pages, and why."""


def are_documents(paths: Sequence[Path]) -> bool:
    """Return whether the paths are documents or folders of them, and not tables; ``TableError`` for both."""
    documents = [path for path in paths if path.is_dir() or path.suffix.lower() in DOCUMENT_SUFFIXES]
    if documents and len(documents) < len(paths):
        table = next(path for path in paths if path not in documents)
        raise TableError(f"{documents[0]} is a document and {table} is not, expected only documents or only tables")
    suffixes = (*DOCUMENT_SUFFIXES, *SUFFIXES)
    for path in () if documents else paths:
        if Path(path.name.removesuffix(".gz")).suffix.lower() not in suffixes:
            kinds = f"a document ({', '.join(DOCUMENT_SUFFIXES)}) or a table ({', '.join(SUFFIXES)}, plain or .gz)"
            raise TableError(f"{path} ends in {path.suffix or 'nothing'}, expected {kinds}")
    return bool(documents)


def passage_table(paths: Sequence[Path], size: PassageSize) -> tuple[pl.DataFrame, pl.DataFrame, dict[str, int]]:
    """Return the passages of all documents (``PASSAGE_SCHEMA``), what is quarantined, and the number of files, by kind.

    Quarantined are documents that cannot be read or have no text, and scanned pages (``QUARANTINE_SCHEMA``). The kinds
    are those, and each suffix that is not read. Raises ``TableError`` where there is no text at all.
    """
    files, other = _documents(paths)
    rows: list[dict[str, object]] = []
    wrong: list[tuple[str, str]] = []
    unreadable = blank = scanned = 0
    for name, path in files.items():
        try:
            document = read_document(RawFile(name, path))
        except FileError as error:
            if isinstance(error.__cause__, ModuleNotFoundError):
                raise TableError(str(error)) from error
            wrong.append((name, str(error).removeprefix(f"{path} ")))
            unreadable += 1
            continue
        passages = list(cut_passages(document, size))
        wrong += [(name, error) for error in unread_parts(document, passages=bool(passages))]
        blank += not passages
        scanned += len(document.scanned_pages)
        for one in passages:
            facts = {field: getattr(one, field) for field in PASSAGE_SCHEMA if field not in ("document", "citation")}
            facts |= {"document": name, "citation": one.citation(name), "heading": one.heading or one.title}
            rows.append(facts)
    quarantined = pl.DataFrame(wrong, QUARANTINE_SCHEMA, orient="row")
    if not rows:
        faults = [quarantined_text(quarantined)] if wrong else []
        found = "; ".join([*faults, *([kinds_text(other)] if other else [])]) or "no file"
        raise TableError(
            f"{', '.join(map(str, paths))}: no document with text ({found}), expected {', '.join(DOCUMENT_SUFFIXES)} "
            f"or tables ({', '.join(SUFFIXES)})"
        )
    kinds = {"documents not read": unreadable, "documents without text": blank, "scanned pages without text": scanned}
    without = {kind: count for kind, count in kinds.items() if count}
    unread = {f"files not read {suffix or NO_SUFFIX}": n for suffix, n in other.items()}
    return pl.DataFrame(rows, PASSAGE_SCHEMA), quarantined, without | unread


def quarantined_text(quarantined: pl.DataFrame) -> str:
    """Return the first documents that are quarantined with their errors, and the number of the others."""
    shown = [f"{name}: {error}" for name, error in quarantined.head(SHOWN).iter_rows()]
    more = [f"and {len(quarantined) - SHOWN:,} more"] if len(quarantined) > SHOWN else []
    return "; ".join([*shown, *more])


def _documents(paths: Sequence[Path]) -> tuple[dict[str, Path], dict[str, int]]:
    """Return the documents by name, sorted, and the number of other files by suffix; hidden files are skipped."""
    other: Counter[str] = Counter()
    folders = [path for path in paths if path.is_dir()]
    single = [path for path in paths if not path.is_dir()]
    documents = dict(zip(path_names(single), single, strict=True))
    for folder in folders:
        names, ignored = documents_in(folder)
        documents |= {name if len(paths) == 1 else f"{folder.name}/{name}": folder / name for name in names}
        other.update(ignored)
    return dict(sorted(documents.items())), dict(sorted(other.items()))
