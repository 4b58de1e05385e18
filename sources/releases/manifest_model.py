"""The types of a manifest and of its parts.

A manifest may be untrusted: its numbers must be numbers, and its names and paths must be inside a folder.
``sabila verify`` checks whether it is true.
"""

from __future__ import annotations

import json
from typing import Any

from pydantic import Field, ValidationError, field_validator, model_validator

from sources.fields.json_model import (
    Count,
    InnerPath,
    JsonModel,
    Name,
    Number,
    ReleasedPath,
    Size,
    Values,
    explain_errors,
)
from sources.releases.figures_model import Figures, MixPart

FORMAT = 2
"""The names of keys and columns in a release; sabila 0.1 before 28 November 2026 wrote format 1, and did not say so."""

OLDER_FIGURES = "another version of sabila wrote its figures: build and release again"

NO_FIGURES = "manifest.json has no figures, expected those of its rows and steps"


class Terms(JsonModel):
    """The name and licence of a corpus, as the step that reads it gives them."""

    name: Name
    license: str


class Identity(JsonModel):
    """Everything hashed into the name of a step's folder."""

    step: Name
    config: Any
    max_failed: Number | None = None
    code: str = ""
    libraries: dict[str, str] = Field(default_factory=dict)
    inputs: list[Name] = Field(default_factory=list)
    reference_inputs: list[Name] = Field(default_factory=list)
    source: Terms | None = None
    files: list[tuple[str, InnerPath, str]] = Field(default_factory=list)
    companions: dict[InnerPath, str] = Field(default_factory=dict)
    limit: Size | None = None
    mapping: Values = Field(default_factory=dict)
    passes: list[Values] = Field(default_factory=list)

    @model_validator(mode="after")
    def _check_source(self) -> Identity:
        if "source" in self.model_fields_set:
            if self.source is None:
                raise ValueError("expected a source with a name and a license")
            if not {"files", "companions"} <= self.model_fields_set:
                raise ValueError("a step with a source names its files and companions")
        return self

    @property
    def settings(self) -> Values:
        """The config of the step by field, empty for a step without one."""
        return self.config if isinstance(self.config, dict) else {}

    @property
    def generators(self) -> dict[str, Values]:
        """The settings of each generator of chains that the config names; none for other steps."""
        listed = self.settings.get("generators")
        named = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
        return {str(one.get("generator")): one for one in named}


class Counts(JsonModel):
    """Numbers of rows of a step: ``rows_in + made == kept + dropped + quarantined``."""

    rows_in: Count
    made: Count
    kept: Count
    dropped: Count
    quarantined: Count


class FailedRequests(JsonModel):
    """Requests of a step that failed and were accepted: how many, of how many, and their errors."""

    requests: Count
    failed: Count
    errors: dict[str, Count]


class GeneratorCounts(JsonModel):
    """Rows that a generator of chains took, those that got a chain, and those that were dropped."""

    generator: str
    rows: Count
    with_chain: Count
    dropped: Count


class StepSummary(JsonModel):
    """The content of a step's ``step.json``."""

    name: Name
    folder: Name
    identity: Identity
    inputs: list[Name]
    reference_inputs: list[Name]
    counts: Counts
    reasons: dict[str, Count]
    edits: dict[str, Count] = Field(default_factory=dict)
    changed: Count | None = None
    origin: dict[str, str] = Field(default_factory=dict)
    warnings: list[str] = Field(default_factory=list)
    account: list[MixPart] | None = None
    generators: list[GeneratorCounts] | None = None
    failed: FailedRequests | None = None

    @property
    def source(self) -> Terms | None:
        """The corpus that the step reads, None for any other step."""
        return self.identity.source


class ListedFile(JsonModel):
    """A file of the release; ``rows`` for parquet files alone."""

    path: ReleasedPath
    bytes: Size
    sha256: str
    rows: Size = 0


class Locked(JsonModel):
    """Where a corpus was read from: its home, its revision, and the sha256 of each file by path."""

    home: str
    revision: InnerPath
    files: dict[InnerPath, str]


class RecipeFacts(JsonModel):
    """The recipe of a release and the sha256 of its file; ``released_as`` is the release's name where it is another."""

    name: Name
    shipped: bool
    file_sha256: str
    released_as: Name | None = None


class Manifest(JsonModel):
    """The manifest of a release."""

    format: Size = 1
    name: Name
    version: Name
    hash: str = ""
    files: list[ListedFile] = Field(default_factory=list)
    steps: list[StepSummary]
    recipe: RecipeFacts = Field(default=None)  # type: ignore[assignment]
    values: Values = Field(default_factory=dict)
    fingerprint: str = ""
    rows: Size = 0
    lock: dict[Name, Locked] = Field(default_factory=dict)
    absent: list[str] = Field(default_factory=list)
    waiting_for_teacher: dict[str, str] = Field(default_factory=dict)
    overrides: list[Values] = Field(default_factory=list)
    license: str = ""
    libraries: dict[str, str] = Field(default_factory=dict)
    environment: dict[str, str | None] = Field(default_factory=dict)
    figures: Figures | None = None

    @classmethod
    def parse(cls, content: bytes) -> Manifest:
        """Return the manifest in a file's bytes; ``ValueError`` names the first parts that are not of their type."""
        try:
            manifest = cls.model_validate_json(content)
        except ValidationError as error:
            _check_format(_stated_format(content))
            if any(part["type"] == "missing" and part["loc"][:1] == ("figures",) for part in error.errors()):
                raise ValueError(OLDER_FIGURES) from None
            raise ValueError(explain_errors(error)) from None
        _check_format(manifest.format)
        if lacking := sorted({"hash", "files"} - manifest.model_fields_set):
            raise ValueError(f"{lacking[0]} is missing, expected the manifest of a finished release")
        return manifest

    @field_validator("figures", mode="before")
    @classmethod
    def _none_if_empty(cls, value: Any) -> Any:
        return value or None

    @property
    def card_figures(self) -> Figures:
        """The figures; ``ValueError`` for a manifest that has none."""
        if self.figures is None:
            raise ValueError(NO_FIGURES)
        return self.figures

    @property
    def title(self) -> str:
        """The name and version of the release, as ``name@version``."""
        return f"{self.name}@{self.version}"


def _stated_format(content: bytes) -> int:
    """Return the format that malformed content states: ``FORMAT`` where that cannot be read."""
    try:
        stated = json.loads(content).get("format", 1)
    except (ValueError, AttributeError):
        return FORMAT
    return stated if isinstance(stated, int) else FORMAT


def _check_format(format: int) -> None:
    if format < FORMAT:
        raise ValueError(
            f"it has format {format}, expected {FORMAT}: an older sabila wrote it; build and release again"
        )
    if format > FORMAT:
        raise ValueError(f"it has format {format}, expected {FORMAT}: a newer sabila wrote it; upgrade")
