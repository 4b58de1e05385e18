"""A trained model on the Hub: with the card and the record of its run, under the licences that it inherits."""

from __future__ import annotations

import json
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from pipelines.hub.client import Say
from pipelines.hub.publish import check_repo, refusal
from pipelines.hub.push import Parcel, send
from pipelines.hub.secrets import secrets
from pipelines.manifest import ReleaseError, file_hash
from pipelines.release import check_version
from sources.license import Use, contradiction, covers, fits, parts, terms

RECORD, CARD = "run.json", "README.md"

GOES = (
    *(
        "*.safetensors",
        "*.safetensors.index.json",
        "*config.json",
        "*config.yml",
        "tokenizer*",
        "special_tokens_map.json",
    ),
    *(
        "added_tokens.json",
        "vocab.json",
        "vocab.txt",
        "merges.txt",
        "*.jinja",
        "*.png",
        "log.jsonl",
        "too_long.jsonl",
        "merge.json",
    ),
    *("LICENSE*", "NOTICE*", RECORD, CARD),
)
"""What is published of a model's folder, by patterns: all else stays, as checkpoints and states of optimisers do."""

WEIGHTS = (r"[^/]*\.safetensors", r"[^/]*\.safetensors\.index\.json")
"""What an older version may have left and a new one must not keep, as regular expressions."""


def publish_model(
    folder: Path,
    repo: str,
    say: Say,
    *,
    version: str | None = None,
    public: bool = False,
    use: Use = "any",
    dry_run: bool = False,
) -> dict[str, Any]:
    """Publish the model in ``folder`` to ``repo`` (``ORG/NAME``) and return what was done, and ``left_out``.

    ``version`` becomes a tag. Raises ``ReleaseError`` where card, record or weights are missing or do not fit each
    other, the licences of rows and start model forbid ``use`` or each other, or a file holds secrets, and what
    ``pipelines.hub.push.send`` raises.
    """
    check_repo(repo)
    if version is not None:
        check_version(version)
    record = _record(folder)
    files = {path.name: path for path in sorted(folder.iterdir()) if path.is_file() and _goes(path.name)}
    say(f"checking {folder}")
    _check(folder, files, record, use)
    done = send(_parcel(folder, files, record, repo, version, public=public), say, dry_run=dry_run)
    return {**done, "left_out": sorted(path.name for path in folder.iterdir() if path.name not in files)}


def _parcel(
    folder: Path, files: dict[str, Path], record: dict[str, Any], repo: str, version: str | None, *, public: bool
) -> Parcel:
    return Parcel(
        repo=repo,
        kind="model",
        public=public,
        tag=version,
        title=f"{folder.name} {version or ''}".strip(),
        files=files,
        hashes={name: file_hash(path) for name, path in files.items()},
        record=RECORD,
        owned=WEIGHTS,
        optional=(),
        same=lambda published: published == record,
        name=lambda published: None,
        called=folder.name,
    )


def _goes(name: str) -> bool:
    return any(fnmatch(name, pattern) for pattern in GOES)


def _record(folder: Path) -> dict[str, Any]:
    if missing := [name for name in (RECORD, CARD) if not (folder / name).is_file()]:
        raise ReleaseError(f"{folder} has no {missing[0]}, expected a model's folder as sabila train leaves it")
    try:
        record: dict[str, Any] = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        release, rows, start = record["release"], record["rows"]["licenses"], record["start_model"]["license"]
        if not all(isinstance(text, str) for text in (record["license"], release["hash"], *rows, start)):
            raise ValueError("a licence or hash is no text")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ReleaseError(f"{folder / RECORD} is no record of a run: {error!r}") from error
    return record


def _check(folder: Path, files: dict[str, Path], record: dict[str, Any], use: Use) -> None:
    """Raise ``ReleaseError`` with every reason not to hand on the model."""
    if broken := [*_unlike_card(folder, record), *_weights(folder)]:
        raise ReleaseError(refusal(folder, "is not whole, or not what its record says", broken))
    if wrong := _barred(record, use):
        raise ReleaseError(refusal(folder, f"may not be handed on for use {use!r}", wrong))
    if told := secrets(files.items()):
        raise ReleaseError(refusal(folder, "seems to hold secrets; revoke them, then take them out", told))


def _unlike_card(folder: Path, record: dict[str, Any]) -> list[str]:
    """Return what the card says otherwise than the record: the release, its hash, the licence."""
    import yaml

    text = (folder / CARD).read_text(encoding="utf-8")
    try:
        head = yaml.safe_load(text.split("---")[1]) if text.startswith("---") else {}
    except yaml.YAMLError:
        head = {}
    stated = str(head.get("license_name") if head.get("license") == "other" else head.get("license"))
    release = record["release"]
    wanted = {"release": f"{release['name']}@{release['version']}", "hash of the release": release["hash"]}
    found = [
        f"{CARD} does not name the {what}, expected {value}" for what, value in wanted.items() if value not in text
    ]
    inherited = record["license"].lower()
    if stated.lower() not in (inherited, inherited.replace(" ", "-")):
        found.append(f"{CARD} says licence {stated!r}, expected {inherited!r} as {RECORD} has it")
    return found


def _weights(folder: Path) -> list[str]:
    """Return what is missing of the weights."""
    indexes = list(folder.glob("*.safetensors.index.json"))
    listed = {name for path in indexes for name in json.loads(path.read_text(encoding="utf-8"))["weight_map"].values()}
    if not listed and not any(folder.glob("*.safetensors")):
        return ["no weights, expected *.safetensors"]
    return [f"{name} is missing, the index lists it" for name in sorted(listed) if not (folder / name).is_file()]


def _barred(record: dict[str, Any], use: Use) -> list[str]:
    """Return what the licences of rows and start model forbid, or ask and the model's own does not."""
    own = record["license"]
    inherited = {id for text in (*record["rows"]["licenses"], record["start_model"]["license"]) for id in parts(text)}
    found = [f"{id} binds it and its licence {own} does not" for id in sorted(inherited) if not covers(own, id)]
    for id in sorted({*inherited, *parts(own)}):
        if terms(id).id != id or not terms(id).redistribution:
            found.append(f"{id}: nothing that is known here allows handing on what is made of it")
        elif not fits(id, use):
            found.append(f"{id} does not allow use {use!r}")
    return [*found, *filter(None, [contradiction(own)])]
