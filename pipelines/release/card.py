"""The dataset card: README.md with the Hub's YAML, made only of the figures in the manifest."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template, UndefinedError

from pipelines.release.hub_metadata import front_matter
from sources.releases.manifest_model import Manifest

HUB = "hf://datasets/"


def card(manifest: Manifest, folder: Path) -> str:
    """Return the card of a release whose data is in ``folder``; the same manifest and data give the same text.

    Every number in it is one of ``manifest.figures``. ``KeyError`` where the manifest lacks one.
    """
    figures = manifest.figures
    try:
        return _template().render(
            front_matter=front_matter(manifest, folder),
            manifest=manifest,
            figures=figures,
            origins=[_origin(origin, manifest) for origin in figures["origins"]],
            teachers=_teachers(figures),
        )
    except UndefinedError as error:
        raise KeyError(f"the manifest lacks a figure of the card: {error}") from error


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("pipelines", "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"number": number, "percent": percent, "decimal": decimal, "code": code, "cell": cell}
    return environment.get_template("card.md.jinja")


# --- how numbers and names are written -----------------------------------------------------------------------------


def number(value: float | None) -> str:
    """Format a count with commas, any other number unchanged, and None as a dash."""
    if value is None:
        return "–"
    return f"{value:,}"


def percent(value: float | None) -> str:
    """Format a share."""
    return "–" if value is None else f"{value:.1%}"


def decimal(value: float | None) -> str:
    """Format a measure with three digits."""
    return "–" if value is None else f"{value:.3f}"


def code(value: object) -> str:
    """Format a name as code, escaped so that it can end neither the code nor a table cell."""
    text = " ".join(str(value).replace("`", "'").split()) or "(empty)"
    return f"`{text}`".replace("|", "\\|")


def cell(value: object) -> str:
    """Format a text of a source as a table cell, without markup."""
    text = " ".join(str(value).split())
    for sign, instead in (("&", "&amp;"), ("<", "&lt;"), ("|", "\\|"), ("[", "\\["), ("`", "'"), ("*", "\\*")):
        text = text.replace(sign, instead)
    return text


# --- sources and models --------------------------------------------------------------------------------------------


def _origin(origin: dict[str, Any], manifest: Manifest) -> dict[str, Any]:
    """Return a source with its page, pinned revision, rows, their licences and changes."""
    name, figures = origin["source"], manifest.figures
    locked = manifest.lock.get(name)
    home = locked.home if locked else ""
    of_source = [part for part in figures["by_source"] if part["source"] == name]
    return {
        **origin,
        "url": f"https://huggingface.co/datasets/{home.removeprefix(HUB)}" if home.startswith(HUB) else home,
        "revision": locked.revision if locked else None,
        "licenses": sorted({part["license"] for part in of_source}),
        "changed": [part for part in figures["ledger"].get("changed", ()) if part["source"] == name],
    }


def _teachers(figures: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the models that wrote completions, with their revisions."""
    return sorted({(part["teacher"], part["revision"]) for part in (*figures["requests"], *figures["generation"])})
