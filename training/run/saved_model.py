"""The folder of a trained model: merged adapters, weights in the final type, end tokens of generation."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sources.atomic import write_bytes
from training.data.chat import encode
from training.run.hardware import DTYPES
from training.run.output_folder import MARKER, mark_complete
from training.run.processes import broadcast_from_main
from training.run.start_model import StartModel
from training.run.trainers import Part
from training.settings import Settings


def save_part(trainer: Any, part: Part, tokenizer: Any, settings: Settings) -> None:
    """Write the model of a trainer to ``part.folder/model`` atomically."""
    done, temporary = part.folder / "model", part.folder / "model.tmp"
    broadcast_from_main(lambda: shutil.rmtree(temporary, ignore_errors=True))
    trainer.save_model(str(temporary))  # in every process: each may hold a part of the weights

    def finish() -> None:
        if settings.adapter.kind != "full":
            _merge_adapter(part, temporary, settings)
        tokenizer.save_pretrained(temporary)
        (temporary / "training_args.bin").unlink(missing_ok=True)  # a pickle; the record says what it would
        mark_complete(temporary)
        temporary.rename(done)
        shutil.rmtree(part.folder / "checkpoints", ignore_errors=True)

    broadcast_from_main(finish)


def is_saved(part: Part) -> bool:
    """Return whether the model of a part is complete."""
    return (part.folder / "model" / MARKER).is_file()


FAINT = 0.5
"""Least share of changed weights that differ after rounding; below it the run prints a warning."""


def finish_model(folder: Path, start: StartModel, settings: Settings) -> dict[str, Any] | None:
    """Turn the last part's model into the result: weights in the saved type, and an end token for generation.

    Returns the share of the training kept by rounding, None where nothing was rounded.
    """
    from transformers import GenerationConfig

    named = settings.saving.saved_as
    dtype = start.facts.dtype if named == "start" else DTYPES[named]
    rounding = recast(folder, dtype, start_weights(start))
    generation_file = folder / "generation_config.json"
    config = GenerationConfig.from_pretrained(folder) if generation_file.is_file() else GenerationConfig()
    stops = config.eos_token_id if isinstance(config.eos_token_id, list) else [config.eos_token_id]
    known = [token for token in stops if token is not None]
    end = end_of_turn(start.tokenizer)
    if end not in known:
        config.eos_token_id = [*known, end] if known else end
        config.save_pretrained(folder)
    return rounding


def rounding_line(rounding: dict[str, Any]) -> str:
    """Return a line on the share of the training kept by rounding."""
    return (
        f"{rounding['survived']:,} of {rounding['changed']:,} weights that training changed ({rounding['share']:.1%}) "
        f"still differ from the start model in {rounding['dtype']}: saved_as fp32 keeps what was learned"
    )


def start_weights(start: StartModel) -> dict[str, Path]:
    """Return the safetensors file of each tensor of the start model, where it is on this machine."""
    from safetensors import safe_open
    from transformers.utils import cached_file

    folder = Path(start.path)
    if not folder.is_dir():
        folder = Path(str(cached_file(start.path, "config.json", revision=start.facts.revision))).parent
    files: dict[str, Path] = {}
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="pt") as file:
            files |= dict.fromkeys(file.keys(), path)
    return files


def end_of_turn(tokenizer: Any) -> int:
    """Return the token that ends an answer in the chat template."""
    turns = [{"role": "user", "content": "Question?"}, {"role": "assistant", "content": "Answer."}]
    coded = encode(tokenizer, turns)
    return [token for token, is_label in zip(coded.ids, coded.label_tokens, strict=True) if is_label][-1]


def recast(folder: Path, dtype: str, before: Mapping[str, Path] | None = None) -> dict[str, Any] | None:
    """Rewrite the weights of a model in ``dtype``, one file at a time in memory; each file is replaced atomically.

    ``before`` are the files of the start weights. Returns how many weights changed, and how many of those still differ
    in ``dtype``; None where nothing was rounded or there is nothing to compare with.
    """
    import torch
    from safetensors.torch import load_file, save_file

    target = getattr(torch, dtype)
    changed = survived = 0
    for path in sorted(folder.glob("*.safetensors")):
        weights = load_file(path)
        if all(weight.dtype == target or not weight.is_floating_point() for weight in weights.values()):
            continue
        cast = {name: weight.to(target) if weight.is_floating_point() else weight for name, weight in weights.items()}
        for name, weight in weights.items():
            if before and name in before and weight.dtype != target:
                first = _weight(before[name], name)
                if first.shape == weight.shape:
                    moved = weight != first.to(weight.dtype)
                    changed += int(moved.sum())
                    survived += int((moved & (cast[name] != first.to(target))).sum())
        temporary = path.with_suffix(".tmp")
        save_file(cast, temporary, metadata={"format": "pt"})
        temporary.replace(path)
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        listed = json.loads(index.read_text())
        listed["metadata"]["total_size"] = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
        write_bytes(index, (json.dumps(listed, indent=2) + "\n").encode())
    config = json.loads((folder / "config.json").read_text())
    config["dtype"] = dtype
    write_bytes(folder / "config.json", (json.dumps(config, indent=2) + "\n").encode())
    share = survived / changed if changed else 1.0
    return {"dtype": dtype, "changed": changed, "survived": survived, "share": share} if changed else None


def _weight(path: Path, name: str) -> Any:
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        return file.get_tensor(name)


def _merge_adapter(part: Part, folder: Path, settings: Settings) -> None:
    """Merge the adapter in ``folder`` into its model; the adapter itself is kept next to the weights.

    The model is loaded again: the trained one may be quantised, or distributed over devices.
    """
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    dtype = getattr(torch, DTYPES[settings.precision.weights])
    revision = None if Path(part.model).is_dir() else part.revision
    model = AutoModelForCausalLM.from_pretrained(part.model, revision=revision, dtype=dtype)
    merged = PeftModel.from_pretrained(model, folder).merge_and_unload()
    adapter = folder / "adapter"
    adapter.mkdir()
    for path in folder.glob("adapter_*"):
        path.rename(adapter / path.name)
    merged.save_pretrained(folder)
