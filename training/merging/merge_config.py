"""A merge as mergekit's YAML describes it: models, method, and parameters by tensor.

Keys have the meaning of mergekit 0.1.5, plus three of our own that it ignores: ``seed``, ``untie`` and the parameter
``rescaling``. Input that it would ignore (a wrong key, a parameter that the method lacks) is an error here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from training.merging.methods import KINDS, METHODS, RESCALINGS, Method
from training.model_license import license_of_user
from training.training_errors import MergeConfigError

DTYPES = ("bfloat16", "float16", "float32")

KEYS = (
    "models",
    "slices",
    "merge_method",
    "base_model",
    "dtype",
    "out_dtype",
    "parameters",
    "tokenizer_source",
    "tokenizer",
    "chat_template",
    "seed",
    "untie",
)

Scalar = bool | float | str


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A value for the tensors whose name contains ``filter`` (None for all); several values are a gradient by layer."""

    value: Scalar | tuple[float, ...]
    filter: str | None = None


Settings = Mapping[str, tuple[Rule, ...]]


@dataclass(frozen=True, kw_only=True)
class Source:
    """One model of a merge, by path or Hub id, and its own parameters."""

    model: str
    parameters: Settings = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Slice:
    """Layers ``first`` to ``last`` (exclusive) of all models, with their parameters; None and None for all layers."""

    sources: tuple[Source, ...]
    parameters: Settings = field(default_factory=dict)
    first: int | None = None
    last: int | None = None


@dataclass(frozen=True, kw_only=True)
class MergeConfig:
    """A merge to make. ``raw`` is the mapping it was read from; ``dtype`` is that of the result (None: the base's).

    ``licenses`` are those given by the user, by model, or under an empty name for all that state none.
    """

    method: str
    slices: tuple[Slice, ...]
    raw: Mapping[str, Any]
    base_model: str | None = None
    dtype: str | None = None
    parameters: Settings = field(default_factory=dict)
    tokenizer_source: str | None = None
    chat_template: str | None = None
    seed: int = 0
    untie: bool = False
    licenses: Mapping[str, str] = field(default_factory=dict)

    @property
    def rules(self) -> Method:
        """The requirements and parameters of the method."""
        return METHODS[self.method]

    @property
    def models(self) -> tuple[str, ...]:
        """The merged models, without the base, in the order of the file."""
        return tuple(s.model for s in self.slices[0].sources if s.model != self.base_model or not self.rules.needs_base)

    @property
    def inputs(self) -> tuple[str, ...]:
        """All models, the base first."""
        base = (self.base_model,) if self.base_model is not None else ()
        return (*base, *(model for model in self.models if model != self.base_model))


def named_licenses(options: Sequence[str], config: MergeConfig) -> MergeConfig:
    """Return a merge with licences for its models, each as ``MODEL=LICENCE``, or ``LICENCE`` for all that state none.

    Raises ``MergeConfigError`` for a model that is not merged or an unknown licence.
    """
    named = {}
    for text in options:
        model, _, license = text.rpartition("=")
        if model and model not in config.inputs:
            raise MergeConfigError(f"no model {model!r} is merged, expected one of {', '.join(config.inputs)}")
        try:
            named[model] = license_of_user(license, f"the licence of {model or 'the models'}")
        except ValueError as error:
            raise MergeConfigError(str(error)) from error
    return replace(config, licenses=named)


# --- reading and writing -------------------------------------------------------------------------------------------


def read_merge_config(file: Path) -> MergeConfig:
    """Return the merge described by a YAML file; ``MergeConfigError`` for one that cannot be read or is wrong."""
    import yaml

    try:
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise MergeConfigError(f"cannot read {file}: {error}") from error
    except yaml.YAMLError as error:
        raise MergeConfigError(f"{file} is not valid YAML: {' '.join(str(error).split())}") from error
    return merge_config(values)


def merge_config(values: Any) -> MergeConfig:
    """Return the merge described by a mapping in the form of mergekit's YAML, checked without reading the models."""
    values = _mapping("the configuration", values, KEYS)
    method = _choice("merge_method", values.get("merge_method"), METHODS)
    rules = METHODS[method]
    config = MergeConfig(
        method=method,
        slices=_slices(values, rules),
        raw=values,
        base_model=_text("base_model", values.get("base_model")),
        dtype=_dtype(values),
        parameters=_settings("parameters", values.get("parameters"), rules),
        tokenizer_source=_tokenizer_source(values),
        chat_template=_text("chat_template", values.get("chat_template")),
        seed=_whole_number("seed", values.get("seed", 0)),
        untie=_switch("untie", values.get("untie", False)),
    )
    _check_models(config)
    return config


def merge_yaml(config: MergeConfig) -> str:
    """Return the configuration as YAML that mergekit also reads, lists of numbers on one line."""
    import yaml

    return str(yaml.safe_dump(dict(config.raw), sort_keys=False, default_flow_style=None, allow_unicode=True))


def _slices(values: dict[str, Any], rules: Method) -> tuple[Slice, ...]:
    if ("models" in values) == ("slices" in values):
        raise MergeConfigError("the configuration has models and slices, or neither: expected exactly one of the two")
    if "models" in values:
        models = [
            _mapping(f"models[{n}]", entry, ("model", "parameters"))
            for n, entry in enumerate(_list("models", values["models"]))
        ]
        return (Slice(sources=tuple(_source(f"models[{n}]", entry, rules) for n, entry in enumerate(models))),)
    return tuple(_slice(f"slices[{n}]", entry, rules) for n, entry in enumerate(_list("slices", values["slices"])))


def _slice(place: str, entry: Any, rules: Method) -> Slice:
    entry = _mapping(place, entry, ("sources", "parameters"))
    sources, ranges = [], set()
    for n, value in enumerate(_list(f"{place}.sources", entry.get("sources"))):
        where = f"{place}.sources[{n}]"
        value = _mapping(where, value, ("model", "layer_range", "parameters"))
        sources.append(_source(where, value, rules))
        ranges.add(_layer_range(where, value.get("layer_range")))
    if len(ranges) > 1:
        raise MergeConfigError(
            f"{place} takes different layers of its models ({', '.join(map(str, sorted(ranges)))}), expected the same: "
            "layers are merged in place; to stack layers use mergekit's passthrough"
        )
    ((first, last),) = ranges
    settings = _settings(f"{place}.parameters", entry.get("parameters"), rules)
    return Slice(sources=tuple(sources), parameters=settings, first=first, last=last)


def _layer_range(place: str, value: Any) -> tuple[int, int]:
    is_pair = isinstance(value, list) and len(value) == 2 and all(type(part) is int for part in value)
    if not is_pair or not 0 <= value[0] < value[1]:
        raise MergeConfigError(f"{place}.layer_range is {value!r}, expected [FIRST, LAST] with 0 <= FIRST < LAST")
    return value[0], value[1]


def _source(place: str, entry: dict[str, Any], rules: Method) -> Source:
    model = _text(f"{place}.model", entry.get("model"))
    if model is None:
        raise MergeConfigError(f"{place}.model is missing, expected the path or the Hub id of a model")
    if "+" in model:
        raise MergeConfigError(
            f"{place}.model is {model!r}, expected a whole model: merge the adapter into its base first "
            "(peft's merge_and_unload) and name the folder that gives"
        )
    return Source(model=model, parameters=_settings(f"{place}.parameters", entry.get("parameters"), rules))


def _tokenizer_source(values: dict[str, Any]) -> str | None:
    if "tokenizer" in values and "tokenizer_source" in values:
        raise MergeConfigError("the configuration has tokenizer and tokenizer_source, expected one of the two")
    source = values.get("tokenizer_source")
    if "tokenizer" in values:
        source = _mapping("tokenizer", values["tokenizer"], ("source",)).get("source")
    if source == "union":
        raise MergeConfigError(
            "tokenizer_source is 'union', expected 'base' or one of the models: no row is invented for a token "
            "that a model lacks"
        )
    return _text("tokenizer_source", source)


def _dtype(values: dict[str, Any]) -> str | None:
    """Return the type of the result: sums are in float32 whatever ``dtype`` is."""
    dtype = None
    for key in ("dtype", "out_dtype"):
        if values.get(key) is not None:
            dtype = _choice(key, str(values[key]).removeprefix("torch."), DTYPES)
    return dtype


# --- parameters ----------------------------------------------------------------------------------------------------


def _settings(place: str, value: Any, rules: Method) -> Settings:
    if value is None:
        return {}
    known = _mapping(place, value, rules.parameters)
    return {name: _rules(f"{place}.{name}", setting, name) for name, setting in known.items()}


def _rules(place: str, value: Any, name: str) -> tuple[Rule, ...]:
    """Return a setting as rules: a scalar, a gradient, one ``{filter, value}`` or a list of them."""
    if isinstance(value, Mapping):
        value = [value]
    if isinstance(value, list) and any(isinstance(part, Mapping) for part in value):
        return tuple(_conditional(f"{place}[{n}]", part, name) for n, part in enumerate(value))
    return (Rule(value=_value(place, value, name)),)


def _conditional(place: str, part: Any, name: str) -> Rule:
    part = _mapping(place, part, ("filter", "value"))
    if "value" not in part:
        raise MergeConfigError(f"{place} has no value, expected {{filter: …, value: …}}")
    pattern = _text(f"{place}.filter", part.get("filter"))
    return Rule(value=_value(f"{place}.value", part["value"], name), filter=None if pattern == "*" else pattern)


def _value(place: str, value: Any, name: str) -> Scalar | tuple[float, ...]:
    kind = KINDS[name]
    if kind == "switch":
        return _switch(place, value)
    if kind == "rescaling":
        return _choice(place, value, RESCALINGS)
    if isinstance(value, list):
        if not value:
            raise MergeConfigError(f"{place} is an empty list, expected a number, or numbers that spread over layers")
        return tuple(_number(f"{place}[{n}]", part, name) for n, part in enumerate(value))
    return _number(place, value, name)


RANGES = {"density": (0.0, 1.0), "t": (0.0, 1.0), "epsilon": (0.0, 0.5)}


def _number(place: str, value: Any, name: str) -> float:
    try:
        number = float("nan") if isinstance(value, bool) else float(value)  # YAML 1.1 reads 1e-3 as text
    except (TypeError, ValueError):
        number = float("nan")
    low, high = RANGES.get(name, (-1e6, 1e6))
    if not low <= number <= high:
        raise MergeConfigError(f"{place} is {value!r}, expected a number from {low:g} to {high:g}")
    return number


def setting(rules: tuple[Rule, ...], tensor: str, depth: float) -> Scalar | None:
    """Return the value of a setting for a tensor at ``depth`` (0 for the first layer, 1 for the last).

    The first rule whose filter is part of the tensor's name applies; None where there is none. A gradient's values are
    spread evenly over depth, with linear interpolation between them.
    """
    for rule in rules:
        if rule.filter is None or rule.filter in tensor:
            return _at(rule.value, depth) if isinstance(rule.value, tuple) else rule.value
    return None


def _at(values: tuple[float, ...], depth: float) -> float:
    place = depth * (len(values) - 1)
    below = int(place)
    above = min(len(values) - 1, below + 1)
    return (1 - (place - below)) * values[below] + (place - below) * values[above]


# --- checks --------------------------------------------------------------------------------------------------------


def _check_models(config: MergeConfig) -> None:
    listed = [[source.model for source in piece.sources] for piece in config.slices]
    if any(names != listed[0] for names in listed):
        raise MergeConfigError(
            "slices list different models, expected the same models in the same order in every slice"
        )
    if twice := {name for name in listed[0] if listed[0].count(name) > 1}:
        raise MergeConfigError(f"{sorted(twice)[0]} is listed twice, expected every model once")
    if config.rules.needs_base and config.base_model is None:
        raise MergeConfigError(f"base_model is missing, expected the model that {config.method} starts from")
    if not config.rules.needs_base and config.base_model is not None and config.base_model not in listed[0]:
        raise MergeConfigError(
            f"base_model is {config.base_model}, which is not among the models, and {config.method} starts from none: "
            "list it with its weight, or leave base_model out"
        )
    _check_count(config)


def _check_count(config: MergeConfig) -> None:
    least, most, count = config.rules.least, config.rules.most, len(config.models)
    extra = " besides the base" if config.rules.needs_base else ""
    if count < least or (most is not None and count > most):
        expected = f"{least}" if most == least else f"{least} or more"
        raise MergeConfigError(f"{config.method} has {count} models{extra}, expected {expected}")


def _mapping(place: str, value: Any, keys: Collection[str]) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise MergeConfigError(f"{place} is {value!r}, expected a mapping of {', '.join(keys)}")
    for key in value:
        if key not in keys:
            raise MergeConfigError(f"{place} has the key {key!r}, expected one of {', '.join(keys)}")
    return dict(value)


def _list(place: str, value: Any) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise MergeConfigError(f"{place} is {value!r}, expected a list with one entry at least")
    return value


def _choice(place: str, value: Any, among: Collection[str]) -> str:
    if not isinstance(value, str) or value not in among:
        raise MergeConfigError(f"{place} is {value!r}, expected one of {', '.join(among)}")
    return value


def _text(place: str, value: Any) -> str | None:
    if value is not None and (not isinstance(value, str) or not value.strip()):
        raise MergeConfigError(f"{place} is {value!r}, expected text")
    return value


def _whole_number(place: str, value: Any) -> int:
    if type(value) is not int or value < 0:
        raise MergeConfigError(f"{place} is {value!r}, expected a whole number of 0 or more")
    return value


def _switch(place: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise MergeConfigError(f"{place} is {value!r}, expected true or false")
    return value
