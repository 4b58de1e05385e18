"""The input models of a merge: found or downloaded, opened, and checked for one architecture."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from training.lineage import trace_model
from training.merging.shards import Checkpoint, open_checkpoint
from training.merging.tokenizer import Tokenizer, read_tokenizer
from training.merging.vocabulary import EMBEDDING, HEAD, row_count
from training.model_license import UNKNOWN_LICENSE, file_text, stated_license
from training.training_errors import MergeError

PATTERNS = ["*.json", "*.safetensors", "*.model", "*.jinja", "merges.txt", "vocab.txt", "*.py", "README.md"]
"""Files downloaded of a model on the Hub."""

HUB_ID = re.compile(r"[\w.-]+/[\w.-]+(?:@[\w./-]+)?")

MUST_AGREE = (
    "architectures",
    "model_type",
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "head_dim",
    "num_experts",
    "num_local_experts",
    "num_experts_per_tok",
    "hidden_act",
)
"""Keys of config.json that determine the meaning of a weight."""

OUGHT_TO_AGREE = (
    "rope_theta",
    "rope_scaling",
    "rope_parameters",
    "rms_norm_eps",
    "layer_norm_eps",
    "max_position_embeddings",
    "sliding_window",
    "use_sliding_window",
    "attention_bias",
    "final_logit_softcapping",
)
"""Keys that change a model's computation and may differ between relatives; the result has those of the first."""

BUFFERS = re.compile(r"rotary_emb\.inv_freq$")
"""Tensors implied by the configuration that old checkpoints store nevertheless."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """One model of a merge. ``name`` is its name in the configuration, ``revision`` the Hub's, if it is from there.

    ``tied`` marks a model without a head of its own. ``license`` is the stated one, ``release`` the release it was
    tuned on according to its record: name, version and hash; ``origin`` is the model with its lineage.
    """

    name: str
    folder: Path
    revision: str | None
    config: Mapping[str, Any]
    weights: Checkpoint
    tokenizer: Tokenizer
    tied: bool
    license: str
    release: Mapping[str, Any] | None
    origin: Mapping[str, Any] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """Names of the weights to merge: without buffers, and without a head that repeats the embeddings."""
        return [n for n in self.weights.names() if not BUFFERS.search(n) and not (self.tied and HEAD.search(n))]

    @property
    def rows(self) -> int | None:
        """Rows of the embeddings."""
        return row_count(self.weights)

    def value(self, key: str) -> Any:
        """Return a value of config.json, from its text part where a model has several."""
        return self.config[key] if key in self.config else dict(self.config.get("text_config") or {}).get(key)


def open_model(name: str, licenses: Mapping[str, str] | None = None) -> Model:
    """Return a model by the path of its folder, or by its Hub id with an optional ``@revision``.

    ``licenses`` are those given by the user, by model, or under an empty name for all that state none.
    """
    folder, revision = _folder(name)
    config = _config(folder)
    if config.get("quantization_config"):
        raise MergeError(f"{name} is quantised, expected weights in bfloat16, float16 or float32: save it dequantised")
    weights = open_checkpoint(folder)

    def text_of(file: str) -> str | None:
        return file_text(folder / file)

    license = _license(name, stated_license(text_of, name if revision else ""), licenses or {})
    return Model(
        name=name,
        folder=folder,
        revision=revision,
        config=config,
        weights=weights,
        tokenizer=read_tokenizer(name, folder),
        tied=_tied(name, config, weights),
        license=license,
        release=_release(folder),
        origin=trace_model(
            text_of,
            name.partition("@")[0] if revision else name,
            hub=bool(revision),
            revision=revision,
            license=license,
        ),
    )


def _license(name: str, stated: str, named: Mapping[str, str]) -> str:
    """Return the licence of a model, or the user's where the model states none."""
    license = named.get(name, named.get("") if stated == UNKNOWN_LICENSE else None)
    if license is None:
        return stated
    if stated not in (license, UNKNOWN_LICENSE):
        raise MergeError(f"the licence named for {name} is {license!r}, expected what it states, {stated!r}, or none")
    return license


def _release(folder: Path) -> dict[str, Any] | None:
    """Return name, version and hash of the release in a model's own record."""
    recorded = json.loads(file_text(folder / "run.json") or "{}").get("release")
    return {key: recorded[key] for key in ("name", "version", "hash")} if recorded else None


def _folder(name: str) -> tuple[Path, str | None]:
    path = Path(name).expanduser()
    if path.is_dir():
        return path, None
    if path.exists() or not HUB_ID.fullmatch(name):
        raise MergeError(f"{name} is not a folder, expected the folder of a model or its Hub id, as in ORG/NAME")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    id, _, revision = name.partition("@")
    try:
        fetched = Path(
            snapshot_download(
                id, revision=revision or None, allow_patterns=PATTERNS, endpoint=os.environ.get("HF_ENDPOINT")
            )
        )
    except (HfHubHTTPError, LocalEntryNotFoundError, HFValidationError, OSError) as error:
        raise MergeError(
            f"{name} is not a folder, and the Hub did not provide it ({' '.join(str(error).split())[:200]}): "
            "name the folder of the model, or check the id and the network"
        ) from error
    return fetched, fetched.name


def _config(folder: Path) -> dict[str, Any]:
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise MergeError(
            f"{folder} has no config.json, expected the folder of a model as transformers saves it"
        ) from error
    except (OSError, ValueError) as error:
        raise MergeError(f"cannot read {path}: {error}") from error
    if not isinstance(config, dict):
        raise MergeError(f"{path} holds {type(config).__name__}, expected an object: fetch it again")
    return config


def _tied(name: str, config: Mapping[str, Any], weights: Checkpoint) -> bool:
    """Return whether a model's head shares its embeddings; ``MergeError`` where a stored head differs."""
    heads = [tensor for tensor in weights.names() if HEAD.search(tensor) and tensor.endswith("weight")]
    embeddings = [tensor for tensor in weights.names() if EMBEDDING.search(tensor)]
    flag = config.get("tie_word_embeddings", dict(config.get("text_config") or {}).get("tie_word_embeddings"))
    if not heads or not embeddings:
        return not heads and flag is not False
    if flag is False:
        return False
    if not np.array_equal(weights.read(heads[0]), weights.read(embeddings[0])):
        if flag is None:
            return False
        raise MergeError(
            f"config.json of {name} says tie_word_embeddings, but its {heads[0]} is not its {embeddings[0]}: "
            "set the flag to false if the head is its own, or take the head out of the file"
        )
    return True


# --- one architecture ----------------------------------------------------------------------------------------------


def check_compatible(models: Sequence[Model], untie: bool) -> list[str]:
    """Raise ``MergeError`` for different architectures; return harmless differences as notes."""
    first = models[0]
    for model in models[1:]:
        for key in MUST_AGREE:
            ours, theirs = first.value(key), model.value(key)
            if ours is not None and theirs is not None and ours != theirs:
                raise MergeError(
                    f"{key} is {ours} in {first.name} and {theirs} in {model.name}, expected one architecture: "
                    "only models that were trained from the same base can be merged"
                )
    if not untie and len({model.tied for model in models}) > 1:
        tied, own = (next(model.name for model in models if model.tied is is_tied) for is_tied in (True, False))
        raise MergeError(
            f"{tied} uses its embeddings as its head and {own} has a head of its own: set untie: true in the "
            f"configuration to give the result a head of its own, and {tied} its embeddings as its head"
        )
    return [
        f"{key} is {first.value(key)} in {first.name} and {model.value(key)} in {model.name}; the result has the first"
        for model in models[1:]
        for key in OUGHT_TO_AGREE
        if first.value(key) != model.value(key)
    ]


def check_tensors(models: Sequence[Model], names: Mapping[str, set[str]]) -> None:
    """Raise ``MergeError`` where one model lacks a tensor that another has; ``names`` are those of each model."""
    every = set().union(*names.values())
    for model in models:
        if lacking := sorted(every - names[model.name]):
            other = next(m.name for m in models if lacking[0] in names[m.name])
            more = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
            raise MergeError(
                f"{model.name} has no {lacking[0]}{more}, which {other} has: fetch it again if it is incomplete, or "
                "leave it out; a missing tensor is not invented"
            )
