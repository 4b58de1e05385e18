"""Own sources given to a verb or in a config: located, mapped, checked, and converted to values of a recipe."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.build.toml_text import mapping_text
from pipelines.own_files.mapping_proposal import header_notes, propose, shown_drafts
from sources.atomic import write_bytes, write_json
from sources.documents.passage_rows import COLUMNS, documents_in, is_document, kinds_text
from sources.fetch.hub_files import HUB, downloaded, fetched
from sources.fetch.hub_split import hub_split, parse_hub_address
from sources.fields.names import is_name
from sources.files import RawFile, plain_name
from sources.formats.workbooks import sheet_range
from sources.mapping.column_mapping import ColumnMapping, Columns, MappingError, column_mapping, read_toml
from sources.mapping.mapping_checks import check_mapping, columns_of, first_rows, refuse_two_columns
from sources.mapping.own_source import OWN_FILE, OwnSource, files_of, located
from sources.overlaps.known_copies import freed_license

SHOWN = 5
"""Most files named in a message."""

Confirm = Callable[[str, Path], bool]
"""Shows a proposed mapping and its first rows, and returns whether to write it to the path."""


@dataclass(frozen=True, kw_only=True)
class SourceSpec:
    """A source as given by the user: name, location, and the mapping if a config has one.

    ``folder`` is the folder that the location is relative to, ``where`` names the mapping in messages.
    """

    name: str
    location: str
    mapping: Mapping[str, Any] | None = None
    folder: Path = Path()
    where: str = ""


@dataclass(frozen=True, kw_only=True)
class SourceFiles:
    """Where the rows of a source are: its home, its files, the path of its mapping, and its revision on the Hub."""

    home: str
    files: tuple[RawFile, ...]
    mapping_file: Path
    path: Path | None = None
    revision: str = "main"


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A proposed mapping: its TOML, the file to write it to, and its first rows."""

    text: str
    path: Path
    rows: str


def parse_spec(text: str) -> SourceSpec:
    """Return the source of ``NAME=LOCATION``, or of a location that gives it its name."""
    match = re.fullmatch(r"([^=/:]+)=(.+)", text)
    name, location = (match[1].strip(), match[2].strip()) if match else (_name_of(text), text)
    if not is_name(name):
        raise MappingError(f"source: got {text!r}, expected NAME=FILE, as in clinic=clinic.csv")
    return SourceSpec(name=name, location=location)


def _name_of(location: str) -> str:
    """Return a name from a location: the stem of a file, the name of a set of the Hub; brackets and the like are
    left out.
    """
    if location.startswith(HUB):
        return re.split(r"[@:]", location.removeprefix(HUB))[0].rpartition("/")[2]
    stem = Path(location).name.partition(".")[0]
    return stem if is_name(stem) else re.sub(r"[^\w+@=-]+", "-", stem).strip("-+@=")


def resolve_sources(
    specs: Sequence[SourceSpec],
    *,
    raw: Path,
    mirror: Path | None = None,
    renew: bool = False,
    confirm: Confirm | None = None,
) -> list[dict[str, Any]]:
    """Return the definitions of sources, as values of a recipe's ``source``.

    Sets of the Hub are read from a folder of the mirror that has the source's name, or downloaded to ``raw``; the
    commit and files that an address was first resolved to are used until ``renew``.
    Without a mapping one is proposed and confirmed, or refused with its text where ``confirm`` is None. Raises
    ``MappingError`` and what reading raises.
    """
    files_by_spec = [(spec, find_files(spec, raw, mirror=mirror, renew=renew)) for spec in specs]
    return [_resolve(spec, files, confirm).to_json(with_path=True) for spec, files in files_by_spec]


def _resolve(spec: SourceSpec, source_files: SourceFiles, confirm: Confirm | None) -> OwnSource:
    if any(is_document(file.name) for file in source_files.files):
        return _of_documents(spec, source_files)
    rows = first_rows(source_files.files)
    where = spec.where or str(source_files.mapping_file)
    values = spec.mapping
    if values is None and not source_files.mapping_file.is_file():
        proposal = _proposal(rows, source_files)
        if confirm is None:
            raise MappingError(_refusal(spec, source_files, proposal))
        if not confirm(f"{proposal.text}\n{proposal.rows}", source_files.mapping_file):
            raise MappingError(
                f"{spec.location} has no mapping: write it to {source_files.mapping_file} (sabila init {spec.location} "
                "writes the proposed one), and run again"
            )
        write_bytes(source_files.mapping_file, proposal.text.encode())
    if values is None:
        values = read_toml(source_files.mapping_file)
    refuse_two_columns(values, rows, where)
    mapping = column_mapping(values, where)
    check_mapping(mapping, rows, where)
    if freed := freed_license(source_files.home, mapping.license):
        raise MappingError(f"{where}: {freed}; state it, or the stricter one that you read")
    names = tuple(file.name for file in source_files.files)
    path = str(source_files.path) if source_files.path else None
    return OwnSource(
        name=spec.name, home=source_files.home, files=names, mapping=mapping, revision=source_files.revision, path=path
    )


def _of_documents(spec: SourceSpec, source_files: SourceFiles) -> OwnSource:
    """Return the source of documents, whose columns are known; a mapping may state licence, language and so on."""
    values = spec.mapping
    if values is None:
        values = read_toml(source_files.mapping_file) if source_files.mapping_file.is_file() else {}
    where = spec.where or str(source_files.mapping_file)
    mapping = column_mapping({**values, "passages": True, "columns": {**COLUMNS, **values.get("columns", {})}}, where)
    if empty := [file.name for file in source_files.files if not file.path.stat().st_size]:
        shown = ", ".join(empty[:SHOWN]) + (f" and {len(empty) - SHOWN:,} more" if len(empty) > SHOWN else "")
        raise MappingError(f"{spec.location} has empty files ({shown}), expected documents with text; leave them out")
    names = tuple(file.name for file in source_files.files)
    path = str(source_files.path) if source_files.path else None
    return OwnSource(
        name=spec.name, home=source_files.home, files=names, mapping=mapping, revision=source_files.revision, path=path
    )


def unread_files(definitions: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a line for each source that is a folder of documents with other files, which are not read."""
    lines = []
    for one in definitions:
        folder = Path(one.get("path") or "")
        if "path" in one and folder.is_dir() and any(map(is_document, one["files"])):
            other = documents_in(folder)[1]
            lines += [f"{one['name']}: files not read: {kinds_text(other)}"] if other else []
    return lines


def propose_mapping(location: str, raw: Path) -> Proposal:
    """Return the proposed mapping of a file, folder or set of the Hub."""
    spec = parse_spec(location)
    source_files = find_files(spec, raw)
    if any(is_document(file.name) for file in source_files.files):
        raise MappingError(
            f"{spec.location} has documents, which need no mapping: build with --source {spec.name}={spec.location}. "
            f"{source_files.mapping_file} may state license, license_read, language, title and passage_chars"
        )
    return _proposal(first_rows(source_files.files), source_files)


def _proposal(rows: Sequence[Any], source_files: SourceFiles) -> Proposal:
    shown = source_files.home.removeprefix(OWN_FILE)
    of_file = [note for file in source_files.files for note in sheet_notes(file)] + header_notes(columns_of(rows))
    try:
        values, notes = propose(rows, shown)
    except MappingError as error:
        raise MappingError("; ".join([str(error), *of_file])) from error
    notes += of_file
    text = mapping_text(values, [f"How the columns of {shown} become rows: check each line.", *notes])
    read = check_mapping(column_mapping(values, shown), rows, shown)
    first = shown_drafts(read, column_mapping(values, shown))
    return Proposal(text=text, path=source_files.mapping_file, rows=f"The first rows would be:\n{first}")


def sheet_notes(file: RawFile) -> list[str]:
    """Return what of a workbook is read that a person may not see, and what is not read."""
    if not file.name.lower().endswith(".xlsx"):
        return []
    name, others, hidden = sheet_range(file)
    notes = [f"{file.name}: the sheet {name} is read, and not {', '.join(others)}"] if name and others else []
    return notes + ([f"{file.name}: its {hidden:,} hidden rows are read too"] if hidden else [])


def _refusal(spec: SourceSpec, source_files: SourceFiles, proposal: Proposal) -> str:
    return (
        f"{spec.location} has no mapping, expected {source_files.mapping_file}. Check the proposed one below, and "
        f"write it with: sabila init {spec.location}\n\n{proposal.text}\n{proposal.rows}"
    )


# --- where the rows are --------------------------------------------------------------------------------------------


def find_files(spec: SourceSpec, raw: Path, *, mirror: Path | None = None, renew: bool = False) -> SourceFiles:
    """Return where the rows of a source are: on this machine, in a mirror, or fetched from the Hub."""
    if not spec.location.startswith(HUB):
        path = (spec.folder / spec.location).absolute()
        files = located(path, files_of(path))
        return SourceFiles(home=f"{OWN_FILE}{path.name}", files=files, mapping_file=mapping_file_of(path), path=path)
    mapping_file = spec.folder / f"{spec.name}.toml"
    address = parse_hub_address(spec.location)
    if mirror is not None and (mirror / spec.name).is_dir():
        files, revision = located(mirror / spec.name, files_of(mirror / spec.name)), address.revision
    else:
        files, revision = _from_hub(spec, raw, renew)
    return SourceFiles(home=f"{HUB}{address.id}", files=files, mapping_file=mapping_file, revision=revision)


def mapping_file_of(path: Path) -> Path:
    """Return the mapping next to a file: ``clinic.csv.toml`` if there is one, else ``clinic.toml``."""
    by_full_name = path.with_name(f"{plain_name(path.name)}.toml")
    by_stem = path.with_name(f"{path.name.partition('.')[0] or path.name}.toml")
    return by_full_name if by_full_name.is_file() else by_stem


def _from_hub(spec: SourceSpec, raw: Path, renew: bool) -> tuple[tuple[RawFile, ...], str]:
    """Return the files of an address on the Hub and their commit, as first resolved and stored in ``raw``."""
    address_file, content = raw / spec.name / "address.json", {}
    if address_file.is_file() and not renew:
        content = json.loads(address_file.read_text(encoding="utf-8"))
    if content.get("address") != spec.location:
        content = {"address": spec.location, **hub_split(parse_hub_address(spec.location))._asdict()}
    home, revision, names = content["home"], content["revision"], tuple(content["files"])
    unread = OwnSource(name=spec.name, home=home, files=names, mapping=UNREAD, revision=revision).source()
    files = downloaded(unread, raw, revision, names) or fetched(unread, raw, revision)
    write_json(address_file, content)
    return files, revision


UNREAD = ColumnMapping(columns=Columns(question="question", answer="answer"))
"""A placeholder mapping for files that are fetched before their own mapping is known."""
