"""Model cards: README.md with the Hub's YAML, from the record of a run or merge."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from sources.license import parts, terms
from training.lineage import ancestors, public_name


def model_card(record: dict[str, Any], name: str, plots: Collection[str] = ()) -> str:
    """Return the card of the model ``name`` from its run's record; ``plots`` are pictures in its folder."""
    start = record["start_model"]
    shown = {**record, "start_model": {**start, "name": public_name(start["name"], local=start["hash"] is not None)}}
    return _rendered("model_card.md.jinja", shown, name, plots=plots, settings=_flat(record["settings"]))


def merge_card(record: dict[str, Any]) -> str:
    """Return the card of a merged model from the record of the merge, without local paths."""
    names = {model["model"]: public_name(model["model"], local=model["revision"] is None) for model in record["inputs"]}
    inputs = [{**model, "model": names[model["model"]]} for model in record["inputs"]]
    notes = list(record["notes"])
    for name in sorted(names, key=len, reverse=True):
        notes = [note.replace(name, names[name]) for note in notes]
    shown = {**record, "inputs": inputs, "notes": notes}
    return _rendered("merge_card.md.jinja", shown, f"Merge by {record['method']['name']}")


def _rendered(template: str, record: dict[str, Any], name: str, **more: Any) -> str:
    environment = Environment(
        loader=PackageLoader("training", "templates"), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["number"] = lambda value: f"{value:,}"
    environment.filters["figure"] = lambda value: "not known" if value is None else f"{value:,.4g}"
    environment.filters["json"] = lambda value: json.dumps(value, ensure_ascii=False)
    ids = parts(record["license"])
    # The Hub has a word for many licences, and takes one a model; all else is "other" with a name.
    word = terms(ids[0]).hub if len(ids) == 1 else "other"
    known = None if word in ("other", "unknown") else word
    way = ancestors(record["lineage"])
    first = sorted({model["model"] for model in way if model["hub"] and not model["from"]})
    return environment.get_template(template).render(
        record=record, name=name, known_license=known, way=way, first=first, **more
    )


def _flat(settings: dict[str, Any]) -> list[tuple[str, Any]]:
    """Return settings as pairs of dotted name and value, without local paths and addresses."""
    template = settings.get("chat_template")
    settings = {**settings, **({"chat_template": Path(template).name} if template else {})}
    if launch := settings.get("launch"):
        hidden = ("main_address", "main_port", "machine_rank")
        settings["launch"] = {key: value for key, value in launch.items() if key not in hidden}
    pairs: list[tuple[str, Any]] = []
    for key, value in settings.items():
        pairs += (
            [(f"{key}.{name}", inner) for name, inner in value.items()] if isinstance(value, dict) else [(key, value)]
        )
    return pairs
