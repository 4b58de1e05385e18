"""Documents in files and folders as one table of passages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from pipelines.own_files.file_tables import SUFFIXES, TableError, path_names
from sources.documents.passage_cuts import DOCUMENT_SUFFIXES, PassageSize, cut_passages, read_document
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


def passage_table(paths: Sequence[Path], size: PassageSize) -> tuple[pl.DataFrame, dict[str, int]]:
    """Return the passages of all documents (``PASSAGE_SCHEMA``), and the number of files and pages without, by kind.

    The kinds are documents without text, scanned pages of other documents, and each suffix that is not read.
    Raises ``TableError`` with the documents that cannot be read, and where there is no document.
    """
    files, other = _documents(paths)
    rows: list[dict[str, object]] = []
    wrong: list[str] = []
    blank = scanned = 0
    for name, path in files.items():
        try:
            document = read_document(RawFile(name, path))
        except FileError as error:
            if isinstance(error.__cause__, ModuleNotFoundError):
                raise TableError(str(error)) from error
            wrong.append(str(error))
            continue
        passages = list(cut_passages(document, size))
        blank += not passages
        scanned += len(document.scanned_pages)
        for one in passages:
            facts = {field: getattr(one, field) for field in PASSAGE_SCHEMA if field not in ("document", "citation")}
            facts |= {"document": name, "citation": one.citation(name), "heading": one.heading or one.title}
            rows.append(facts)
    if wrong:
        more = f"; and {len(wrong) - SHOWN:,} more" if len(wrong) > SHOWN else ""
        raise TableError(f"{'; '.join(wrong[:SHOWN])}{more}. Leave them out, and call again")
    if not rows:
        others = ", ".join(f"{count:,} {suffix or 'without a suffix'}" for suffix, count in other.items()) or "no file"
        raise TableError(
            f"{', '.join(map(str, paths))}: no document with text ({others}), expected {', '.join(DOCUMENT_SUFFIXES)} "
            f"or tables ({', '.join(SUFFIXES)})"
        )
    pages = {"documents without text": blank, "scanned pages without text": scanned}
    without = {kind: count for kind, count in pages.items() if count}
    return pl.DataFrame(rows, PASSAGE_SCHEMA), without | {f"files not read {kind}": n for kind, n in other.items()}


def _documents(paths: Sequence[Path]) -> tuple[dict[str, Path], dict[str, int]]:
    """Return the documents by name, sorted, and the number of other files by suffix; hidden files are skipped."""
    folders = [path for path in paths if path.is_dir()]
    single = [path for path in paths if not path.is_dir()]
    documents = dict(zip(path_names(single), single, strict=True))
    other: Counter[str] = Counter()
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            inner = path.relative_to(folder)
            if not path.is_file() or any(part.startswith(".") for part in inner.parts):
                continue
            if path.suffix.lower() not in DOCUMENT_SUFFIXES:
                other[path.suffix.lower()] += 1
                continue
            name = inner.as_posix() if len(paths) == 1 else f"{folder.name}/{inner.as_posix()}"
            documents[name] = path
    return dict(sorted(documents.items())), dict(sorted(other.items()))
