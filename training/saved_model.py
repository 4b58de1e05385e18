"""A trained model as a folder: adapters merged, weights in the type of the start model, an end to every answer."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from training.chat import encode
from training.processes import agreed
from training.run_folder import MARKER, mark_complete, write
from training.settings import Settings
from training.trainers import Part


def save_part(trainer: Any, part: Part, tokenizer: Any, settings: Settings) -> None:
    """Write the model that a trainer made as ``part.folder/model``, whole or not at all."""
    done, temporary = part.folder / "model", part.folder / "model.tmp"
    agreed(lambda: shutil.rmtree(temporary, ignore_errors=True))
    trainer.save_model(str(temporary))  # in every process: each may hold a part of the weights

    def finish() -> None:
        if settings.adapter.kind != "full":
            _merge_adapter(part, temporary, settings)
        tokenizer.save_pretrained(temporary)
        (temporary / "training_args.bin").unlink(missing_ok=True)  # a pickle; the record says what it would
        mark_complete(temporary)
        temporary.rename(done)
        shutil.rmtree(part.folder / "checkpoints", ignore_errors=True)

    agreed(finish)


def is_saved(part: Part) -> bool:
    """Say whether the model of a part is there, whole."""
    return (part.folder / "model" / MARKER).is_file()


def finish_model(folder: Path, tokenizer: Any, dtype: str) -> None:
    """Make the last part's model the result: its weights in ``dtype``, and generation that ends where a turn does."""
    from transformers import GenerationConfig

    recast(folder, dtype)
    found = folder / "generation_config.json"
    config = GenerationConfig.from_pretrained(folder) if found.is_file() else GenerationConfig()
    stops = config.eos_token_id if isinstance(config.eos_token_id, list) else [config.eos_token_id]
    known = [token for token in stops if token is not None]
    end = end_of_turn(tokenizer)
    if end not in known:
        config.eos_token_id = [*known, end] if known else end
        config.save_pretrained(folder)


def end_of_turn(tokenizer: Any) -> int:
    """Return the token that ends an answer in the chat template."""
    turns = [{"role": "user", "content": "Question?"}, {"role": "assistant", "content": "Answer."}]
    coded = encode(tokenizer, turns)
    return [token for token, learned in zip(coded.ids, coded.learned, strict=True) if learned][-1]


def recast(folder: Path, dtype: str) -> None:
    """Rewrite the weights of a model in ``dtype``, one file of them in memory at a time; each file is whole always."""
    import torch
    from safetensors.torch import load_file, save_file

    wanted = getattr(torch, dtype)
    for path in sorted(folder.glob("*.safetensors")):
        weights = load_file(path)
        if all(weight.dtype == wanted or not weight.is_floating_point() for weight in weights.values()):
            continue
        cast = {name: weight.to(wanted) if weight.is_floating_point() else weight for name, weight in weights.items()}
        temporary = path.with_suffix(".tmp")
        save_file(cast, temporary, metadata={"format": "pt"})
        temporary.replace(path)
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        listed = json.loads(index.read_text())
        listed["metadata"]["total_size"] = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
        write(index, json.dumps(listed, indent=2) + "\n")
    config = json.loads((folder / "config.json").read_text())
    config["dtype"] = dtype
    write(folder / "config.json", json.dumps(config, indent=2) + "\n")


def _merge_adapter(part: Part, folder: Path, settings: Settings) -> None:
    """Put the adapter in ``folder`` into the model it was made for; the adapter itself is kept beside the weights.

    The model is loaded anew: what was trained on may be quantised, or cut over devices.
    """
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    dtype = torch.float32 if settings.numerics.weights == "fp32" else torch.bfloat16
    revision = None if Path(part.model).is_dir() else part.revision
    model = AutoModelForCausalLM.from_pretrained(part.model, revision=revision, dtype=dtype)
    merged = PeftModel.from_pretrained(model, folder).merge_and_unload()
    adapter = folder / "adapter"
    adapter.mkdir()
    for path in folder.glob("adapter_*"):
        path.rename(adapter / path.name)
    merged.save_pretrained(folder)
