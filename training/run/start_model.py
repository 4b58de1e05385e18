"""The start model of a run: tokenizer, template, size and licence, checked before any work."""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sources.releases.read_manifest import file_hash
from synth.teachers.template_dates import dated_template
from training.lineage import trace_model
from training.model_license import UNKNOWN_LICENSE, license_of_user, stated_license
from training.settings import Settings
from training.training_errors import TrainingError


@dataclass(frozen=True, kw_only=True)
class ModelFacts:
    """The facts of a start model for the record; ``matrices`` counts the weights that multiply every token."""

    name: str
    revision: str | None
    hash: str | None
    license: str
    architecture: str
    dtype: str
    parameters: int
    matrices: int
    layers: int
    hidden: int
    vocabulary: int


@dataclass(frozen=True, kw_only=True)
class StartModel:
    """A model at ``path``, a folder or an id of the Hub at ``facts.revision``, tokenizer and configuration opened.

    ``origin`` is the model with its lineage, from its record.
    """

    path: str
    facts: ModelFacts
    tokenizer: Any
    config: Any
    origin: dict[str, Any]


def open_model(spec: str, settings: Settings) -> StartModel:
    """Return the model named by a folder, or by ``ORG/NAME`` or ``ORG/NAME@REVISION`` of the Hub.

    Raises ``TrainingError`` where it is missing, has no chat template, or a tokenizer that does not fit it.
    """
    path, _, revision = (spec, "", "") if Path(spec).exists() else spec.partition("@")
    if Path(path).is_dir() and not (Path(path) / "config.json").is_file():
        raise TrainingError(f"{path} has no config.json, expected the complete folder of a model")
    config, tokenizer = _opened(path, revision or None)
    _check_generation(path, revision or None)
    _give_template(tokenizer, settings.chat_template, settings.data.template_date, spec)
    _check_fit(tokenizer, config, spec)
    parameters, matrices = _sizes(config)
    facts = ModelFacts(
        name=path,
        revision=revision or getattr(config, "_commit_hash", None),
        hash=folder_hash(Path(path)) if Path(path).is_dir() else None,
        license=_license(path, revision or None, settings.base_license),
        architecture=(config.architectures or [type(config).__name__])[0],
        dtype=str(getattr(config, "dtype", None) or "float32").removeprefix("torch."),
        parameters=parameters,
        matrices=matrices,
        layers=int(config.num_hidden_layers),
        hidden=int(config.hidden_size),
        vocabulary=int(config.vocab_size),
    )
    origin = trace_model(
        lambda name: _text_of(path, name, revision or None),
        path,
        hub=facts.hash is None,
        revision=facts.revision,
        license=facts.license,
    )
    return StartModel(path=path, facts=facts, tokenizer=tokenizer, config=config, origin=origin)


def folder_hash(folder: Path) -> str:
    """Return the sha256 over names and contents of a model's own files: weights, tokenizer, settings and template."""
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.suffix in (".safetensors", ".json", ".jinja", ".model", ".txt") and path.name != "run.json":
            digest.update(f"{path.name} {file_hash(path)}\n".encode())
    return digest.hexdigest()


def _opened(path: str, revision: str | None) -> tuple[Any, Any]:
    from transformers import AutoConfig, AutoTokenizer

    from synth.teachers.model_files import hub_or_cache

    try:
        with hub_or_cache(path):
            config = AutoConfig.from_pretrained(path, revision=revision)
            tokenizer = AutoTokenizer.from_pretrained(path, revision=revision)
    except (OSError, ValueError, KeyError) as error:
        raise TrainingError(f"cannot open the model {path}: {' '.join(str(error).split())[:300]}") from error
    if not tokenizer.is_fast:
        raise TrainingError(f"the tokenizer of {path} does not say where its tokens lie, expected a fast one")
    return config.get_text_config(), tokenizer


def _check_generation(path: str, revision: str | None) -> None:
    """Raise for a generation_config.json that transformers would refuse to save at the first checkpoint."""
    from transformers import GenerationConfig

    if _text_of(path, "generation_config.json", revision) is None:
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            GenerationConfig.from_pretrained(path, revision=revision).validate(strict=True)
    except (OSError, ValueError, TypeError) as error:
        raise TrainingError(
            f"generation_config.json of {path} is one that transformers refuses to save with a checkpoint: mend it in "
            f"a copy of the model, then train that ({' '.join(str(error).split())[:300]})"
        ) from error


def _give_template(tokenizer: Any, file: str | None, day: str, spec: str) -> None:
    if file is not None:
        try:
            tokenizer.chat_template = Path(file).read_text(encoding="utf-8")
        except OSError as error:
            raise TrainingError(f"cannot read the chat_template {file}: {error}") from error
    if not tokenizer.chat_template:
        raise TrainingError(f"the model {spec} has no chat template: name a file with one by chat_template")
    try:
        dated_template(tokenizer, day)
    except ValueError as error:
        raise TrainingError(f"{spec}: {error}; give another one by chat_template") from error
    if tokenizer.eos_token is None:
        raise TrainingError(f"the tokenizer of {spec} has no end-of-text token, expected eos_token in its settings")


def _check_fit(tokenizer: Any, config: Any, spec: str) -> None:
    """Raise for tokens without a row in the embedding; added tokens may lack one, ``check_ids`` checks their use."""
    highest = int(tokenizer.vocab_size) - 1
    if highest >= config.vocab_size:
        raise TrainingError(
            f"the tokenizer of {spec} gives token ids up to {highest}, expected below {config.vocab_size}, the rows of "
            "the model's embedding: take the tokenizer that belongs to it, or widen the embedding first"
        )


def _sizes(config: Any) -> tuple[int, int]:
    """Return the parameters of an architecture, and those in matrices that a token passes: all but the embeddings."""
    import torch
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    parameters = sum(weight.numel() for weight in model.parameters())
    tied = bool(getattr(config, "tie_word_embeddings", False))
    return parameters, parameters - (0 if tied else model.get_input_embeddings().weight.numel())


def _license(path: str, revision: str | None, named: str | None) -> str:
    """Return the licence of a model, or the user's where the model states none."""
    stated = stated_license(lambda name: _text_of(path, name, revision), "" if Path(path).is_dir() else path)
    if named is None:
        return stated
    try:
        named = license_of_user(named, "base_license")
    except ValueError as error:
        raise TrainingError(str(error)) from error
    if stated not in (named, UNKNOWN_LICENSE):
        raise TrainingError(f"base_license is {named!r}, expected what the model {path} states, {stated!r}, or nothing")
    return named


def _text_of(path: str, name: str, revision: str | None) -> str | None:
    from transformers.utils import cached_file

    file = cached_file(
        path,
        name,
        revision=revision,
        _raise_exceptions_for_missing_entries=False,
        _raise_exceptions_for_gated_repo=False,
    )
    return Path(file).read_text(encoding="utf-8") if file else None
