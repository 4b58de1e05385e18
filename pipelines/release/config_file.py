"""The config of a release: its recipe, knobs and own sources, for another build like it."""

from __future__ import annotations

from pipelines.build.config_text import config_text
from sources.releases.manifest_model import Manifest

CONFIG = "recipe.toml"


def release_config(manifest: Manifest) -> str:
    """Return the text of ``recipe.toml``, which ``sabila build --config`` reads; files are named without folders."""
    recipe = manifest.recipe.name if manifest.recipe.shipped else f"{manifest.recipe.name}.py"
    return config_text(
        recipe, manifest.name, manifest.values, f"The recipe, knobs and own sources of {manifest.title}."
    )
