"""The dataset card: README.md with the Hub's YAML, made only of the figures in the manifest."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from pipelines.release.assigned_splits import split_names
from pipelines.release.hub_metadata import front_matter
from quality.splits import TRAIN
from sources.releases.figures_model import ChangedRows, ConfigSize, Figures, Origin
from sources.releases.manifest_model import Manifest

HUB = "hf://datasets/"

OVERRIDES_SHOWN = 50
"""Overrides listed in a card."""


def card(manifest: Manifest, folder: Path) -> str:
    """Return the card of a release whose data is in ``folder``; the same manifest and data give the same text.

    Every number in it is one of ``manifest.figures``. ``KeyError`` where the manifest lacks one.
    """
    figures = manifest.card_figures
    return _template().render(
        front_matter=front_matter(manifest, folder),
        manifest=manifest,
        figures=figures,
        origins=[_origin(origin, manifest) for origin in figures.origins],
        teachers=_teachers(figures),
        overrides_shown=OVERRIDES_SHOWN,
    )


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
    environment.filters["rows_of"] = rows_of
    environment.filters["first_split"] = first_split
    return environment.get_template("card.md.jinja")


# --- formats of numbers and names -----------------------------------------------------------------------------


def number(value: float | None) -> str:
    """Format a count with commas, any other number unchanged, and None as a dash."""
    if value is None:
        return "–"
    return f"{value:,}"


def percent(value: float | None) -> str:
    """Format a share."""
    return "–" if value is None else f"{value:.1%}"


def first_split(size: ConfigSize) -> str:
    """Return the split to read first: training, where the configuration has training rows."""
    return next((one for one in split_names({one.split for one in size.splits if one.rows})), TRAIN)


def rows_of(size: ConfigSize, split: str) -> int:
    """Return the rows of one split of a configuration."""
    return sum(one.rows for one in size.splits if one.split == split)


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


@dataclass(frozen=True, kw_only=True)
class CreditedOrigin:
    """A source as the card credits it: its page, pinned revision, licences, and the rows that steps changed."""

    source: str
    title: str
    license_read: str | None
    url: str
    revision: str | None
    licenses: list[str]
    changed: list[ChangedRows]


def _origin(origin: Origin, manifest: Manifest) -> CreditedOrigin:
    name, figures = origin.source, manifest.card_figures
    locked = manifest.lock.get(name)
    home = locked.home if locked else ""
    return CreditedOrigin(
        source=name,
        title=origin.title,
        license_read=origin.license_read,
        url=f"https://huggingface.co/datasets/{home.removeprefix(HUB)}" if home.startswith(HUB) else home,
        revision=locked.revision if locked else None,
        licenses=sorted({group.license for group in figures.by_source if group.source == name}),
        changed=[part for part in figures.ledger.changed if part.source == name],
    )


def _teachers(figures: Figures) -> list[tuple[str, str]]:
    """Return the models that wrote completions, with their revisions."""
    models = [(one.teacher, one.revision) for one in figures.requests]
    return sorted({*models, *((one.teacher, one.revision) for one in figures.generation)})
