"""The plan of a merge: every tensor, its parameters and its file, and notes for the user."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sources.license import parts
from training.data.end_of_turn import ids
from training.merging.input_models import Model, check_compatible, check_tensors, open_model
from training.merging.layers import Layers
from training.merging.merge_config import MergeConfig
from training.merging.number_types import STORED_TYPES
from training.merging.shards import FLOATS, Shard, Tensor, divide
from training.merging.tokenizer import Choice, as_loaded, choose
from training.merging.vocabulary import EMBEDDING, HEAD, Rows, aligned, by_token
from training.model_license import UNKNOWN_LICENSE
from training.training_errors import MergeError

TOKEN_IDS = ("bos_token_id", "eos_token_id", "pad_token_id")


@dataclass(frozen=True, kw_only=True)
class Job:
    """One tensor to make: ``result`` as it will be written, ``sources`` its name in each model, and its parameters."""

    result: Tensor
    sources: Mapping[str, str]
    own: tuple[Mapping[str, Any], ...]
    shared: Mapping[str, Any]
    merged: bool


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A whole merge: open models, the base first; jobs in the order of writing; ``config`` of the result."""

    merge: MergeConfig
    models: tuple[Model, ...]
    jobs: Mapping[str, Job]
    shards: tuple[Shard, ...]
    choice: Choice
    rows: Mapping[str, Rows | None]
    config: Mapping[str, Any]
    notes: tuple[str, ...]

    @property
    def bytes(self) -> int:
        """Bytes of all tensors of the result."""
        return sum(tensor.bytes for shard in self.shards for tensor in shard.tensors)

    def model(self, name: str) -> Model:
        """Return a model by its name."""
        return next(model for model in self.models if model.name == name)


def planned(merge: MergeConfig, shard_bytes: int) -> Plan:
    """Return the plan of a merge; ``MergeError`` where the models do not fit together."""
    models = tuple(open_model(name, merge.licenses) for name in merge.inputs)
    notes = check_compatible(models, merge.untie)
    names = {model.name: _sources(model, merge.untie) for model in models}
    check_tensors(models, {model: set(sources) for model, sources in names.items()})
    tokenizers = as_loaded([model.tokenizer for model in models])
    choice = choose(merge, tokenizers)
    rows = aligned(choice, {t.model: t for t in tokenizers}, {m.name: m.rows for m in models})
    layers = Layers(merge, list(names[models[0].name]))
    jobs = {}
    for name in names[models[0].name]:
        sources = {model.name: names[model.name][name] for model in models}
        jobs[name] = _job(merge, models, name, sources, rows, layers)
    notes += _notes(models, choice, rows) + layers.unused()
    return Plan(
        merge=merge,
        models=models,
        jobs=jobs,
        shards=divide([job.result for job in jobs.values()], shard_bytes),
        choice=choice,
        rows=rows,
        config=_result_config(merge, models, choice, jobs),
        notes=tuple(notes),
    )


def _sources(model: Model, untie: bool) -> dict[str, str]:
    """Return the tensors of a model: name in the result, name in its files."""
    sources = {name: name for name in model.names}
    if untie and model.tied:
        embedding = next((name for name in sources if EMBEDDING.search(name)), None)
        if embedding is None:
            raise MergeError(
                f"untie is true and {model.name} has no known embeddings, expected them to become its head"
            )
        sources["lm_head.weight"] = embedding
    return sources


# --- one tensor ----------------------------------------------------------------------------------------------------


def _job(
    merge: MergeConfig,
    models: Sequence[Model],
    name: str,
    sources: Mapping[str, str],
    rows: Mapping[str, Rows | None],
    layers: Layers,
) -> Job:
    tensors = {model.name: model.weights.tensor(sources[model.name]) for model in models}
    shape = _shape(name, tensors, rows)
    first = tensors[models[0].name]
    floats = {model: tensor.dtype in STORED_TYPES for model, tensor in tensors.items()}
    if not all(floats.values()):
        _check_copy(name, tensors)
        return Job(
            result=Tensor(name=name, dtype=first.dtype, shape=shape), sources=sources, own=(), shared={}, merged=False
        )
    dtype = FLOATS[merge.dtype] if merge.dtype else first.dtype
    own, shared = layers.parameters(name)
    return Job(result=Tensor(name=name, dtype=dtype, shape=shape), sources=sources, own=own, shared=shared, merged=True)


def _shape(name: str, tensors: Mapping[str, Tensor], rows: Mapping[str, Rows | None]) -> tuple[int, ...]:
    """Return the shape of the result; only the rows of a tensor with one row per token may differ."""
    shapes = {}
    for model, tensor in tensors.items():
        own = rows[model]
        shapes[model] = tensor.shape if own is None or not by_token(name) else (len(own), *tensor.shape[1:])
    if len(set(shapes.values())) > 1:
        listed = ", ".join(f"{list(tensors[model].shape)} in {model}" for model in shapes)
        raise MergeError(f"{name} differs in shape ({listed}), expected one architecture: leave one of the models out")
    return next(iter(shapes.values()))


def _check_copy(name: str, tensors: Mapping[str, Tensor]) -> None:
    types = {model: tensor.dtype for model, tensor in tensors.items()}
    if len(set(types.values())) > 1 or any(dtype.startswith("F") for dtype in types.values()):
        listed = ", ".join(f"{dtype} in {model}" for model, dtype in types.items())
        raise MergeError(f"{name} is {listed}, expected BF16, F16 or F32 in all: save the model in one of these types")


# --- the result ----------------------------------------------------------------------------------------------------


def _notes(models: Sequence[Model], choice: Choice, rows: Mapping[str, Rows | None]) -> list[str]:
    notes = []
    for model in models:
        own = rows[model.name]
        if own is not None and choice.tokenizer is not None:
            missing = int((own < 0).sum())
            notes.append(
                f"{model.name} has other rows of tokens than {choice.tokenizer.model}: matched by token, "
                f"{missing:,} that it lacks are taken from there"
            )
        dropped = len(model.weights.names()) - len(model.names)
        if dropped:
            notes.append(f"{dropped} tensors of {model.name} repeat others or its configuration and are left out")
    stops = {model.name: model.tokenizer.stops for model in models}
    if others := [name for name in stops if stops[name] != stops[choice.speaker]]:
        notes.append(
            f"special tokens and generation settings are those of {choice.speaker}; other tokens end generation in "
            f"{', '.join(others)}"
        )
    if choice.tokenizer is not None and choice.template is not None and choice.end is None:
        notes.append("no special token was found after an answer of the chat template: check that the result stops")
    if unknown := [model.name for model in models if UNKNOWN_LICENSE in parts(model.license)]:
        notes.append(
            f"{', '.join(unknown)} state no licence: name it by --model-license, or the result cannot be published"
        )
    if choice.tokenizer is None:
        notes.append("no model has a tokenizer; the result has none")
    return notes


def _result_config(
    merge: MergeConfig, models: Sequence[Model], choice: Choice, jobs: Mapping[str, Job]
) -> dict[str, Any]:
    """Return config.json of the result: the first model's, with its own type, rows, tie and special tokens."""
    config: dict[str, Any] = json.loads(json.dumps(models[0].config))
    config.pop("_name_or_path", None)
    if merge.dtype:
        for key in [key for key in ("dtype", "torch_dtype") if key in config] or ["dtype"]:
            config[key] = merge.dtype
    text = config["text_config"] if "vocab_size" not in config and "text_config" in config else config
    rows = next((job.result.shape[0] for name, job in jobs.items() if EMBEDDING.search(name)), None)
    if rows is not None:
        text["vocab_size"] = rows
    if any(HEAD.search(name) for name in jobs):
        config["tie_word_embeddings"] = False
    speaker = next(model for model in models if model.name == choice.speaker)
    text.update({key: speaker.value(key) for key in TOKEN_IDS if speaker.value(key) is not None})
    if choice.end is not None and choice.end[1] not in ids(text.get("eos_token_id")):
        text["eos_token_id"] = [*ids(text.get("eos_token_id")), choice.end[1]]
    return config
