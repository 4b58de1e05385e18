"""The methods of merging: requirements, parameters and their defaults, which are mergekit's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["number", "switch", "rescaling"]

KINDS: dict[str, Kind] = {
    "weight": "number",
    "density": "number",
    "epsilon": "number",
    "lambda": "number",
    "t": "number",
    "normalize": "switch",
    "rescale": "switch",
    "int8_mask": "switch",
    "filter_wise": "switch",
    "rescaling": "rescaling",
}

RESCALINGS = ("norm", "probability")
"""How entries left by a random drop are scaled up: ``norm`` restores the sum of magnitudes (mergekit), ``probability``
divides every entry by its probability of being kept (the papers).
"""

REQUIRED = object()
"""Replaces a default: the configuration must give the value."""


@dataclass(frozen=True, kw_only=True)
class Method:
    """A method: ``own`` are the parameters of each model, ``shared`` those of a tensor; ``least`` and ``most`` count
    models besides the base, or all where there is none.
    """

    paper: str
    needs_base: bool = True
    least: int = 1
    most: int | None = None
    own: Mapping[str, Any] = field(default_factory=dict)
    shared: Mapping[str, Any] = field(default_factory=dict)

    @property
    def parameters(self) -> list[str]:
        """Names of all parameters."""
        return sorted({*self.own, *self.shared})


def _delta(paper: str, *, normalize: bool, shared: Mapping[str, Any] | None = None, **own: Any) -> Method:
    always = {"lambda": 1.0, "normalize": normalize, "int8_mask": False}
    return Method(paper=paper, own={"weight": REQUIRED, **own}, shared={**always, **(shared or {})})


DROPS = {"rescale": True, "rescaling": "norm"}

METHODS: dict[str, Method] = {
    "linear": Method(paper="arXiv 2203.05482", needs_base=False, own={"weight": REQUIRED}, shared={"normalize": True}),
    "slerp": Method(paper="Shoemake 1985", most=1, shared={"t": REQUIRED}),
    "task_arithmetic": _delta("arXiv 2212.04089", normalize=False),
    "ties": _delta("arXiv 2306.01708", normalize=True, shared={"rescale": False}, density=1.0),
    "dare_ties": _delta("arXiv 2311.03099", normalize=False, shared=DROPS, density=1.0),
    "dare_linear": _delta("arXiv 2311.03099", normalize=False, shared=DROPS, density=1.0),
    "della": _delta("arXiv 2406.11617", normalize=True, shared=DROPS, density=1.0, epsilon=0.15),
    "della_linear": _delta("arXiv 2406.11617", normalize=False, shared=DROPS, density=1.0, epsilon=0.15),
    "model_stock": Method(paper="arXiv 2403.19522", least=2, shared={"filter_wise": False}),
}
