"""Settings from a preset, a file and the command line, in rising priority."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import yaml
from pydantic import TypeAdapter, ValidationError

from training.settings import Dpo, Settings, Sft
from training.training_errors import SettingsError

Stage = Literal["sft", "dpo"]
STAGES: dict[Stage, type[Sft] | type[Dpo]] = {"sft": Sft, "dpo": Dpo}
READERS: dict[str, Callable[[str], Any]] = {
    ".yaml": yaml.safe_load,
    ".yml": yaml.safe_load,
    ".toml": tomllib.loads,
    ".json": json.loads,
}
PRESETS = Path(__file__).parent / "presets"


def read_settings(stage: Stage, preset: str | None, file: Path | None, overrides: Mapping[str, Any]) -> Settings:
    """Return the settings of a run: defaults, then ``preset``, then ``file``, then ``overrides`` by field name.

    A file may name its preset itself, as ``preset: …``. Raises ``SettingsError`` for an unknown key, an invalid value,
    a field on the command line that the stage lacks, or a file that cannot be read.
    """
    from_file = dict(read_mapping(file)) if file else {}
    named = from_file.pop("preset", None)
    # A stage's own defaults, for a group that is given in part would take those of the group.
    defaults = dataclasses.asdict(STAGES[stage]())
    values = _over(_over(defaults, _preset(stage, preset or named)), from_file)
    return _validate(stage, _over(values, _grouped(stage, overrides)))


def presets(stage: Stage) -> list[str]:
    """Return the names of the shipped presets of a stage."""
    return sorted(path.stem for path in PRESETS.glob(f"{stage}_*.yaml"))


def fields(stage: Stage) -> dict[str, tuple[str, str, Any]]:
    """Return the fields of a stage by their own names: group (empty for none), name, default; names are unique."""
    by_name: dict[str, tuple[str, str, Any]] = {}
    defaults = STAGES[stage]()
    for field in dataclasses.fields(defaults):
        value = getattr(defaults, field.name)
        if not dataclasses.is_dataclass(value):
            by_name[field.name] = ("", field.name, value)
            continue
        for inner in dataclasses.fields(value):
            assert inner.name not in by_name, "the command line names fields without their group"
            by_name[inner.name] = (field.name, inner.name, getattr(value, inner.name))
    return by_name


def choices(stage: Stage) -> dict[str, tuple[str, ...]]:
    """Return the allowed values of the fields with a fixed set of them, by the fields' own names."""
    allowed = {}
    stack = [STAGES[stage]]
    while stack:
        for name, kind in get_type_hints(stack.pop()).items():
            if dataclasses.is_dataclass(kind):
                stack.append(kind)  # type: ignore[arg-type]
            elif get_origin(kind) is Literal:
                allowed[name] = tuple(map(str, get_args(kind)))
    return allowed


def read_mapping(file: Path) -> dict[str, Any]:
    """Return the mapping in a YAML, TOML or JSON file; raises ``SettingsError`` for a file without one."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"cannot read {file}: {error}") from error
    if file.suffix not in READERS:
        raise SettingsError(f"{file} ends in {file.suffix!r}, expected one of {', '.join(READERS)}")
    try:
        values = READERS[file.suffix](text)
    except (tomllib.TOMLDecodeError, json.JSONDecodeError, yaml.YAMLError) as error:
        raise SettingsError(f"{file} is not valid {file.suffix[1:]}: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict):
        raise SettingsError(f"{file} holds {type(values).__name__}, expected a mapping of settings")
    return values


def _preset(stage: Stage, name: str | None) -> dict[str, Any]:
    if name is None:
        return {}
    if name not in presets(stage):
        raise SettingsError(f"preset is {name!r}, expected one of {', '.join(presets(stage))}")
    return read_mapping(PRESETS / f"{name}.yaml")


def _grouped(stage: Stage, values_by_name: Mapping[str, Any]) -> dict[str, Any]:
    """Return values with each ungrouped name moved into its group."""
    known = fields(stage)
    values: dict[str, Any] = {}
    for name, value in values_by_name.items():
        if name not in known:
            raise SettingsError(f"{name} is not a setting of {stage}, expected one of {', '.join(known)}")
        group, field, _ = known[name]
        (values.setdefault(group, {}) if group else values)[field] = value
    return values


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``below`` overridden by ``above``, group by group."""
    merged = dict(below)
    for key, value in above.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = {**merged[key], **value} if both else value
    return merged


def _validate(stage: Stage, values: dict[str, Any]) -> Settings:
    try:
        settings: Settings = TypeAdapter(STAGES[stage]).validate_python(values)
    except ValidationError as error:
        raise SettingsError("; ".join(_describe_error(stage, problem) for problem in error.errors())) from error
    return settings


def _describe_error(stage: Stage, problem: Any) -> str:
    """Return one error as field, value and expectation."""
    path = ".".join(str(part) for part in problem["loc"])
    if problem["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        there = _siblings(stage, problem["loc"][:-1])
        return f"{path} is not a setting of {stage}, expected one of {', '.join(there)}"
    if problem["type"] == "value_error":
        return str(problem["ctx"]["error"])
    expected = problem["msg"].removeprefix("Input should be ").removeprefix("a ")
    return f"{path} is {problem['input']!r}, expected {expected}"


def _siblings(stage: Stage, path: tuple[Any, ...]) -> list[str]:
    value: Any = STAGES[stage]()
    for part in path:
        value = getattr(value, str(part))
    return [field.name for field in dataclasses.fields(value)]
