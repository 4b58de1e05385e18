"""A local mirror of raw files, with one folder per corpus, for machines without access to the Hub."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path, PurePosixPath

from sources.errors import SabilaError
from sources.files import COMPRESSED, RawFile, plain_name
from sources.source import Corpus, is_held_out, is_training


class MissingCorpusError(SabilaError):
    """A corpus that is not available where its files were requested."""


def mirrored(corpus: Corpus, mirror: Path) -> tuple[RawFile, ...]:
    """Return the raw files of ``corpus`` under ``mirror``, sorted by name.

    A corpus is in ``mirror/<folder>`` or ``mirror/restricted/<folder>``, plain or compressed. Raises
    ``MissingCorpusError`` where the folder, or the files of a split, are missing.
    """
    return files_in(corpus, corpus_folder(corpus, mirror))


def files_in(corpus: Corpus, folder: Path) -> tuple[RawFile, ...]:
    """Return the raw files of ``corpus`` in ``folder``; of a plain and a compressed copy, the plain one."""
    companions = tuple(_file(folder, name, "companion") for name in corpus.companions)
    found = [
        RawFile(name=file.name, path=file.path, split=split, companions=companions, siblings=siblings - {file.name})
        for split, patterns in corpus.files.items()
        for files in [[file for pattern in patterns for file in _matches(corpus, folder, pattern, split)]]
        for siblings in [frozenset(file.name for file in files)]
        for file in files
    ]
    return tuple(sorted(found, key=lambda file: (file.split, file.name)))


def present_files(corpus: Corpus, folder: Path) -> tuple[tuple[RawFile, ...], tuple[str, ...]]:
    """Return the files of ``corpus`` that are in ``folder``, sorted by name, and the patterns without any."""
    found: list[RawFile] = []
    missing: list[str] = []
    for split, patterns in corpus.files.items():
        for pattern in patterns:
            try:
                found += files_in(replace(corpus, files={split: (pattern,)}), folder)
            except MissingCorpusError:
                missing.append(pattern)
    return tuple(sorted(found, key=lambda file: (file.split, file.name))), tuple(missing)


def named_as_tests(corpus: Corpus, files: Iterable[RawFile]) -> list[str]:
    """Return the training files whose names look like those of a test or validation set."""
    by_pattern = (file for file in files if file.name not in corpus.files[file.split])
    return [file.name for file in by_pattern if is_training(file.split) and is_held_out(PurePosixPath(file.name).name)]


def has_folder(corpus: Corpus, mirror: Path) -> bool:
    """Return whether a mirror has a folder for the corpus."""
    return any(folder.is_dir() for folder in _folders(corpus, mirror))


def _folders(corpus: Corpus, mirror: Path) -> tuple[Path, Path]:
    name = corpus.folder or corpus.name
    return mirror / name, mirror / "restricted" / name


def corpus_folder(corpus: Corpus, mirror: Path) -> Path:
    """Return the folder of ``corpus`` under ``mirror``; ``MissingCorpusError`` where there is none."""
    name = corpus.folder or corpus.name
    for folder in _folders(corpus, mirror):
        if folder.is_dir():
            return folder
    raise MissingCorpusError(f"{mirror} has no folder {name} for {corpus.name}; put the files of {corpus.home} there")


def _matches(corpus: Corpus, folder: Path, pattern: str, split: str) -> list[RawFile]:
    found = (path for suffix in ("", *COMPRESSED) for path in folder.glob(f"{pattern}{suffix}"))
    paths = {path for path in found if not _hidden(path, folder)}
    if not paths:
        raise MissingCorpusError(f"{folder} has no {pattern} (plain, .gz or .zst), the {split} rows of {corpus.name}")
    names = {_name(path, folder): path for path in sorted(paths, reverse=True)}
    return [RawFile(name=name, path=path, split=split) for name, path in names.items()]


def _hidden(path: Path, folder: Path) -> bool:
    """Return whether a file is a hidden system file, such as ``._rows.jsonl`` of macOS."""
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def _file(folder: Path, name: str, split: str) -> RawFile:
    for path in (folder / f"{name}{suffix}" for suffix in ("", *COMPRESSED)):
        if path.exists():
            return RawFile(name=name, path=path, split=split)
    raise MissingCorpusError(f"{folder} has no {name} (plain, .gz or .zst)")


def _name(path: Path, folder: Path) -> str:
    return plain_name(path.relative_to(folder).as_posix())
