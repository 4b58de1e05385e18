"""The types of a manifest and of its parts.

A manifest may be untrusted: its numbers must be numbers, and its names and paths must be inside a folder.
``sabila verify`` checks whether it is true.
"""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from sources.names import is_inner_path, is_name

LARGEST = 2**63 - 1

FORMAT = 2
"""The names of keys and columns in a release; sabila 0.1 before 28 November 2026 wrote format 1, and did not say so."""

SHOWN = 3
"""Faults named in one message."""


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

    @classmethod
    def of(cls, value: Values) -> Self:
        """Return the part described by ``value``, a JSON object; ``ValidationError`` (a ``ValueError``) otherwise."""
        return cls.model_validate(value, strict=False)

    def to_json(self) -> Values:
        """Return the values this was read from, fields of another version of sabila included."""
        return self.model_dump(exclude_unset=True)


class Terms(_Part):
    """The name and licence of a corpus, as the step that reads it gives them."""

    name: Name
    license: str


class Identity(_Part):
    """Everything hashed into the name of a step's folder."""

    step: Name
    config: Any
    libraries: dict[str, str] = {}
    inputs: list[Name] = []
    reference_inputs: list[Name] = []
    source: Terms | None = None
    files: list[tuple[str, InnerPath, str]] = []
    companions: dict[InnerPath, str] = {}
    limit: Size | None = None

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


class Counts(_Part):
    """Numbers of rows of a step: ``rows_in + made == kept + dropped + quarantined``."""

    rows_in: Count
    made: Count
    kept: Count
    dropped: Count
    quarantined: Count


class StepSummary(_Part):
    """The content of a step's ``step.json``."""

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
    account: list[Values] | None = None

    @property
    def source(self) -> Terms | None:
        """The corpus that the step reads, None for any other step."""
        return self.identity.source


class ListedFile(_Part):
    """A file of the release; ``rows`` for parquet files alone."""

    path: ReleasedPath
    bytes: Size
    sha256: str
    rows: Size = 0


class Locked(_Part):
    """Where a corpus was read from: its home, its revision, and the sha256 of each file by path."""

    home: str
    revision: InnerPath
    files: dict[InnerPath, str]


class RecipeFacts(_Part):
    """The recipe of a release and the sha256 of its file."""

    name: Name
    shipped: bool
    file_sha256: str


class Manifest(_Part):
    """The manifest of a release."""

    format: Size = 1
    name: Name
    version: Name
    hash: str = ""
    files: list[ListedFile] = []
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

    @classmethod
    def parse(cls, content: bytes) -> Manifest:
        """Return the manifest in a file's bytes; ``ValueError`` names the first parts that are not of their type."""
        try:
            manifest = cls.model_validate_json(content)
        except ValidationError as error:
            parts = list(map(_explain, error.errors()))
            more = f"; and {len(parts) - SHOWN} more" if len(parts) > SHOWN else ""
            raise ValueError(f"{'; '.join(parts[:SHOWN])}{more}") from None
        if manifest.format < FORMAT:
            raise ValueError(
                f"it has format {manifest.format}, expected {FORMAT}: an older sabila wrote it; build and release again"
            )
        if manifest.format > FORMAT:
            raise ValueError(f"it has format {manifest.format}, expected {FORMAT}: a newer sabila wrote it; upgrade")
        if lacking := sorted({"hash", "files"} - manifest.model_fields_set):
            raise ValueError(f"{lacking[0]} is missing, expected the manifest of a finished release")
        return manifest

    @property
    def title(self) -> str:
        """The name and version of the release, as ``name@version``."""
        return f"{self.name}@{self.version}"


def _explain(part: Any) -> str:
    place = ".".join(map(str, part["loc"])) or "all of it"
    value = repr(part["input"])
    return f"{place} is {value if len(value) < 80 else f'{value[:79]}…'}, {part['msg'].removeprefix('Value error, ')}"
