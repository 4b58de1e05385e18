"""The base of all models that are read from JSON or written to it, and the types of their fields.

A manifest may be untrusted: its numbers must be numbers, and its names and paths must be inside a folder.
"""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from sources.fields.names import is_inner_path, is_name

LARGEST = 2**63 - 1


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
Number = int | float
"""A number that is written as it was set: 1 stays 1, and 1.0 stays 1.0."""

Name = Annotated[str, AfterValidator(_name)]
InnerPath = Annotated[str, AfterValidator(_inner_path)]
ReleasedPath = Annotated[str, AfterValidator(_released_path)]
Values = dict[str, Any]


SHOWN = 3
"""Faults named in one message."""


def explain_errors(error: ValidationError) -> str:
    """Return the first faults in one line: the path of each, its value, and what was expected."""
    parts = list(map(_explain, error.errors()))
    more = f"; and {len(parts) - SHOWN} more" if len(parts) > SHOWN else ""
    return f"{'; '.join(parts[:SHOWN])}{more}"


def _explain(part: Any) -> str:
    place = ".".join(map(str, part["loc"])) or "all of it"
    if part["type"] == "missing":
        return f"{place} is missing"
    value = repr(part["input"])
    return f"{place} is {value if len(value) < 80 else f'{value[:79]}…'}, {part['msg'].removeprefix('Value error, ')}"


class JsonModel(BaseModel):
    """Typed fields, and whatever another version of sabila wrote besides; what was not set is not written."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True, protected_namespaces=())

    @classmethod
    def of(cls, value: Values) -> Self:
        """Return the model of a JSON value; ``ValueError`` names the first parts that are not of their type."""
        try:
            return cls.model_validate(value, strict=False)
        except ValidationError as error:
            raise ValueError(explain_errors(error)) from None

    def with_values(self, **values: Any) -> Self:
        """Return a copy in which some fields are set anew."""
        return self.model_copy(update=values)

    def to_json(self) -> Values:
        """Return the values that were set, fields of another version of sabila included."""
        return self.model_dump(exclude_unset=True)
