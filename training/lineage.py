"""The lineage of a model: every model, release and licence it derives from, by the records in its folders.

A node is a model: ``made_by`` a stage (``sft``, ``dpo`` or ``merge``, None for other models), trained on ``release``,
``from`` its parent nodes. Records of other models are untrusted and are checked field by field.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from training.model_license import RECORDS, UNKNOWN_LICENSE

DEEPEST = 20
MOST = 200
"""Most models kept in a lineage: an untrusted record may list any number."""

STEPS = ("sft", "dpo", "merge")
UNPRINTED = re.compile(r"[^\w .,:;@/+=()#~-]+")


def public_name(name: str, *, local: bool) -> str:
    """Return the name of a model for a card; a local folder is named without its path."""
    return Path(name).expanduser().resolve().name if local else name


def trace_model(
    text_of: Callable[[str], str | None], name: str, *, hub: bool, revision: str | None, license: str
) -> dict[str, Any]:
    """Return the lineage of a model; ``text_of`` returns the text of one of its files, or None."""
    step = next((_recorded_step(text) for record in RECORDS if (text := text_of(record))), None) or {}
    return {
        "model": public_name(name, local=not hub),
        "hub": hub,
        "revision": revision,
        "license": license,
        "made_by": step.get("made_by"),
        "release": step.get("release"),
        "from": step.get("from", []),
    }


def describe_step(step: str, release: Mapping[str, Any] | None, models: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the step that made the model of a record."""
    kept = {key: release[key] for key in RELEASE} if release else None
    return {"made_by": step, "release": kept, "from": list(models)}


def ancestors(lineage: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the models of a lineage, each once and after its parents."""
    models: dict[str, dict[str, Any]] = {}
    for one in _walk(lineage):
        models.setdefault(json.dumps({key: value for key, value in one.items() if key != "from"}, sort_keys=True), one)
    return list(models.values())


def _walk(lineage: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for model in lineage["from"]:
        yield from _walk(model)
        yield model


RELEASE = ("name", "version", "hash", "license")


def _recorded_step(text: str) -> dict[str, Any]:
    """Return the step that made the model of a record, also of records without a lineage."""
    try:
        record = json.loads(text)
        if "lineage" in record:
            return _check_step(record["lineage"], DEEPEST, [MOST])
        if "start_model" in record:
            start = record["start_model"]
            first = {**start, "model": public_name(start["name"], local=bool(start["hash"])), "hub": not start["hash"]}
            lineage = {"made_by": record["stage"], "release": record["release"], "from": [first]}
        else:
            inputs = [
                {**one, "model": public_name(one["model"], local=not one["revision"]), "hub": bool(one["revision"])}
                for one in record["inputs"]
            ]
            lineage = {"made_by": "merge", "release": None, "from": inputs}
        return _check_step(lineage, DEEPEST, [MOST])
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}  # no record of ours: the model is taken as it is


def _check_step(lineage: Mapping[str, Any], depth: int, left: list[int]) -> dict[str, Any]:
    """Return a step with the fields of a lineage only, truncated where it is too deep or too long."""
    models = []
    for model in list(lineage.get("from") or []) if depth else []:
        left[0] -= 1
        if left[0] < 0:
            break
        models.append(
            {
                "model": _text(model["model"]) or "unnamed",
                "hub": model.get("hub") is True,
                "revision": _text(model.get("revision")),
                "license": _text(model.get("license")) or UNKNOWN_LICENSE,
                **_check_step(model, depth - 1, left),
            }
        )
    release = lineage.get("release")
    kept = {key: _text(release.get(key)) for key in RELEASE} if isinstance(release, Mapping) else None
    return {"made_by": step if (step := lineage.get("made_by")) in STEPS else None, "release": kept, "from": models}


def _text(value: object) -> str | None:
    """Return a text of a record without control characters and markup."""
    return " ".join(UNPRINTED.sub(" ", value).split())[:200] if isinstance(value, str) else None
