"""TRL's trainers, configured by the settings of a run."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.run.hardware import DTYPES
from training.settings import Dpo, Precision, Settings, accumulation, by_loss
from training.training_errors import TrainingError


@dataclass(frozen=True, kw_only=True)
class Part:
    """One trainer's work: rows, the model to continue from, and for preferences the reference, None for that model."""

    number: int
    folder: Path
    dataset: Any
    model: str
    revision: str | None
    reference: str | None = None


def trainer_for(part: Part, tokenizer: Any, settings: Settings, callback: Any, held_out: Any = None) -> Any:
    """Return the trainer of a part with its model loaded; it evaluates on the rows ``held_out``.

    Raises ``TrainingError`` for kernels or quantisation that are requested and not installed.
    """
    from transformers import EarlyStoppingCallback, PrinterCallback
    from trl import SFTTrainer

    common: dict[str, Any] = {"processing_class": tokenizer, "train_dataset": part.dataset, "callbacks": [callback]}
    if held_out is not None:
        common["eval_dataset"] = held_out
    if settings.schedule.early_stopping:
        common["callbacks"].append(EarlyStoppingCallback(settings.schedule.early_stopping))
    # The arguments come first: where DeepSpeed cuts the weights, loading has to know of it.
    measured = held_out is not None
    arguments = (
        _dpo_arguments(part, settings, measured)
        if isinstance(settings, Dpo)
        else _sft_arguments(part, settings, measured)
    )
    model = load_model(part.model, part.revision, settings)
    common |= {"model": model, "args": arguments, "peft_config": _adapter(settings)}
    if isinstance(settings, Dpo):
        trainer = _pair_trainer()(ref_model=_reference(part, settings), **common)
    else:
        trainer = SFTTrainer(**common)
    trainer.remove_callback(PrinterCallback)  # it would print every step's figures among the results
    return trainer


def _pair_trainer() -> Any:
    """Return TRL's DPO trainer for tokenised rows, so that it does not parse control tokens in their text."""
    from trl import DPOTrainer

    class TokenPairTrainer(DPOTrainer):  # type: ignore[misc]  # its class is Any to a checker that does not follow TRL
        def _prepare_dataset(self, dataset: Any, *arguments: Any, **named: Any) -> Any:
            return dataset

    return TokenPairTrainer


def _reference(part: Part, settings: Settings) -> Any:
    """Return a part's reference model; None where its start model without the adapter serves."""
    if settings.adapter.kind != "full" and part.reference == part.model:
        return None
    return load_model(str(part.reference), part.revision, settings)


def check_installed(settings: Settings) -> None:
    """Raise ``TrainingError`` where the settings request kernels or quantisation that are not installed."""
    attention(settings.precision)
    liger(settings.precision)
    bitsandbytes_users = {
        "kind": settings.adapter.kind == "qlora",
        "optimizer": settings.schedule.optimizer == "adamw_bnb_8bit",
    }
    for name, needs in bitsandbytes_users.items():
        if needs and importlib.util.find_spec("bitsandbytes") is None:
            raise TrainingError(
                f"{name} needs the package bitsandbytes, which is not installed: install it or set another"
            )

    for tracker in settings.report_to:
        if importlib.util.find_spec(tracker) is None:
            raise TrainingError(f"report_to needs the package {tracker}, which is not installed: install it")


def load_model(path: str, revision: str | None, settings: Settings) -> Any:
    """Return a model's weights in the type and with the attention of the settings."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    more: dict[str, Any] = {}
    if settings.adapter.kind == "qlora":
        more["quantization_config"] = _four_bits()
    revision = None if Path(path).is_dir() else revision
    try:
        return AutoModelForCausalLM.from_pretrained(
            path,
            revision=revision,
            dtype=getattr(torch, DTYPES[settings.precision.weights]),
            attn_implementation=attention(settings.precision, AutoConfig.from_pretrained(path, revision=revision)),
            **more,
        )
    except (OSError, ValueError, ImportError) as error:
        raise TrainingError(f"cannot load the model {path}: {' '.join(str(error).split())[:300]}") from error


def attention(precision: Precision, config: Any = None) -> str:
    """Return the attention to use; ``auto`` is the newest installed flash attention, else torch's own.

    With a model's configuration, ``auto`` skips kinds that its architecture lacks. Raises ``TrainingError`` for one
    that is not installed, or that the architecture lacks.
    """
    from transformers.utils import is_flash_attn_2_available, is_flash_attn_3_available

    there = {"flash_attention_3": is_flash_attn_3_available, "flash_attention_2": is_flash_attn_2_available}
    requested = precision.attention
    if requested == "auto":
        available_kinds = [name for name, available in there.items() if available() and _has(config, name)]
        return [*available_kinds, "sdpa" if _has(config, "sdpa") else "eager"][0]
    if requested in there and not there[requested]():
        raise TrainingError(f"attention is {requested!r}, which is not installed for this machine: set auto")
    if not _has(config, requested):
        raise TrainingError(f"attention is {requested!r}, which {type(config).__name__} does not have: set auto")
    return requested


def _has(config: Any, attention: str) -> bool:
    """Return whether the architecture of a configuration has a kind of attention; without a configuration, True."""
    from transformers import AutoModelForCausalLM

    architecture = AutoModelForCausalLM._model_mapping.get(type(config), None) if config is not None else None
    flag = "_supports_flash_attn" if attention.startswith("flash") else f"_supports_{attention}"
    return architecture is None or bool(getattr(architecture, flag, True))


def liger(precision: Precision) -> bool:
    """Return whether Liger's kernels are used; raise where they are requested and not installed."""
    import torch

    there = importlib.util.find_spec("liger_kernel") is not None
    if precision.liger == "on" and not there:
        raise TrainingError("liger is 'on' and the package liger-kernel is not installed: install it or set auto")
    return precision.liger == "on" or (precision.liger == "auto" and there and torch.cuda.is_available())


def _arguments(part: Part, settings: Settings, measured: bool) -> dict[str, Any]:
    import torch

    schedule, precision = settings.schedule, settings.precision
    on_cpu = not torch.cuda.is_available()
    return {
        "output_dir": str(part.folder / "checkpoints"),
        "per_device_train_batch_size": settings.batch.device_batch,
        "gradient_accumulation_steps": accumulation(settings),
        "num_train_epochs": schedule.epochs,
        "max_steps": schedule.max_steps or -1,
        "learning_rate": schedule.learning_rate,
        "lr_scheduler_type": schedule.scheduler,
        "warmup_steps": schedule.warmup_steps,
        "weight_decay": schedule.weight_decay,
        "max_grad_norm": schedule.max_grad_norm,
        "optim": schedule.optimizer,
        "seed": schedule.seed,
        "bf16": precision.compute == "bf16",
        "use_cpu": on_cpu,
        "dataloader_pin_memory": not on_cpu,
        "gradient_checkpointing": precision.gradient_checkpointing,
        "use_liger_kernel": liger(precision),
        "logging_steps": 1,
        "logging_nan_inf_filter": False,  # a loss that is lost must be seen, not averaged away
        "save_strategy": "steps",
        "save_steps": settings.saving.every_steps,
        "save_total_limit": settings.saving.keep,
        "disable_tqdm": True,
        "report_to": list(settings.report_to) or "none",
        **_evaluation(settings, measured),
        "per_device_eval_batch_size": settings.batch.device_batch,
        "max_length": settings.batch.sequence,
    }


def _evaluation(settings: Settings, measured: bool) -> dict[str, Any]:
    """Return the settings of evaluation, if there are rows to measure on, and of keeping the best checkpoint."""
    if not by_loss(settings):
        return {"eval_strategy": "epoch" if measured else "no"}
    return {
        "eval_strategy": "steps",
        "eval_steps": settings.saving.every_steps,
        "load_best_model_at_end": True,
        "metric_for_best_model": "eval_loss",
        "greater_is_better": False,
        "restore_callback_states_from_checkpoint": True,  # a run that goes on counts evaluations from where it was
    }


def _sft_arguments(part: Part, settings: Settings, measured: bool) -> Any:
    from trl import SFTConfig

    # Rows come as tokens with labels, packed already and none longer than a sequence: TRL has nothing left to cut.
    own = {"packing": settings.batch.packing, "dataset_kwargs": {"skip_prepare_dataset": True}}
    return SFTConfig(**_arguments(part, settings, measured), **own)


def _dpo_arguments(part: Part, settings: Dpo, measured: bool) -> Any:
    from trl import DPOConfig

    preference = settings.preference
    return DPOConfig(
        **_arguments(part, settings, measured),
        beta=preference.beta,
        loss_type=list(preference.loss),
        loss_weights=list(preference.loss_weights) or None,
        label_smoothing=preference.label_smoothing,
        precompute_ref_log_probs=preference.precompute_reference,
    )


def _adapter(settings: Settings) -> Any:
    if settings.adapter.kind == "full":
        return None
    from peft import LoraConfig

    return LoraConfig(
        r=settings.adapter.rank,
        lora_alpha=settings.adapter.alpha,
        lora_dropout=settings.adapter.dropout,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )


def _four_bits() -> Any:
    """Return QLoRA's quantisation: 4-bit normal floats, their scales quantised too (arXiv 2305.14314, section 3)."""
    import torch
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
