"""The files of one split of any dataset on the Hub, named as ``hf://datasets/ORG/NAME@REVISION:CONFIG/SPLIT``."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import yaml

from sources.errors import SabilaError
from sources.fetch.hub_files import HUB, dataset_commit, dataset_files, dataset_text
from sources.files import plain_name
from sources.source import is_held_out, is_training

TABLES = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet", ".arrow", ".xlsx")
"""Files of a repository that hold rows."""


class AddressError(SabilaError):
    """An address on the Hub that cannot be read, or that names no files."""

    exit_code = 2


class HubAddress(NamedTuple):
    """The parts of an address: dataset, revision, and what follows the colon: a split, with its config, or a file."""

    id: str
    revision: str
    part: str


class HubSplit(NamedTuple):
    """The files of a split: the dataset's home, its commit, and the files by name."""

    home: str
    revision: str
    files: tuple[str, ...]


ADDRESS = re.compile(r"hf://datasets/([\w.-]+/[\w.-]+)(?:@([^:\s]+))?(?::(\S+))?")


def parse_hub_address(text: str) -> HubAddress:
    """Return the parts of an address; ``AddressError`` for a text that is none."""
    match = ADDRESS.fullmatch(text)
    if not match:
        raise AddressError(
            f"got {text!r}, expected {HUB}ORG/NAME, with @REVISION and :CONFIG/SPLIT, :SPLIT or :FILE where needed"
        )
    return HubAddress(match[1], match[2] or "main", match[3] or "")


def hub_split(address: HubAddress) -> HubSplit:
    """Return the commit and the files that an address names.

    Splits are those that the dataset's card lists under ``configs``, else those that its files are named after.
    Raises ``AddressError`` that lists what there is, and ``HubError`` where the Hub fails.
    """
    home = f"{HUB}{address.id}"
    commit = dataset_commit(address.id, address.revision)
    names = [name for name in dataset_files(address.id, commit) if plain_name(name).lower().endswith(TABLES)]
    if direct := sorted(plain_name(name) for name in names if address.part in (name, plain_name(name))):
        _refuse_held_out(home, PurePosixPath(direct[0]).name)
        return HubSplit(home, commit, tuple(direct))
    card = dataset_text(address.id, "README.md", commit)
    splits = _listed_splits(card, names) or _named_splits(names)
    wanted = _wanted(address, splits)
    _refuse_held_out(home, wanted[1])
    return HubSplit(home, commit, tuple(dict.fromkeys(plain_name(name) for name in splits[wanted])))


def _refuse_held_out(home: str, split: str) -> None:
    """Raise ``AddressError`` for a split or file that its publisher holds out."""
    if is_held_out(split):
        raise AddressError(
            f"{home}: {split} is held out by its publisher, expected rows to train on; sabila decontaminate --against "
            "compares rows with it"
        )


Splits = dict[tuple[str, str], list[str]]
"""The files of each config and split."""


def _wanted(address: HubAddress, splits: Splits) -> tuple[str, str]:
    config, _, split = address.part.rpartition("/")
    fitting = [
        key
        for key in splits
        if (not config or key[0] == config) and (key[1] == split or (not split and not is_held_out(key[1])))
    ]
    if len(fitting) == 1:
        return fitting[0]
    known = ", ".join(f"{config}/{split}" for config, split in splits) or "none"
    found = f"{len(fitting)} splits" if fitting else "no split"
    raise AddressError(
        f"{HUB}{address.id} has {found} {address.part or 'to train on'}, expected one of :CONFIG/SPLIT, which are "
        f"{known}, or the name of a file after the colon"
    )


def _listed_splits(card: str, names: Sequence[str]) -> Splits:
    """Return the splits under ``configs`` of a card's YAML; none where it lists none."""
    match = re.match(r"---\s*\n(.*?)\n---", card, re.DOTALL)
    try:
        facts = yaml.safe_load(match[1]) if match else {}
    except yaml.YAMLError:
        return {}
    found: Splits = {}
    for config in (facts or {}).get("configs", []) if isinstance(facts, Mapping) else []:
        name = str(config.get("config_name", "default"))
        for split, pattern in _patterns(config.get("data_files")):
            full = f"{config['data_dir']}/{pattern}" if config.get("data_dir") else pattern
            matched = sorted(one for one in names if fnmatch.fnmatch(one, full) or one == full)
            found.setdefault((name, split), []).extend(matched)
    return {key: files for key, files in found.items() if files}


def _patterns(data_files: Any) -> Iterator[tuple[str, str]]:
    """Yield (split, pattern) of ``data_files`` in any of the forms that a card may use."""
    if isinstance(data_files, str):
        yield "train", data_files
    elif isinstance(data_files, list):
        for one in data_files:
            if isinstance(one, Mapping):
                path = one.get("path", [])
                yield from (
                    (str(one.get("split", "train")), text) for text in ([path] if isinstance(path, str) else path)
                )
            else:
                yield "train", str(one)


def _named_splits(names: Sequence[str]) -> Splits:
    """Return splits by the names of files: the folder ``data`` or none is the config default; a file whose name holds
    no split's is one of train.
    """
    found: Splits = {}
    for name in sorted(names):
        path = PurePosixPath(plain_name(name))
        folders = [part for part in path.parts[:-1] if part != "data"]
        words = re.split(r"[^a-z]+", path.stem.lower())
        split = next((word for word in words if is_training(word) or is_held_out(word)), "")
        if not split and folders and (is_training(folders[-1]) or is_held_out(folders[-1])):
            split = folders.pop()
        found.setdefault(("/".join(folders) or "default", split or "train"), []).append(name)
    return found
