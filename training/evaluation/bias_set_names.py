"""The names of the bias sets, in a module of their own: the command line offers them without loading the sets."""

from __future__ import annotations

from typing import Literal, get_args

SetName = Literal["bbq", "crows_pairs", "truthfulqa", "ethics", "toxigen"]
SETS: tuple[SetName, ...] = get_args(SetName)
LIKELIHOOD_ONLY: frozenset[SetName] = frozenset({"crows_pairs", "truthfulqa"})
