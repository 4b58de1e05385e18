"""An own file, folder or set of the Hub, with its mapping, as a source like those of the catalog."""

from __future__ import annotations

import glob
import json
import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked

from sources.documents.passage_cuts import DOCUMENT_SUFFIXES
from sources.documents.passage_rows import documents_in, is_document, passage_rows
from sources.fetch.hub_files import HUB
from sources.fields.json_model import InnerPath, explain_errors
from sources.fields.names import is_name
from sources.files import COMPRESSED, RawFile, plain_name
from sources.mapping.column_mapping import FORBID, ColumnMapping, MappingError
from sources.mapping.file_rows import SUFFIXES, rows_of_file
from sources.mapping.mapped_rows import parse_mapped
from sources.schema.columns import ASPECTS, SchemaReading
from sources.source import Corpus, Rows, Source, is_held_out
from sources.suggest import did_you_mean

OWN_FILE = "file:"
"""Start of the home of an own file: its name follows, without its folder."""


@checked(frozen=True, kw_only=True, config=FORBID)
class OwnSource:
    """A source that is no part of the catalog; as JSON, a value of a recipe's ``source``.

    ``home`` is ``file:NAME`` or ``hf://datasets/ORG/NAME``, ``files`` are its files by their paths inside it.
    ``path`` is the file or folder on this machine; it enters no fingerprint and no release.
    """

    name: str
    home: str
    files: tuple[InnerPath, ...]
    mapping: ColumnMapping
    revision: str = "main"
    path: str | None = None

    def __post_init__(self) -> None:
        if not is_name(self.name):
            raise ValueError(f"name is {self.name!r}, expected letters, digits and _ . + @ = -, as in clinic")

    def source(self) -> Source:
        """Return the source: its rows are read by the format of each file, and become records by the mapping."""
        mapping = self.mapping
        task = mapping.row_task
        return Source(
            name=self.name,
            title=mapping.title or self.home.removeprefix(OWN_FILE).removeprefix(HUB),
            home=self.home,
            license=mapping.license,
            license_read=mapping.license_read,
            task=task,
            lang=mapping.language,
            files={mapping.split: tuple(map(glob.escape, self.files))},
            rows=self._rows,
            parse=partial(parse_mapped, mapping=mapping),
            revision=self.revision,
            kind="preference" if task == "preference" else "training",
            chain_prompt=mapping.chain_prompt or ("headqa" if task == "mcqa" else None),
            instruction_subject=mapping.subject,
            real_persons=mapping.real_persons,
            empty_files=any(map(is_document, self.files)),
            path=Path(self.path) if self.path else None,
            mapping=mapping.to_json(),
            schema_read=(SchemaReading(checked=ASPECTS, where=f"mapping of {self.home}"),),
        )

    @property
    def _rows(self) -> Rows:
        """The reader of the files: passages of documents, or the rows of tables."""
        if any(map(is_document, self.files)):
            least, most = self.mapping.passage_chars
            return partial(passage_rows, least=least, most=most)
        return rows_of_file

    def to_json(self, *, with_path: bool) -> dict[str, Any]:
        """Return the definition as JSON; without its path it holds nothing of this machine."""
        path = {"path": self.path} if with_path and self.path else {}
        return {
            "name": self.name,
            "home": self.home,
            "revision": self.revision,
            "files": list(self.files),
            "mapping": self.mapping.to_json(),
            **path,
        }


_ADAPTER = TypeAdapter(OwnSource)


def own_source(value: Any) -> OwnSource:
    """Return the source of a definition in JSON; ``MappingError`` names what is wrong with it."""
    try:
        return _ADAPTER.validate_python(value)
    except ValidationError as error:
        raise MappingError(f"source: {explain_errors(error)}") from None


def raw_files(corpus: Corpus) -> tuple[RawFile, ...]:
    """Return the files of a corpus that has a path on this machine; ``MappingError`` where one is missing."""
    assert corpus.path is not None, "a corpus without a path is read from a mirror or the Hub"
    [(split, patterns)] = corpus.files.items()
    names = [re.sub(r"\[([\[*?])\]", r"\1", pattern) for pattern in patterns]  # undoes glob.escape
    return located(corpus.path, names, split)


def located(path: Path, names: Sequence[str], split: str = "train") -> tuple[RawFile, ...]:
    """Return the files at a path by their names: a file itself, or the files in a folder."""
    paths = [_existing(path, name) for name in names] if path.is_dir() else [_existing(path.parent, path.name)]
    return tuple(
        RawFile(name=name, path=path, split=split, siblings=frozenset(names) - {name})
        for name, path in zip(names, paths, strict=True)
    )


def _existing(folder: Path, name: str) -> Path:
    for path in (folder / name, *(folder / f"{name}{suffix}" for suffix in COMPRESSED)):
        if path.is_file():
            return path
    raise MappingError(f"{folder / name} is not there, expected the file of a source; put it back, or name another")


def files_of(path: Path) -> tuple[str, ...]:
    """Return the files of an own source by name: the file itself, the shards of a ``datasets`` folder, or all tables
    or documents of a folder.

    Raises ``MappingError`` where there is none.
    """
    if not path.exists():
        siblings = [one.name for one in path.parent.glob("*")] if path.parent.is_dir() else []
        raise MappingError(f"{path} is not there{did_you_mean(path.name, siblings)}")
    if path.is_file():
        if is_document(path.name):
            return (path.name,)
        if not plain_name(path.name).lower().endswith(SUFFIXES):
            known = ", ".join((*SUFFIXES, *DOCUMENT_SUFFIXES))
            raise MappingError(f"{path} is none of {known}, tables plain, .gz or .zst; convert it")
        return (plain_name(path.name),)
    if (path / "dataset_dict.json").is_file():
        splits = json.loads((path / "dataset_dict.json").read_text(encoding="utf-8"))["splits"]
        training = [split for split in splits if not is_held_out(split)]
        if len(training) != 1:
            raise MappingError(
                f"{path} has the splits {', '.join(splits)}, expected one to train on; name its folder, as in "
                f"{path / splits[0]}"
            )
        return tuple(f"{training[0]}/{name}" for name in _shards(path / training[0]))
    if (path / "state.json").is_file():
        return _shards(path)
    return _tables_or_documents(path)


def _tables_or_documents(path: Path) -> tuple[str, ...]:
    """Return the tables of a folder by name, which are of one format, or its documents."""
    found = sorted(
        plain_name(one.relative_to(path).as_posix())
        for one in path.rglob("*")
        if one.is_file() and plain_name(one.name).lower().endswith(SUFFIXES) and not one.name.startswith(".")
    )
    if documents := tuple(documents_in(path)[0]):
        if found:
            raise MappingError(f"{path} has tables ({found[0]}) and documents ({documents[0]}), expected one kind")
        return documents
    if kinds := sorted({Path(name).suffix for name in found}):
        if len(kinds) == 1:
            return tuple(dict.fromkeys(found))
        raise MappingError(f"{path} has files of {len(kinds)} formats ({', '.join(kinds)}), expected one; name a file")
    known = ", ".join((*SUFFIXES, *DOCUMENT_SUFFIXES))
    raise MappingError(f"{path} has no file of {known}, tables plain, .gz or .zst; name another folder")


def _shards(folder: Path) -> tuple[str, ...]:
    """Return the files of a folder that ``datasets``' ``save_to_disk`` wrote, in the order of its rows."""
    try:
        state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        split = folder.name if (folder.parent / "dataset_dict.json").is_file() else str(state.get("_split") or "")
        if is_held_out(split):
            raise MappingError(
                f"{folder} is the split {split}, which is held out, expected rows to train on; sabila "
                "decontaminate --against compares rows with it"
            )
        return tuple(str(one["filename"]) for one in state["_data_files"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MappingError(f"{folder} is no folder of datasets' save_to_disk ({error}); save it again") from error
