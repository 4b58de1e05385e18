"""Publication of a trained or merged model, with card and record, under the licences that it inherits."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from fnmatch import fnmatch, translate
from pathlib import Path
from typing import Any

from pipelines.hub.client import Say, connect
from pipelines.hub.publish import check_repo, refusal
from pipelines.hub.push import Published, Upload, send
from pipelines.release.locate import check_version
from pipelines.storage.secrets import secrets
from pipelines.terminal import one_line
from sources.license import Use, contradiction, covers, fits, parts, terms
from sources.releases.read_manifest import ReleaseError, file_hash
from training.lineage import public_name
from training.model_license import RECORDS, card_head, card_license

CARD = "README.md"

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
        "chat_template.json",
        "vocab.json",
        "vocab.txt",
        "merges.txt",
        "*.jinja",
        "*.png",
        "log.jsonl",
        "too_long.jsonl",
        "row_notes.jsonl",
    ),
    *("LICENSE*", "NOTICE*", *RECORDS, CARD),
)
"""Patterns of the published files of a model's folder; others, such as checkpoints and optimiser states, are not."""

ADAPTER = "adapter"
"""Folder of the low-rank adapters merged into the weights, which is published too."""

KEPT = ("LICENSE*", "NOTICE*")
"""Files that the owner of a repository may have added."""

OWNED = (
    *(translate(pattern).replace(".*", "[^/]*") for pattern in GOES if pattern not in KEPT),
    rf"{ADAPTER}/[^/]*",
)
"""Regular expressions of files of an older version that a new one must not keep."""


def publish_model(
    folder: Path,
    repo: str,
    say: Say,
    *,
    version: str | None = None,
    public: bool = False,
    use: Use = "any",
    dry_run: bool = False,
) -> Published:
    """Publish the model in ``folder`` to ``repo`` (``ORG/NAME``) and return a summary, with ``left_out``.

    ``version`` becomes a tag. Raises ``ReleaseError`` where card, record or weights are missing or contradict each
    other, the inherited licences forbid ``use`` or each other, or a file contains secrets, and the errors of
    ``pipelines.hub.push.send``.
    """
    check_repo(repo)
    if version is not None:
        check_version(version)
    origin = _model_origin(folder)
    files = {path.name: path for path in sorted(folder.iterdir()) if path.is_file() and _goes(path.name)}
    files |= {f"{ADAPTER}/{path.name}": path for path in sorted((folder / ADAPTER).glob("adapter_*"))}
    say(f"checking {folder}")
    _check(folder, files, origin, use, private=not public)
    _check_card(folder, repo, say, dry_run=dry_run)
    done = send(_upload(folder, files, origin, repo, version, public=public), say, dry_run=dry_run)
    taken = {path.split("/")[0] for path in files}
    return replace(done, left_out=sorted(path.name for path in folder.iterdir() if path.name not in taken))


def _check_card(folder: Path, repo: str, say: Say, *, dry_run: bool) -> None:
    """Let the Hub check the metadata of the card before the upload; raise ``ReleaseError`` with its message."""
    from huggingface_hub.errors import BadRequestError

    text = (folder / CARD).read_text(encoding="utf-8")
    with connect(repo, "model", say, anonymous=dry_run) as hub:

        def validate() -> None:
            try:
                hub.api._validate_yaml(text, repo_type="model")
            except ValueError as error:
                if not isinstance(error.__cause__, BadRequestError):
                    raise
                reason = one_line(str(error))[:600]
                raise ReleaseError(f"the Hub rejects {folder / CARD}; nothing was uploaded: {reason}") from None

        hub.retry("checking the card of", validate)


def _upload(
    folder: Path, files: dict[str, Path], origin: ModelOrigin, repo: str, version: str | None, *, public: bool
) -> Upload:
    return Upload(
        repo=repo,
        kind="model",
        public=public,
        tag=version,
        title=f"{folder.name} {version or ''}".strip(),
        files=files,
        hashes={name: file_hash(path) for name, path in files.items()},
        record=origin.name,
        owned=OWNED,
        optional=(),
        same=lambda published: published == origin.record,
        name=lambda published: None,
        called=folder.name,
    )


def _goes(name: str) -> bool:
    return any(fnmatch(name, pattern) for pattern in GOES)


@dataclass(frozen=True, kw_only=True)
class ModelOrigin:
    """Origin of a model: the name of its record and the record, its licence and those that it inherits.

    ``card_facts`` are the texts that its card must contain, by their meaning.
    """

    name: str
    record: dict[str, Any]
    license: str
    inherited: tuple[str, ...]
    card_facts: dict[str, str]


def _model_origin(folder: Path) -> ModelOrigin:
    name = next((name for name in RECORDS if (folder / name).is_file()), RECORDS[0])
    if missing := [needed for needed in (name, CARD) if not (folder / needed).is_file()]:
        raise ReleaseError(f"{folder} has no {missing[0]}, expected a model's folder written by sabila train or merge")
    try:
        record: dict[str, Any] = json.loads((folder / name).read_text(encoding="utf-8"))
        origin = _of_run(record) if name == RECORDS[0] else _of_merge(record)
        if not all(isinstance(text, str) for text in (origin.license, *origin.inherited, *origin.card_facts.values())):
            raise ValueError("a licence, name or hash is not a text")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ReleaseError(f"{folder / name} is no record of a run or a merge: {error!r}") from error
    return origin


def _of_run(record: dict[str, Any]) -> ModelOrigin:
    release = record["release"]
    return ModelOrigin(
        name=RECORDS[0],
        record=record,
        license=record["license"],
        inherited=(*record["rows"]["licenses"], record["start_model"]["license"]),
        card_facts={"release": f"{release['name']}@{release['version']}", "hash of the release": release["hash"]},
    )


def _of_merge(record: dict[str, Any]) -> ModelOrigin:
    models = record["inputs"]
    return ModelOrigin(
        name=RECORDS[1],
        record=record,
        license=record["license"],
        inherited=tuple(model["license"] for model in models),
        card_facts={
            f"model {n}": public_name(model["model"], local=model.get("revision") is None)
            for n, model in enumerate(models, 1)
        },
    )


def _check(folder: Path, files: dict[str, Path], origin: ModelOrigin, use: Use, *, private: bool) -> None:
    """Raise ``ReleaseError`` with every reason against publishing the model."""
    if broken := [*_unlike_card(folder, origin), *_weights(folder)]:
        raise ReleaseError(refusal(folder, "is incomplete, or differs from its record", broken))
    if wrong := _barred(origin, use, private=private):
        raise ReleaseError(refusal(folder, f"may not be published for use {use!r}", wrong))
    if secrets_found := secrets(files.items()):
        raise ReleaseError(refusal(folder, "seems to contain secrets; revoke them, then remove them", secrets_found))


def _unlike_card(folder: Path, origin: ModelOrigin) -> list[str]:
    """Return the contradictions between card and record: the release and its hash, or the models; the licence."""
    text = (folder / CARD).read_text(encoding="utf-8")
    head = card_head(text)
    stated = str(head.get("license_name") if head.get("license") == "other" else head.get("license"))
    contradictions = [
        f"{CARD} does not name the {what}, expected {value}"
        for what, value in origin.card_facts.items()
        if value not in text
    ]
    inherited = origin.license.lower()
    if stated.lower() not in (inherited, inherited.replace(" ", "-")) and card_license(head) != origin.license:
        contradictions.append(f"{CARD} says licence {stated!r}, expected {inherited!r} as {origin.name} has it")
    return contradictions


def _weights(folder: Path) -> list[str]:
    """Return the missing parts of the weights."""
    indexes = list(folder.glob("*.safetensors.index.json"))
    listed = {name for path in indexes for name in json.loads(path.read_text(encoding="utf-8"))["weight_map"].values()}
    if not listed and not any(folder.glob("*.safetensors")):
        return ["no weights, expected *.safetensors"]
    return [f"{name} is missing, the index lists it" for name in sorted(listed) if not (folder / name).is_file()]


def _barred(origin: ModelOrigin, use: Use, *, private: bool) -> list[str]:
    """Return the terms of rows and models that forbid publication, or that the model's own licence omits."""
    own = origin.license
    inherited = {id for text in origin.inherited for id in parts(text)}
    reasons = [
        f"{id} applies to it and is missing from its licence {own}" for id in sorted(inherited) if not covers(own, id)
    ]
    for id in sorted({*inherited, *parts(own)}):
        if terms(id).own and private:
            continue
        if terms(id).id != id or not terms(id).redistribution:
            reasons.append(f"{id}: no known terms allow publishing derived models")
        elif not fits(id, use):
            reasons.append(f"{id} does not allow use {use!r}")
    return [*reasons, *filter(None, [contradiction(own)])]
