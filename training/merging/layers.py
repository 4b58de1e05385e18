"""The layer of a tensor, and the parameters that apply to it there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from training.merging.merge_config import MergeConfig, Settings, Slice, setting
from training.merging.methods import REQUIRED
from training.merging.vocabulary import EMBEDDING
from training.training_errors import MergeConfigError

LAYER = re.compile(r"^(?P<stack>(?:.*?\.)?(?:layers|h|blocks|block))\.(?P<number>\d+)\.")


class Layers:
    """The layers of a merge: the slice and the values that apply to each tensor."""

    def __init__(self, merge: MergeConfig, names: Sequence[str]) -> None:
        self._merge = merge
        self._counts: dict[str, int] = {}
        for name in names:
            if match := LAYER.match(name):
                stack, number = match["stack"], int(match["number"])
                self._counts[stack] = max(self._counts.get(stack, 0), number + 1)
        self._names = names
        self._check_slices()
        self._check_gradients()

    def parameters(self, name: str) -> tuple[tuple[dict[str, Any], ...], dict[str, Any]]:
        """Return the parameters of each model and the shared ones; the narrower scope of the file has priority."""
        piece, depth = self._place(name)
        method = self._merge.rules
        by_model = {source.model: source.parameters for source in piece.sources}
        wide = (piece.parameters, self._merge.parameters)
        own = tuple(
            {
                key: self._value(key, default, name, depth, (by_model[model], *wide), model)
                for key, default in method.own.items()
            }
            for model in self._merge.models
        )
        shared = {key: self._value(key, default, name, depth, wide, None) for key, default in method.shared.items()}
        return own, shared

    def unused(self) -> list[str]:
        """Return a note for every filter that matches no tensor's name."""
        scopes = [self._merge.parameters, *(piece.parameters for piece in self._merge.slices)]
        scopes += [source.parameters for piece in self._merge.slices for source in piece.sources]
        filters = {rule.filter for scope in scopes for rules in scope.values() for rule in rules if rule.filter}
        return [
            f"the filter {f!r} is in no tensor's name" for f in sorted(filters) if not any(f in n for n in self._names)
        ]

    def _value(
        self, key: str, default: Any, name: str, depth: float, scopes: Sequence[Settings], model: str | None
    ) -> Any:
        for scope in scopes:
            if key in scope and (value := setting(scope[key], name, depth)) is not None:
                return value
        if default is REQUIRED:
            where = f"of {model} " if model else ""
            raise MergeConfigError(f"{key} {where}is missing for {name}, expected a number, or a rule without a filter")
        return default

    def _place(self, name: str) -> tuple[Slice, float]:
        """Return a tensor's slice and its depth there: 0 for tensors outside all layers, as in mergekit."""
        slices = self._merge.slices
        match = LAYER.match(name)
        if not match:
            return slices[0 if EMBEDDING.search(name) else -1], 0.0
        number, count = int(match["number"]), self._counts[match["stack"]]
        piece = next(s for s in slices if s.first is None or s.first <= number < (s.last or count))
        first, last = piece.first or 0, piece.last or count
        return piece, (number - first) / (last - first - 1) if last - first > 1 else 1.0

    def _check_slices(self) -> None:
        if self._merge.slices[0].first is None:
            return
        if len(set(self._counts.values())) != 1:
            raise MergeConfigError(
                f"slices need one stack of layers, and the models have {len(self._counts)}: use models"
            )
        (count,) = set(self._counts.values())
        edges = [0, *(piece.last for piece in self._merge.slices)]
        starts = [piece.first for piece in self._merge.slices]
        if starts != edges[:-1] or edges[-1] != count:
            ranges = ", ".join(f"[{piece.first}, {piece.last}]" for piece in self._merge.slices)
            raise MergeConfigError(
                f"slices take the layers {ranges}, expected all {count} once and in order: layers are merged where "
                "they stand; to stack or leave out layers use mergekit's passthrough"
            )

    def _check_gradients(self) -> None:
        for piece in self._merge.slices:
            count = (piece.last or max(self._counts.values(), default=1)) - (piece.first or 0)
            for scope in (self._merge.parameters, piece.parameters, *(source.parameters for source in piece.sources)):
                for key, rules in scope.items():
                    for rule in rules:
                        if isinstance(rule.value, tuple) and len(rule.value) > count:
                            raise MergeConfigError(
                                f"{key} has {len(rule.value)} values for {count} layers, expected 1 to {count}: "
                                "they are spread over the layers, with linear interpolation"
                            )
