"""What a manifest holds: the type of every part that is read from it, and the names that may stand in it.

A manifest may come from a stranger. What this model lets through can be read without a surprise: its numbers are
numbers, its names cannot leave a folder. Whether it is true is another question, which ``sabila verify`` answers.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from sources.names import is_inner_path, is_name

LARGEST = 2**63 - 1

SHOWN = 3
"""So many faults are named in one message."""


def _name(text: str) -> str:
    if not is_name(text):
        raise ValueError("expected a name of letters, digits and _ . + @ = -")
    return text


def _inner_path(text: str) -> str:
    if not is_inner_path(text):
        raise ValueError("expected the path of a file below a folder")
    return text


def _released_path(text: str) -> str:
    if not all(map(is_name, text.split("/"))):
        raise ValueError("expected the path of a file inside the release")
    return text


Count = Annotated[int, Field(ge=-LARGEST, le=LARGEST)]
Size = Annotated[int, Field(ge=0, le=LARGEST)]
Name = Annotated[str, AfterValidator(_name)]
InnerPath = Annotated[str, AfterValidator(_inner_path)]
ReleasedPath = Annotated[str, AfterValidator(_released_path)]
Values = dict[str, Any]


class _Part(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True, protected_namespaces=())


class Terms(_Part):
    """What a step that reads a corpus says of it."""

    name: Name
    license: str


class Identity(_Part):
    """What a step's folder is named by."""

    step: Name
    config: Values | None
    inputs: list[Name] = []
    reference_inputs: list[Name] = []
    source: Terms = Field(default=None)  # type: ignore[assignment]  # absent, or terms: never null
    files: list[tuple[str, InnerPath, str]] = []
    companions: dict[InnerPath, str] = {}
    limit: Size | None = None

    @model_validator(mode="after")
    def _reads_files(self) -> Identity:
        if "source" in self.model_fields_set and not {"files", "companions"} <= self.model_fields_set:
            raise ValueError("a step with a source names its files and companions")
        return self


class Counts(_Part):
    """Where the rows of a step went."""

    rows_in: Count
    made: Count
    kept: Count
    dropped: Count
    quarantined: Count


class StepSummary(_Part):
    """A step as its ``step.json`` tells of it."""

    name: Name
    folder: Name
    identity: Identity
    inputs: list[Name]
    reference_inputs: list[Name]
    counts: Counts
    reasons: dict[str, Count]
    edits: dict[str, Count] = {}
    changed: Count | None = None
    origin: dict[str, str] = {}
    account: list[Values] = []


class ListedFile(_Part):
    """A file of the release."""

    path: ReleasedPath
    bytes: Size
    sha256: str
    rows: Size = 0


class Locked(_Part):
    """What was read of a corpus."""

    home: str
    revision: InnerPath
    files: dict[InnerPath, str]


class RecipeFacts(_Part):
    """What a manifest says of its recipe."""

    name: Name
    shipped: bool
    file_sha256: str


class Manifest(_Part):
    """The manifest of a release."""

    name: Name
    version: Name
    hash: str
    files: list[ListedFile]
    steps: list[StepSummary]
    recipe: RecipeFacts = Field(default=None)  # type: ignore[assignment]
    values: Values = {}
    fingerprint: str = ""
    rows: Size = 0
    lock: dict[Name, Locked] = {}
    absent: list[str] = []
    waiting_for_teacher: dict[str, str] = {}
    license: str = ""
    libraries: dict[str, str] = {}
    environment: dict[str, str | None] = {}
    figures: Values = {}


def check_shape(content: bytes) -> None:
    """Raise ``ValueError`` that names the first parts of a manifest, as JSON, that are not of their type."""
    try:
        Manifest.model_validate_json(content)
    except ValidationError as error:
        parts = list(map(_explain, error.errors()))
        more = f"; and {len(parts) - SHOWN} more" if len(parts) > SHOWN else ""
        raise ValueError(f"{'; '.join(parts[:SHOWN])}{more}") from None


def _explain(part: Any) -> str:
    place = ".".join(map(str, part["loc"])) or "all of it"
    value = repr(part["input"])
    return f"{place} is {value if len(value) < 80 else f'{value[:79]}…'}, {part['msg'].removeprefix('Value error, ')}"
