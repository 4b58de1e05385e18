"""A local folder of raw files in place of the Hub: one folder a corpus, as an air-gapped node has it."""

from __future__ import annotations

from pathlib import Path

from sources.files import RawFile
from sources.source import Corpus


class MissingCorpusError(Exception):
    """A corpus that cannot be read from where reading was asked for."""


def mirrored(corpus: Corpus, mirror: Path) -> tuple[RawFile, ...]:
    """Return the raw files of ``corpus`` under ``mirror``, sorted by name, whatever order the folder lists them in.

    A corpus lies in ``mirror/<folder>`` or ``mirror/restricted/<folder>``, plain or gzipped. Raises
    ``MissingCorpusError`` where the folder, or the files of a split, are not there.
    """
    return files_in(corpus, _folder(corpus, mirror))


def files_in(corpus: Corpus, folder: Path) -> tuple[RawFile, ...]:
    """Return the raw files of ``corpus`` that lie in ``folder``; where a file is there twice, the plain one."""
    companions = tuple(_file(folder, name, "companion") for name in corpus.companions)
    found = [
        RawFile(name=file.name, path=file.path, split=split, companions=companions)
        for split, patterns in corpus.files.items()
        for pattern in patterns
        for file in _matches(corpus, folder, pattern, split)
    ]
    return tuple(sorted(found, key=lambda file: (file.split, file.name)))


def _folder(corpus: Corpus, mirror: Path) -> Path:
    name = corpus.folder or corpus.name
    for folder in (mirror / name, mirror / "restricted" / name):
        if folder.is_dir():
            return folder
    raise MissingCorpusError(f"{mirror} has no folder {name} for {corpus.name}; put the files of {corpus.home} there")


def _matches(corpus: Corpus, folder: Path, pattern: str, split: str) -> list[RawFile]:
    paths = {*folder.glob(pattern), *folder.glob(f"{pattern}.gz")}
    if not paths:
        raise MissingCorpusError(f"{folder} has no {pattern} (plain or .gz), the {split} rows of {corpus.name}")
    names = {_name(path, folder): path for path in sorted(paths, reverse=True)}
    return [RawFile(name=name, path=path, split=split) for name, path in names.items()]


def _file(folder: Path, name: str, split: str) -> RawFile:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.exists():
            return RawFile(name=name, path=path, split=split)
    raise MissingCorpusError(f"{folder} has no {name} (plain or .gz)")


def _name(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix().removesuffix(".gz")
