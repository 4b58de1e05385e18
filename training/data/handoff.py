"""Training settings as configs of other trainers: axolotl, LLaMA-Factory and OpenRLHF.

Field names are those of the versions 0.19.0, 0.9.5 and 0.11.2; ``tests/test_handoff.py`` runs each config through the
tool's own parser where it is installed. All weights are trained, with the tokenizer's own chat template. Settings
without an equivalent use the tool's default: the chunks of DPO, the type of the weights, and rows that are too long,
which LLaMA-Factory and OpenRLHF truncate.
"""

from __future__ import annotations

import json
import math
import shlex
from dataclasses import dataclass
from typing import Any, Literal

import yaml

from training.settings import Dpo, Settings, Sft, accumulation

Tool = Literal["axolotl", "llama-factory", "openrlhf"]


@dataclass(frozen=True, kw_only=True)
class Handoff:
    """A training job for another trainer: ``model``, and the JSON Lines ``file`` with ``rows`` rows."""

    dataset: str
    file: str
    rows: int
    model: str
    settings: Settings

    @property
    def stage(self) -> str:
        """``sft`` or ``dpo``."""
        return "sft" if isinstance(self.settings, Sft) else "dpo"


def configs(tool: Tool, parts: list[Handoff]) -> dict[str, str]:
    """Return the files that start a tool, text by name; each begins with the command that uses it."""
    if tool == "axolotl":
        return {f"{part.stage}.yaml": _yaml(axolotl(part), f"axolotl train {part.stage}.yaml") for part in parts}
    if tool == "openrlhf":
        return {f"{part.stage}.sh": _script(openrlhf(part), f"bash {part.stage}.sh") for part in parts}
    yamls = {
        f"{part.stage}.yaml": _yaml(llama_factory(part), f"llamafactory-cli train {part.stage}.yaml") for part in parts
    }
    return {"dataset_info.json": _json(dataset_info(parts)), **yamls}


# --- axolotl -------------------------------------------------------------------------------------------------------


def axolotl(part: Handoff) -> dict[str, Any]:
    """Return axolotl's config."""
    settings = part.settings
    schedule, batch, precision = settings.schedule, settings.batch, settings.precision
    return {
        "base_model": part.model,
        "chat_template": "tokenizer_default",
        **_axolotl_data(part),
        "sequence_len": batch.sequence,
        "excess_length_strategy": "raise" if settings.data.too_long == "refuse" else "drop",
        "micro_batch_size": batch.device_batch,
        "gradient_accumulation_steps": accumulation(settings),
        **_hugging_face(settings),
        "num_epochs": schedule.epochs,
        "optimizer": schedule.optimizer,
        "bf16": precision.compute == "bf16",
        "gradient_checkpointing": precision.gradient_checkpointing,
        "attn_implementation": "flash_attention_2",
        "save_total_limit": settings.saving.keep,
        "output_dir": f"./{part.stage}-out",
    }


def _axolotl_data(part: Handoff) -> dict[str, Any]:
    rows = {"path": part.file, "split": "train"}
    if isinstance(part.settings, Dpo):
        read = {**rows, "type": "chat_template.default", "field_messages": "messages"}
        preference = part.settings.preference
        fields = {"field_chosen": "chosen", "field_rejected": "rejected"}
        return {
            "rl": "dpo",
            "rl_beta": preference.beta,
            "dpo_loss_type": list(preference.loss),
            "datasets": [{**read, **fields}],
        }
    read = {**rows, "ds_type": "json", "type": "chat_template", "field_messages": "messages"}
    return {
        "datasets": [{**read, "roles_to_train": ["assistant"]}],
        "sample_packing": part.settings.batch.packing,
    }


def _hugging_face(settings: Settings) -> dict[str, Any]:
    """Return the arguments of transformers' trainer that axolotl and LLaMA-Factory share."""
    schedule = settings.schedule
    arguments = {
        "learning_rate": schedule.learning_rate,
        "warmup_steps": schedule.warmup_steps,
        "weight_decay": schedule.weight_decay,
        "max_grad_norm": schedule.max_grad_norm,
        "seed": schedule.seed,
        "save_steps": settings.saving.every_steps,
        "logging_steps": 10,
    }
    scheduler = {"lr_scheduler": schedule.scheduler}
    return {**arguments, **scheduler, **({"max_steps": schedule.max_steps} if schedule.max_steps else {})}


# --- LLaMA-Factory -------------------------------------------------------------------------------------------------


def dataset_info(parts: list[Handoff]) -> dict[str, Any]:
    """Return LLaMA-Factory's dataset description: ShareGPT format, with ``ranking`` for pairs."""
    columns: dict[str, dict[str, str]] = {
        "sft": {"messages": "conversations"},
        "dpo": {"messages": "conversations", "chosen": "chosen", "rejected": "rejected"},
    }
    form = {"formatting": "sharegpt"}
    return {
        part.dataset: {
            "file_name": part.file,
            **form,
            **({"ranking": True} if part.stage == "dpo" else {}),
            "columns": columns[part.stage],
        }
        for part in parts
    }


def llama_factory(part: Handoff) -> dict[str, Any]:
    """Return LLaMA-Factory's training config."""
    settings = part.settings
    shared = _hugging_face(settings)
    preference = (
        {"pref_beta": settings.preference.beta, "pref_loss": settings.preference.loss[0]}
        if isinstance(settings, Dpo)
        else {"packing": settings.batch.packing, "neat_packing": settings.batch.packing}
    )
    return {
        "model_name_or_path": part.model,
        "stage": part.stage,
        "do_train": True,
        "finetuning_type": "full",
        "dataset_dir": ".",
        "dataset": part.dataset,
        "cutoff_len": settings.batch.sequence,
        **preference,
        "per_device_train_batch_size": settings.batch.device_batch,
        "gradient_accumulation_steps": accumulation(settings),
        "num_train_epochs": settings.schedule.epochs,
        "lr_scheduler_type": shared.pop("lr_scheduler"),
        **shared,
        "optim": settings.schedule.optimizer,
        "bf16": settings.precision.compute == "bf16",
        "disable_gradient_checkpointing": not settings.precision.gradient_checkpointing,
        "flash_attn": "auto",
        "save_total_limit": settings.saving.keep,
        "output_dir": f"./{part.stage}-out",
    }


# --- OpenRLHF ------------------------------------------------------------------------------------------------------


def openrlhf(part: Handoff) -> list[str]:
    """Return the call of OpenRLHF's trainer under DeepSpeed, word by word."""
    settings = part.settings
    schedule, batch = settings.schedule, settings.batch
    options: dict[str, Any] = {
        "model.model_name_or_path": part.model,
        "data.dataset": part.file,
        **_openrlhf_columns(part),
        "data.max_len": batch.sequence,
        "data.max_samples": max(part.rows, 1),
        "train.micro_batch_size": batch.device_batch,
        "train.batch_size": batch.global_batch,
        "train.max_epochs": math.ceil(schedule.epochs),
        "train.seed": schedule.seed,
        "adam.lr": schedule.learning_rate,
        "adam.weight_decay": schedule.weight_decay,
        "lr_scheduler": schedule.scheduler,
        "lr_warmup_ratio": _warmup_ratio(part),
        "max_norm": schedule.max_grad_norm,
        "ds.zero_stage": 3,
        "ds.param_dtype": "bf16",
        "ckpt.save_steps": settings.saving.every_steps,
        "ckpt.max_num": settings.saving.keep,
        "ckpt.path": f"./{part.stage}-checkpoints",
        "ckpt.output_dir": f"./{part.stage}-out",
    }
    flags = ["data.apply_chat_template"]
    flags += ["data.multiturn"] if part.stage == "sft" else []
    flags += ["ds.packing_samples"] if batch.packing else []
    flags += ["model.gradient_checkpointing_enable"] if settings.precision.gradient_checkpointing else []
    call = ["deepspeed", "--module", f"openrlhf.cli.train_{part.stage}"]
    return [*call, *(word for name, value in options.items() for word in (f"--{name}", str(value)))] + [
        f"--{flag}" for flag in flags
    ]


def _openrlhf_columns(part: Handoff) -> dict[str, Any]:
    if not isinstance(part.settings, Dpo):
        return {"data.input_key": "messages"}
    sides = {f"data.{side}_key": side for side in ("prompt", "chosen", "rejected")}
    return {**sides, "model.beta": part.settings.preference.beta}


def _warmup_ratio(part: Handoff) -> float:
    """Return the share of warm-up steps, estimated from the number of rows; packing reduces the steps."""
    schedule = part.settings.schedule
    steps = max(1.0, part.rows * schedule.epochs / part.settings.batch.global_batch)
    return round(min(1.0, schedule.warmup_steps / steps), 6)


# --- texts ---------------------------------------------------------------------------------------------------------


def _yaml(config: dict[str, Any], command: str) -> str:
    return f"# {command}\n{yaml.safe_dump(config, sort_keys=False, allow_unicode=True)}"


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _script(words: list[str], command: str) -> str:
    lines: list[list[str]] = [[]]
    for word in words:
        if word.startswith("--"):
            lines.append([])
        lines[-1].append(shlex.quote(word))
    return f"#!/bin/sh\n# {command}\n" + " \\\n  ".join(" ".join(line) for line in lines) + "\n"
