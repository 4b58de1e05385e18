"""The YAML metadata of a card: configurations, features, licence, languages, tasks, tags and sizes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from pipelines.release.data_files import config_pattern
from quality.splits import TRAIN
from sources.license import terms
from sources.releases.figures_model import ConfigSize, Figures, SplitSize
from sources.releases.manifest_model import Manifest

TASK_CATEGORIES = {
    "mcqa": ("question-answering", "multiple-choice"),
    "qa": ("question-answering",),
    "summarization": ("summarization",),
    "clinical-note-taking": ("summarization",),
    "ner": ("token-classification",),
    "text-classification": ("text-classification",),
    "nli": ("text-classification",),
    "intent-identification": ("text-classification",),
    "fact-verification": ("text-classification",),
    "word-relation-classification": ("text-classification",),
    "text-retrieval": ("text-retrieval",),
    "translation": ("translation",),
}
"""Our tasks in the Hub's categories; all are text generation, and those not listed are only that."""

SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
LARGER = ((10_000_000, "1M<n<10M"), (100_000_000, "10M<n<100M"), (1_000_000_000, "100M<n<1B"))


def front_matter(manifest: Manifest, folder: Path) -> str:
    """Return the YAML of a card between its lines of dashes."""
    figures = manifest.card_figures
    metadata = {
        "pretty_name": f"{manifest.name} {manifest.version}",
        **hub_license([one.license for one in figures.by_license]),
        "language": sorted(group.lang for group in figures.by_language),
        "multilinguality": ["monolingual" if len(figures.by_language) == 1 else "multilingual"],
        "size_categories": [_size(figures.rows.all)],
        "task_categories": _categories(figures),
        "source_datasets": _source_datasets(manifest),
        "language_creators": ["found", *(["machine-generated"] if figures.chains else [])],
        "tags": _tags(figures),
        "configs": _configs(figures),
        "dataset_info": [_info(size, folder) for size in figures.configs],
    }
    body = yaml.safe_dump(
        {name: value for name, value in metadata.items() if value},
        sort_keys=False,
        allow_unicode=True,
        width=10**9,
    )
    return f"---\n{body}---\n"


def hub_license(ids: list[str]) -> dict[str, Any]:
    """Return the licences of a set in the Hub's ids; those without an id are named, and a single one is linked."""
    words = sorted({terms(id).hub for id in ids})
    others = [terms(id) for id in sorted(ids) if terms(id).hub == "other"]
    fields: dict[str, Any] = {"license": words[0] if len(words) == 1 else words}
    if others:
        fields["license_name"] = "-and-".join(one.id.removeprefix("LicenseRef-").lower() for one in others)
        if len(others) == 1 and others[0].url:
            fields["license_link"] = others[0].url
    return fields


def _size(rows: int) -> str:
    """Return the Hub's size category of a number of rows."""
    return next((word for limit, word in (*SIZES, *LARGER) if rows < limit), "1B<n<10B")


def _categories(figures: Figures) -> list[str]:
    categories = [category for group in figures.by_task for category in TASK_CATEGORIES.get(group.task, ())]
    return sorted({*categories, "text-generation"})


def _source_datasets(manifest: Manifest) -> list[str]:
    """Return the ids of the sources that are on the Hub."""
    prefix = "hf://datasets/"
    names = {group.source for group in manifest.card_figures.by_source}
    homes = {entry.home for name, entry in manifest.lock.items() if name in names}
    return sorted(home.removeprefix(prefix) for home in homes if home.startswith(prefix))


def _tags(figures: Figures) -> list[str]:
    tags = ["medical", "sabila"]
    tags += ["instruction-tuning"] if figures.rows.sft else []
    tags += ["preference", "dpo"] if figures.rows.dpo else []
    tags += ["synthetic", "chain-of-thought"] if figures.chains else []
    return tags + (["red-team"] if figures.red_team else [])


def _configs(figures: Figures) -> list[dict[str, Any]]:
    listed = [{"config_name": size.config, "data_files": _data_files(size)} for size in figures.configs]
    first, *rest = listed
    return [{"config_name": first["config_name"], "default": True, "data_files": first["data_files"]}, *rest]


def _data_files(size: ConfigSize) -> list[dict[str, str]]:
    if not size.splits:
        return [{"split": TRAIN, "path": config_pattern(size.config)}]
    return [{"split": one.split, "path": config_pattern(size.config, one.split)} for one in size.splits]


# --- features ------------------------------------------------------------------------------------------------------


def _info(size: ConfigSize, folder: Path) -> dict[str, Any]:
    sizes = size.splits or [SplitSize(split=TRAIN, rows=size.rows, bytes=size.bytes)]
    splits = [{"name": one.split, "num_bytes": one.bytes, "num_examples": one.rows} for one in sizes]
    return {
        "config_name": size.config,
        "features": [_feature(field.name, field.type) for field in schema(size.config, folder)],
        "splits": splits,
        "download_size": size.download_bytes,
        "dataset_size": size.bytes,
    }


def schema(config: str, folder: Path) -> pa.Schema:
    """Return the columns of a configuration's files, from the first of them."""
    return pq.read_schema(min(folder.glob(config_pattern(config))))


def _feature(name: str, type: pa.DataType) -> dict[str, Any]:
    """Return a column in the YAML form of ``datasets``."""
    if not pa.types.is_list(type):
        return {"name": name, "dtype": str(type)}
    inner = type.value_type
    if pa.types.is_struct(inner):
        return {"name": name, "list": [_feature(field.name, field.type) for field in inner]}
    return {"name": name, "list": str(inner)}
