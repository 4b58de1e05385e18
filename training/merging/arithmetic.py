"""The formulas of merging, each in float32 and a span at a time.

Where a method needs norms, angles or thresholds of the whole tensor, it computes them first and returns a ``Formula``,
which gives the merged numbers of a span in an array that the thread's next span overwrites. Sums over a tensor are in
float64, span by span in order, so that the number of threads changes nothing. Formulas and defaults are those of
mergekit 0.1.5, which departs from the papers in places; ``rescaling: probability`` follows the papers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.merging.kernels import add_agreeing, divide, dots
from training.merging.number_types import F32, Span
from training.merging.sparsify import Sparsifier, any_of, largest, norm_kept, nothing, rather_larger, whole
from training.merging.tensor import Merging
from training.training_errors import MergeError

Formula = Callable[[Span], F32]
Parameters = Mapping[str, Any]
Sparsify = Callable[[Merging, int, Parameters, Parameters], Sparsifier]

ALMOST_PARALLEL = 0.9995
NO_LENGTH = 1e-8
NO_ANGLE = 1e-6


# --- averages ------------------------------------------------------------------------------------------------------


def linear(work: Merging, own: Sequence[Parameters], shared: Parameters) -> Formula:
    """Return Σ w·θ, divided by Σ w with ``normalize`` (model soups, arXiv 2203.05482)."""
    weights = [each["weight"] for each in own]
    if shared["normalize"]:
        total = math.fsum(weights)
        if abs(total) < NO_LENGTH:
            raise MergeError(
                f"the weights of {work.name} add up to {total:g}, expected another sum than 0: "
                "change a weight, or set normalize: false"
            )
        weights = [weight / total for weight in weights]
    return lambda span: _weighted(work, span, weights)


def _weighted(work: Merging, span: Span, weights: Sequence[float]) -> F32:
    """Return the weighted sum of the models' numbers."""
    total, part = work.room(span, "total"), work.room(span, "part")
    for n, (model, weight) in enumerate(zip(work.models, weights, strict=True)):
        numbers = model.into(span, part if n else total)
        numbers *= np.float32(weight)
        if n:
            total += part
    return total


def slerp(work: Merging, own: Sequence[Parameters], shared: Parameters) -> Formula:
    """Return the spherical interpolation from the base to the other model by ``t``.

    Where both point in almost the same or opposite directions (|cos| above 0.9995), or one is zero, it is linear.
    """

    def products(span: Span) -> NDArray[np.float64]:
        a, b = work.start(span), work.models[0].into(span, work.room(span, "part"))
        return np.array([_dot(a, a), _dot(b, b), _dot(a, b)])

    aa, bb, ab = sum(work.each(products), np.zeros(3))
    lengths = math.sqrt(aa) * math.sqrt(bb)
    cosine = min(1.0, max(-1.0, ab / lengths)) if lengths > NO_LENGTH**2 else 1.0
    first, second = _arc(cosine, shared["t"])

    def formula(span: Span) -> F32:
        a, b = work.start(span), work.models[0].into(span, work.room(span, "part"))
        a *= first
        b *= second
        a += b
        return a

    return formula


def _dot(a: F32, b: F32) -> float:
    product = np.zeros(1)
    dots(a, b, len(a), product)
    return float(product[0])


def _arc(cosine: float, amount: float) -> tuple[np.float32, np.float32]:
    """Return the factors of both ends."""
    if abs(cosine) > ALMOST_PARALLEL:
        return np.float32(1 - amount), np.float32(amount)
    angle = math.acos(cosine)
    first, second = math.sin((1 - amount) * angle), math.sin(amount * angle)
    return np.float32(first / math.sin(angle)), np.float32(second / math.sin(angle))


def model_stock(work: Merging, own: Sequence[Parameters], shared: Parameters) -> Formula:
    """Return the base and the models' mean, mixed by the angle between the models' differences (arXiv 2403.19522).

    There is one angle for the tensor or, with ``filter_wise``, one for each row.
    """
    if shared["filter_wise"]:
        return lambda span: _stocked(work, span, _share(_pairs(work, span, by_row=True)))
    share = _share(sum(work.each(lambda span: _pairs(work, span, by_row=False)), np.zeros(())))
    return lambda span: _stocked(work, span, share)


def _pairs(work: Merging, span: Span, by_row: bool) -> NDArray[np.float64]:
    """Return the dot products of the models' differences: models × models × rows, or × 1 for all rows together."""
    count, length = len(work.models), span.last - span.first
    deltas = work.scratch.floats("deltas", count * length).reshape(count, length)
    for n in range(count):
        work.delta(n, span, deltas[n])
    products = np.zeros((count, count, length // work.columns if by_row else 1))
    for a in range(count):
        for b in range(a + 1):
            dots(deltas[a], deltas[b], work.columns, products[a, b])
    return products


def _share(pairs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean's share for each row; 0 where the differences cancel out, which leaves the base."""
    count = len(pairs)
    lengths = [np.sqrt(pairs[n, n]) for n in range(count)]
    cosines = [
        np.clip(pairs[a, b] / np.maximum(lengths[a] * lengths[b], NO_ANGLE), -1, 1)
        for a in range(count)
        for b in range(a)
    ]
    cosine = np.mean(cosines, axis=0)
    below = 1 + (count - 1) * cosine
    alone = np.abs(below) < NO_ANGLE
    return np.where(alone, 0, count * cosine / np.where(alone, 1, below))


def _stocked(work: Merging, span: Span, share: NDArray[np.float64]) -> F32:
    count = len(work.models)
    mean = _weighted(work, span, [1 / count] * count).reshape(-1, work.columns)
    start = work.start(span).reshape(-1, work.columns)
    mean *= share.astype(np.float32)[:, None]
    start *= (1 - share).astype(np.float32)[:, None]
    mean += start
    return mean.reshape(-1)


# --- differences from a base ---------------------------------------------------------------------------------------


def _differences(
    work: Merging, own: Sequence[Parameters], shared: Parameters, *, sparsify: Sparsify | None, agreeing: bool
) -> Formula:
    """Return θ_base + λ Σ w·s(δ), with ``agreeing`` only over entries that agree in sign with the weighted sum.

    With ``normalize`` the sum is divided by the sum of its weights.
    """
    ways = [_sparsifier(work, n, each, shared, sparsify) for n, each in enumerate(own)]
    weights = np.array([each["weight"] for each in own], dtype=np.float32)
    whole_weight = np.array([math.fsum(weights)], dtype=np.float32)
    scale, normalize = np.float32(shared["lambda"]), shared["normalize"]

    def formula(span: Span) -> F32:
        deltas = work.scratch.floats("deltas", len(ways) * (span.last - span.first)).reshape(len(ways), -1)
        for n, way in enumerate(ways):
            way(span, work.delta(n, span, deltas[n]))
            deltas[n] *= weights[n]
        mixed = work.room(span, "total")
        _summed(deltas, mixed)
        divisor = _elected(work, span, deltas, weights, mixed) if agreeing else whole_weight
        if normalize:
            divide(mixed, divisor)
        mixed *= scale
        mixed += work.start(span)
        return mixed

    return formula


def _summed(deltas: F32, total: F32) -> None:
    """Add up all entries."""
    total[:] = deltas[0]
    for delta in deltas[1:]:
        total += delta


def _elected(work: Merging, span: Span, deltas: F32, weights: F32, total: F32) -> F32:
    """Replace ``total`` by the sum of the entries that agree with its sign; return the sum of their weights."""
    chosen, divisor = work.room(span, "chosen"), work.room(span, "divisor")
    chosen[:] = 0
    divisor[:] = 0
    for delta, weight in zip(deltas, weights, strict=True):
        add_agreeing(delta, weight, total, chosen, divisor)
    total[:] = chosen
    return divisor


def _sparsifier(
    work: Merging, model: int, own: Parameters, shared: Parameters, sparsify: Sparsify | None
) -> Sparsifier:
    """Return the function that sparsifies a model's difference, scaled as configured."""
    if sparsify is None or own["density"] >= 1:
        return whole
    if own["density"] <= 0:
        return nothing
    way = sparsify(work, model, own, shared)
    if shared["rescale"] and not _by_probability(shared):
        return norm_kept(work, model, way)
    return way


def _by_probability(shared: Parameters) -> bool:
    return bool(shared["rescale"] and shared.get("rescaling") == "probability")


def _largest(work: Merging, model: int, own: Parameters, shared: Parameters) -> Sparsifier:
    return largest(work, model, own["density"])


def _any_of(work: Merging, model: int, own: Parameters, shared: Parameters) -> Sparsifier:
    return any_of(work, model, own["density"], _by_probability(shared))


def _rather_larger(work: Merging, model: int, own: Parameters, shared: Parameters) -> Sparsifier:
    return rather_larger(work, model, own["density"], own["epsilon"], _by_probability(shared))


FORMULAS: dict[str, Callable[[Merging, Sequence[Parameters], Parameters], Formula]] = {
    "linear": linear,
    "slerp": slerp,
    "task_arithmetic": partial(_differences, sparsify=None, agreeing=False),
    "ties": partial(_differences, sparsify=_largest, agreeing=True),
    "dare_ties": partial(_differences, sparsify=_any_of, agreeing=True),
    "dare_linear": partial(_differences, sparsify=_any_of, agreeing=False),
    "della": partial(_differences, sparsify=_rather_larger, agreeing=True),
    "della_linear": partial(_differences, sparsify=_rather_larger, agreeing=False),
    "model_stock": model_stock,
}
"""Every method of ``training.merging.methods`` as a function of a tensor, the parameters of its models and its own."""
