"""The settings of a training run, checked before any work; each group of fields is shared by several stages."""

from __future__ import annotations

import dataclasses
from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass as checked

from synth.teachers.template_dates import PINNED

CHECKS = ConfigDict(extra="forbid")

LOSSES = Literal[
    "sigmoid",
    "sigmoid_norm",
    "hinge",
    "ipo",
    "exo_pair",
    "nca_pair",
    "robust",
    "bco_pair",
    "sppo_hard",
    "aot",
    "aot_unpaired",
    "apo_zero",
    "apo_down",
    "discopop",
    "sft",
]
"""TRL's own names; ``sigmoid_norm`` is DPO over mean log-probabilities, so that length is not rewarded."""


def _split(value: Any) -> Any:
    """Return the items of a comma-separated text, the form of a list on a command line."""
    return [part for part in value.split(",") if part] if isinstance(value, str) else value


def _day(value: Any) -> Any:
    """Return a date in ISO's form; YAML and TOML parse it as a date."""
    try:
        return date.fromisoformat(str(value)).isoformat()
    except ValueError:
        raise ValueError(f"data.template_date is {value!r}, expected a date such as 2024-07-26") from None


Day = Annotated[str, BeforeValidator(_day)]
Texts = Annotated[tuple[str, ...], BeforeValidator(_split)]
Trackers = Annotated[tuple[Literal["tensorboard", "wandb", "trackio", "mlflow"], ...], BeforeValidator(_split)]
Losses = Annotated[tuple[LOSSES, ...], BeforeValidator(_split), Field(min_length=1)]
Weights = Annotated[tuple[float, ...], BeforeValidator(_split)]


@checked(frozen=True, kw_only=True, config=CHECKS)
class Data:
    """The rows of a release to read: ``sources`` by the names of their folders (none means all).

    ``unfit`` is for rows that the chat template refuses or rewrites, ``special_tokens`` for rows that spell the
    tokenizer's control tokens, ``system`` for templates that refuse a system turn. ``eval_share`` of the rows is held
    out. ``template_date`` replaces today's date in templates that write it.
    """

    sources: Texts = ()
    limit: int | None = Field(default=None, gt=0)
    too_long: Literal["refuse", "drop", "turns"] = "refuse"
    unfit: Literal["drop", "refuse"] = "drop"
    special_tokens: Literal["text", "drop", "refuse"] = "text"
    system: Literal["user", "keep"] = "user"
    eval_share: float = Field(default=0, ge=0, lt=1)
    template_date: Day = PINNED


@checked(frozen=True, kw_only=True, config=CHECKS)
class Schedule:
    """Epochs and learning rate; the defaults are those of Aloe Beta's SFT (arXiv 2505.04388, section 4).

    ``early_stopping`` ends a part after this number of consecutive evaluations without a lower loss on the held-out
    rows.
    """

    epochs: float = Field(default=4, gt=0)
    max_steps: int | None = Field(default=None, gt=0)
    learning_rate: float = Field(default=2e-5, gt=0, lt=1)
    early_stopping: int | None = Field(default=None, gt=0)
    scheduler: Literal["cosine", "linear", "constant", "constant_with_warmup"] = "cosine"
    warmup_steps: int = Field(default=100, ge=0)
    weight_decay: float = Field(default=0, ge=0)
    max_grad_norm: float = Field(default=1, gt=0)
    optimizer: Literal["adamw_torch", "adamw_torch_fused", "adamw_bnb_8bit", "adafactor"] = "adamw_torch"
    seed: int = Field(default=0, ge=0)


@checked(frozen=True, kw_only=True, config=CHECKS)
class Batch:
    """Batches: lengths in tokens, sizes in rows, or in packs of ``sequence`` tokens if packed."""

    sequence: int = Field(default=16_384, ge=16)
    global_batch: int = Field(default=128, gt=0)
    device_batch: int = Field(default=1, gt=0)
    packing: bool = True


@checked(frozen=True, kw_only=True, config=CHECKS)
class Precision:
    """Number types and kernels: ``weights`` is the type of the trained weights, ``compute`` that of a pass.

    ``auto`` uses Liger's kernels and flash attention where they are installed and a GPU is present.
    """

    weights: Literal["fp32", "bf16"] = "fp32"
    compute: Literal["fp32", "bf16"] = "bf16"
    gradient_checkpointing: bool = True
    attention: Literal["auto", "sdpa", "eager", "flash_attention_2", "flash_attention_3"] = "auto"
    liger: Literal["auto", "on", "off"] = "auto"

    @model_validator(mode="after")
    def _weights_hold_what_is_computed(self) -> Self:
        if self.weights == "bf16" and self.compute == "fp32":
            raise ValueError("compute is 'fp32' over weights in 'bf16', expected bf16 as well, or weights: fp32")
        return self


@checked(frozen=True, kw_only=True, config=CHECKS)
class Adapter:
    """The trained weights: all of them, or low-rank adapters that are merged into the model at the end."""

    kind: Literal["full", "lora", "qlora"] = "full"
    rank: int = Field(default=16, gt=0)
    alpha: int = Field(default=32, gt=0)
    dropout: float = Field(default=0, ge=0, lt=1)


@checked(frozen=True, kw_only=True, config=CHECKS)
class Saving:
    """Checkpoints; at least two are kept, since the last may be incomplete.

    ``saved_as`` is the type of the weights in the result: that of the start model, or another. With ``best`` the result
    is the checkpoint with the lowest loss on the held-out rows.
    """

    every_steps: int = Field(default=100, gt=0)
    keep: int = Field(default=2, ge=2)
    best: bool = False
    saved_as: Literal["start", "fp32", "bf16", "fp16"] = "start"


@checked(frozen=True, kw_only=True, config=CHECKS)
class Launch:
    """Devices: ``processes`` in all, over ``machines``; ``machine_rank`` 0 is at ``main_address``."""

    parallel: Literal["none", "ddp", "fsdp", "deepspeed_zero2", "deepspeed_zero3"] = "none"
    processes: int = Field(default=1, gt=0)
    machines: int = Field(default=1, gt=0)
    machine_rank: int = Field(default=0, ge=0)
    main_address: str | None = None
    main_port: int = Field(default=29_500, gt=0, lt=65_536)

    @model_validator(mode="after")
    def _launcher_for_several(self) -> Self:
        if self.processes > 1 and self.parallel == "none":
            raise ValueError(f"processes is {self.processes} with parallel 'none', expected ddp, fsdp or deepspeed_…")
        if self.processes % self.machines:
            raise ValueError(f"processes is {self.processes}, expected a multiple of machines, {self.machines}")
        if self.machines > 1 and self.main_address is None:
            raise ValueError(f"main_address is not given, expected the address of machine 0 of {self.machines}")
        return self


@checked(frozen=True, kw_only=True, config=CHECKS)
class Power:
    """Energy: ``watts`` per process where there is no meter, and grams of CO2 per kWh.

    The default factor is the world's mean of 2023, 480 g/kWh (Ember, Global Electricity Review 2024). ``tflops`` is the
    rate of one device, for the forecast; it is measured where it is not given.
    """

    watts: float | None = Field(default=None, gt=0)
    co2_grams_per_kwh: float = Field(default=480, ge=0)
    tflops: float | None = Field(default=None, gt=0)


@checked(frozen=True, kw_only=True, config=CHECKS)
class Sft:
    """Supervised fine-tuning on the assistant's text.

    ``base_license`` is for a model that does not state its own; ``chat_template`` is a file, for one without a
    template.
    """

    data: Data = Field(default_factory=Data)
    schedule: Schedule = Field(default_factory=Schedule)
    batch: Batch = Field(default_factory=Batch)
    precision: Precision = Field(default_factory=Precision)
    adapter: Adapter = Field(default_factory=Adapter)
    saving: Saving = Field(default_factory=Saving)
    launch: Launch = Field(default_factory=Launch)
    power: Power = Field(default_factory=Power)
    base_license: str | None = None
    chat_template: str | None = None
    report_to: Trackers = ()

    @model_validator(mode="after")
    def _batches_come_out_even(self) -> Self:
        accumulation(self)
        _check_evaluation(self)
        return self


@checked(frozen=True, kw_only=True, config=CHECKS)
class Preference:
    """Direct preference optimisation: its loss, and the division of the rows into ``chunks`` trained in order.

    ``reference`` chooses the reference model of chunk k: ``start`` is the start model of the stage in every chunk;
    ``previous`` is the model at the start of chunk k. Aloe Beta does not state which it used.
    """

    beta: float = Field(default=0.1, gt=0)
    loss: Losses = ("sigmoid",)
    loss_weights: Weights = ()
    label_smoothing: float = Field(default=0, ge=0, lt=0.5)
    chunks: int = Field(default=5, gt=0)
    reference: Literal["start", "previous"] = "start"
    precompute_reference: bool = False

    @model_validator(mode="after")
    def _a_weight_for_each_loss(self) -> Self:
        if self.loss_weights and len(self.loss_weights) != len(self.loss):
            raise ValueError(f"loss_weights has {len(self.loss_weights)} values, expected {len(self.loss)}: one a loss")
        return self


def _dpo_schedule() -> Schedule:
    return Schedule(epochs=1, learning_rate=2e-7, warmup_steps=0)


def _dpo_batch() -> Batch:
    return Batch(sequence=4_096, packing=False)


@checked(frozen=True, kw_only=True, config=CHECKS)
class Dpo:
    """Preference optimisation in chunks of one epoch each."""

    data: Data = Field(default_factory=Data)
    schedule: Schedule = Field(default_factory=_dpo_schedule)
    batch: Batch = Field(default_factory=_dpo_batch)
    preference: Preference = Field(default_factory=Preference)
    precision: Precision = Field(default_factory=Precision)
    adapter: Adapter = Field(default_factory=Adapter)
    saving: Saving = Field(default_factory=Saving)
    launch: Launch = Field(default_factory=Launch)
    power: Power = Field(default_factory=Power)
    base_license: str | None = None
    chat_template: str | None = None
    report_to: Trackers = ()

    @model_validator(mode="after")
    def _what_preferences_do_not_have(self) -> Self:
        accumulation(self)
        _check_evaluation(self)
        if self.batch.packing:
            raise ValueError("batch.packing is True, expected False: pairs are not packed")
        if self.data.too_long == "turns":
            raise ValueError("data.too_long is 'turns', expected refuse or drop: a pair has one answer to keep")
        return self


Settings = Sft | Dpo


def by_loss(settings: Settings) -> bool:
    """Return whether the loss on held-out rows, measured at every checkpoint, decides which weights are kept."""
    return settings.saving.best or settings.schedule.early_stopping is not None


def _check_evaluation(settings: Settings) -> None:
    if by_loss(settings) and not settings.data.eval_share:
        name = "saving.best" if settings.saving.best else "schedule.early_stopping"
        raise ValueError(f"{name} needs rows to measure the loss on, expected data.eval_share above 0")


def accumulation(settings: Settings) -> int:
    """Return how many batches of a device form one global batch.

    Raises ``ValueError`` where the global batch is no multiple of the batches of all devices.
    """
    batch, processes = settings.batch, settings.launch.processes
    at_once = batch.device_batch * processes
    if batch.global_batch % at_once:
        raise ValueError(
            f"batch.global_batch is {batch.global_batch}, expected a multiple of {at_once}: "
            f"device_batch {batch.device_batch} times {processes} processes"
        )
    return batch.global_batch // at_once


def to_dict(settings: Settings) -> dict[str, Any]:
    """Return settings as JSON values."""
    return dataclasses.asdict(settings)
