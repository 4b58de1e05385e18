"""A check that the rows packed into one sequence do not attend to each other in a model's architecture.

The architecture is instantiated from its configuration, with the fewest layers that include every kind, so no weights
are read. Two rows are packed as by the trainer; the output of the second must equal its output alone, and must not
depend on the first.
"""

from __future__ import annotations

import copy
import warnings
from typing import Any

from training.settings import Precision
from training.training_errors import TrainingError

ROW = 24
"""Tokens of a test row; longer than the short convolutions of state-space models."""

VOCABULARY = 512
"""Tokens of the test model: the embeddings do not affect attention between rows."""

TOLERANCE = 1e-3
"""Largest accepted difference, as a share of the spread of the logits; leaks differ by more than 1e-2."""


def packing_fault(config: Any, precision: Precision) -> str | None:
    """Return why rows must not be packed for a model of this configuration; None where packed rows are isolated."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            model = small_model(config, precision)
        except TrainingError:
            raise
        except Exception as error:  # a model that cannot be built cannot be checked
            return f"packing could not be checked ({_short(error)})"
        try:
            alone, packed, other = (_second_row(model, first) for first in (None, 0, 1))
        except Exception as error:  # whatever a model raises over packed rows, it cannot be trained on them
            return f"the model fails on packed rows ({_short(error)})"
    spread = float(alone.std()) or 1.0
    seen = float((packed - other).abs().max()) / spread
    changed = float((packed - alone).abs().max()) / spread
    if seen > TOLERANCE:
        return f"a packed row sees the row before it (its logits change by {seen:.1%} of their spread)"
    if changed > TOLERANCE:
        return f"a packed row differs from the same row alone (its logits by {changed:.1%} of their spread)"
    return None


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:160]}"


def small_model(config: Any, precision: Precision) -> Any:
    """Return a model of the configuration with random weights in float32, cut to the first layers of each kind."""
    import torch
    from transformers import AutoModelForCausalLM

    from training.run.trainers import attention

    small = copy.deepcopy(config)
    kind = attention(precision, small)
    with torch.device("meta"):
        layers = _layers(AutoModelForCausalLM.from_config(small, attn_implementation="eager"))
    _cut(small, layers)
    if small.vocab_size > VOCABULARY:
        small.vocab_size = VOCABULARY
        small.pad_token_id = 0 if (small.pad_token_id or 0) >= VOCABULARY else small.pad_token_id
    flash = kind.startswith("flash")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(
            small, attn_implementation=kind, dtype=torch.bfloat16 if flash else torch.float32
        )
        for weight in model.parameters():  # weights as small as at the start of training would hide what leaks
            if weight.dim() > 1:
                torch.nn.init.normal_(weight, std=1.0 / weight.shape[-1] ** 0.5)
    return model.to("cuda" if torch.cuda.is_available() else "cpu").eval()


def _layers(model: Any) -> int:
    """Return how many first layers of a model include one layer of every kind."""
    config = model.config
    count = int(config.num_hidden_layers)
    stack = next((m for m in model.modules() if type(m).__name__ == "ModuleList" and len(m) == count), None)
    kinds = [tuple(type(part).__name__ for part in layer.modules()) for layer in stack] if stack is not None else []
    types = getattr(config, "layer_types", None) or []
    pairs = [(kinds[n] if kinds else (), types[n] if n < len(types) else "") for n in range(count)]
    return max(pairs.index(pair) for pair in pairs) + 1


def _cut(config: Any, layers: int) -> None:
    """Cut a configuration to its first ``layers`` layers."""
    all_layers = int(config.num_hidden_layers)
    for name, value in vars(config).copy().items():
        if "layer" in name and isinstance(value, list) and len(value) == all_layers:
            setattr(config, name, value[:layers])
    config.num_hidden_layers = layers


def _second_row(model: Any, first: int | None) -> Any:
    """Return the logits of a row, alone, or packed after the row generated from the number ``first``."""
    import torch
    from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

    generator = torch.Generator().manual_seed(7)
    vocabulary = int(model.config.get_text_config().vocab_size)
    row, *firsts = (torch.randint(0, vocabulary, (ROW,), generator=generator).tolist() for _ in range(3))
    rows = [row] if first is None else [firsts[first], row]
    tokens = [token for each in rows for token in each]
    collate = DataCollatorForLanguageModeling(pad_token_id=0, padding_free=True)
    batch = collate([{"input_ids": tokens, "labels": tokens, "seq_lengths": [ROW] * len(rows)}])
    del batch["labels"]
    batch = {name: value.to(model.device) if hasattr(value, "to") else value for name, value in batch.items()}
    with torch.no_grad():
        return model(**batch, use_cache=False).logits[0, -ROW:].float().cpu()
