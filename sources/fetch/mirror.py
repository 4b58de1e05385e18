"""A local mirror of raw files, with one folder per corpus, for machines without access to the Hub."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from sources.errors import SabilaError
from sources.files import RawFile
from sources.source import Corpus, is_held_out, is_training


class MissingCorpusError(SabilaError):
    """A corpus that is not available where its files were requested."""


def mirrored(corpus: Corpus, mirror: Path) -> tuple[RawFile, ...]:
    """Return the raw files of ``corpus`` under ``mirror``, sorted by name.

    A corpus is in ``mirror/<folder>`` or ``mirror/restricted/<folder>``, plain or gzipped. Raises
    ``MissingCorpusError`` where the folder, or the files of a split, are missing.
    """
    return files_in(corpus, _folder(corpus, mirror))


def files_in(corpus: Corpus, folder: Path) -> tuple[RawFile, ...]:
    """Return the raw files of ``corpus`` in ``folder``; of a plain and a gzipped copy, the plain one."""
    companions = tuple(_file(folder, name, "companion") for name in corpus.companions)
    found = [
        RawFile(name=file.name, path=file.path, split=split, companions=companions, siblings=siblings - {file.name})
        for split, patterns in corpus.files.items()
        for files in [[file for pattern in patterns for file in _matches(corpus, folder, pattern, split)]]
        for siblings in [frozenset(file.name for file in files)]
        for file in files
    ]
    return tuple(sorted(found, key=lambda file: (file.split, file.name)))


def named_as_tests(corpus: Corpus, files: Iterable[RawFile]) -> list[str]:
    """Return the training files whose names look like those of a test or validation set."""
    by_pattern = (file for file in files if file.name not in corpus.files[file.split])
    return [file.name for file in by_pattern if is_training(file.split) and is_held_out(PurePosixPath(file.name).name)]


def _folder(corpus: Corpus, mirror: Path) -> Path:
    name = corpus.folder or corpus.name
    for folder in (mirror / name, mirror / "restricted" / name):
        if folder.is_dir():
            return folder
    raise MissingCorpusError(f"{mirror} has no folder {name} for {corpus.name}; put the files of {corpus.home} there")


def _matches(corpus: Corpus, folder: Path, pattern: str, split: str) -> list[RawFile]:
    paths = {path for path in (*folder.glob(pattern), *folder.glob(f"{pattern}.gz")) if not _hidden(path, folder)}
    if not paths:
        raise MissingCorpusError(f"{folder} has no {pattern} (plain or .gz), the {split} rows of {corpus.name}")
    names = {_name(path, folder): path for path in sorted(paths, reverse=True)}
    return [RawFile(name=name, path=path, split=split) for name, path in names.items()]


def _hidden(path: Path, folder: Path) -> bool:
    """Return whether a file is a hidden system file, such as ``._rows.jsonl`` of macOS."""
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def _file(folder: Path, name: str, split: str) -> RawFile:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.exists():
            return RawFile(name=name, path=path, split=split)
    raise MissingCorpusError(f"{folder} has no {name} (plain or .gz)")


def _name(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix().removesuffix(".gz")
