"""Intervals, tests and calibration of scores: what a number is worth at this many items."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from math import ceil, exp, lgamma, log, sqrt
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synth.redteam.attack_success import wilson_bounds

CONFIDENCE = 0.95

RESAMPLES = 2000
"""Bootstrap samples by default."""

BINS = 10
"""Equal bins of confidence for the calibration error."""

POWER = 0.8

Floats = NDArray[np.float64]


class Interval(NamedTuple):
    """A value with the ends of its confidence interval."""

    value: float
    low: float
    high: float


def z_score(confidence: float) -> float:
    """Return the two-sided quantile of the normal distribution: 1.96 for 0.95."""
    return NormalDist().inv_cdf(0.5 + confidence / 2)


# --- shares and means ----------------------------------------------------------------------------------------------


def wilson(successes: float, n: int, confidence: float = CONFIDENCE) -> Interval:
    """Return a share with its Wilson score interval (Wilson 1927). ``ValueError`` without observations."""
    if n < 1 or not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n}, expected 1 observation at least and no more successes")
    low, high = wilson_bounds(successes, n, z_score(confidence))
    return Interval(successes / n, low, high)


def bootstrap_mean(
    values: ArrayLike,
    clusters: Sequence[Hashable] | None = None,
    *,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Return a mean with its percentile bootstrap interval.

    ``clusters`` names the group of each value, such as a shared vignette; whole groups are resampled then. Several
    samples of one item enter as their mean: resampled items carry the noise of their samples.
    """
    observed = np.asarray(values, dtype=np.float64)
    means = _bootstrap_means(observed, clusters, resamples, seed)
    return Interval(float(observed.mean()), *_percentiles(means, confidence))


def bootstrap_weighted(
    groups: Sequence[ArrayLike],
    weights: Sequence[float],
    *,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Return the weighted mean of the groups' means with its interval; each group is resampled by itself.

    Equal weights give a macro mean over benchmarks, their sizes a micro mean.
    """
    shares = np.asarray(weights, dtype=np.float64) / sum(weights)
    observed = [np.asarray(group, dtype=np.float64) for group in groups]
    means = np.zeros(resamples)
    for number, (group, share) in enumerate(zip(observed, shares, strict=True)):
        means += share * _bootstrap_means(group, None, resamples, seed + number)
    value = sum(float(share) * float(group.mean()) for group, share in zip(observed, shares, strict=True))
    return Interval(value, *_percentiles(means, confidence))


def _bootstrap_means(values: Floats, clusters: Sequence[Hashable] | None, resamples: int, seed: int) -> Floats:
    """Return the means of ``resamples`` bootstrap samples of values or of whole clusters."""
    if values.ndim != 1 or not len(values):
        raise ValueError(f"values have shape {values.shape}, expected one row with a value at least")
    sums: Floats = values
    sizes: Floats = np.ones(len(values))
    if clusters is not None:
        if len(clusters) != len(values):
            raise ValueError(f"{len(clusters)} clusters for {len(values)} values, expected one for each")
        numbers = {name: place for place, name in enumerate(dict.fromkeys(clusters))}
        places = np.array([numbers[name] for name in clusters])
        sums = np.bincount(places, values).astype(np.float64)
        sizes = np.bincount(places).astype(np.float64)
    rng = np.random.default_rng(seed)
    means = np.empty(resamples)
    block = max(1, 4_000_000 // len(sums))  # 32 MB of numbers at a time
    for start in range(0, resamples, block):
        sampled = rng.integers(0, len(sums), (min(block, resamples - start), len(sums)))
        means[start : start + block] = sums[sampled].sum(axis=1) / sizes[sampled].sum(axis=1)
    return means


def _percentiles(means: Floats, confidence: float) -> tuple[float, float]:
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


# --- two models on the same items ----------------------------------------------------------------------------------


class McNemar(NamedTuple):
    """Two-sided p-values of McNemar's test: exact, and with half the probability of the observed table (mid-p)."""

    exact: float
    mid: float


def mcnemar(only_first: int, only_second: int) -> McNemar:
    """Test whether two models are right equally often, by the items that only one of them has right."""
    n, fewer = only_first + only_second, min(only_first, only_second)
    if fewer < 0:
        raise ValueError(f"{only_first} and {only_second} items, expected counts from 0")
    if n == 0:
        return McNemar(1.0, 1.0)
    tail = sum(_binomial_half(n, k) for k in range(fewer + 1))
    observed = _binomial_half(n, fewer)
    return McNemar(min(1.0, 2 * tail), min(1.0, 2 * tail - observed))


def _binomial_half(n: int, k: int) -> float:
    """Return the probability of ``k`` heads in ``n`` throws of a fair coin."""
    return exp(lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) - n * log(2))


def paired_share_difference(
    both: int, only_first: int, only_second: int, neither: int, confidence: float = CONFIDENCE
) -> Interval:
    """Return the share of the second model minus that of the first, with Newcombe's score interval for pairs.

    Square-and-add of two Wilson intervals with their correlation (Newcombe 1998, Statistics in Medicine 17:2635,
    method 10), which keeps its coverage where few pairs differ.
    """
    n = both + only_first + only_second + neither
    first = wilson(both + only_first, n, confidence)
    second = wilson(both + only_second, n, confidence)
    product = float(both + only_first) * (only_second + neither) * (both + only_second) * (only_first + neither)
    excess = float(both) * neither - float(only_first) * only_second
    if excess > 0:  # the continuity correction of the paper, for positive correlations
        excess = max(excess - n / 2, 0.0)
    phi = excess / sqrt(product) if product else 0.0

    def spread(up: float, down: float) -> float:
        return sqrt(max(0.0, up * up - 2 * phi * up * down + down * down))

    value = second.value - first.value
    low = value - spread(second.value - second.low, first.high - first.value)
    high = value + spread(second.high - second.value, first.value - first.low)
    return Interval(value, low, high)


class PairedDifference(NamedTuple):
    """The mean of the second model's scores minus the first's, its bootstrap interval, and a two-sided p-value."""

    difference: Interval
    p: float


def paired_bootstrap(
    first: ArrayLike,
    second: ArrayLike,
    clusters: Sequence[Hashable] | None = None,
    *,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> PairedDifference:
    """Compare scores of two models on the same items, item by item in the same order."""
    one, other = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if one.shape != other.shape:
        raise ValueError(f"{len(one)} and {len(other)} scores, expected those of the same items")
    means = _bootstrap_means(other - one, clusters, resamples, seed)
    fewer = min(int((means <= 0).sum()), int((means >= 0).sum()))
    p = min(1.0, 2 * (fewer + 1) / (resamples + 1))
    return PairedDifference(Interval(float((other - one).mean()), *_percentiles(means, confidence)), p)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for several tests by Holm's step-down rule, in the given order."""
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = highest
    return adjusted


def smallest_detectable_difference(
    n: int, differing_share: float, *, confidence: float = CONFIDENCE, power: float = POWER
) -> float:
    """Return the least difference in accuracy that McNemar's test on ``n`` items shows with this power.

    ``differing_share`` is the share of items that only one of the models has right; models that differ by more than
    that differ on a larger share. Solves the sample size of Connor (1987, Biometrics 43:207) for the difference.
    """
    if n < 1 or not 0 <= differing_share <= 1:
        raise ValueError(f"{n} items of which {differing_share} differ, expected 1 at least and a share from 0 to 1")
    z_error, z_power = z_score(confidence), NormalDist().inv_cdf(power)
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        share = max(differing_share, middle)  # models that differ by d differ on a share d of items at least
        needed = (z_error * sqrt(share) + z_power * sqrt(max(0.0, share - middle * middle))) ** 2 / middle**2
        low, high = (low, middle) if needed <= n else (middle, high)
    return high


# --- calibration ---------------------------------------------------------------------------------------------------


class ReliabilityBin(NamedTuple):
    """Items of one bin of confidence: how many, their mean confidence, and the share that is right."""

    low: float
    high: float
    n: int
    confidence: float
    accuracy: float


def reliability_bins(confidences: ArrayLike, right: ArrayLike, bins: int = BINS) -> list[ReliabilityBin]:
    """Return the bins of equal width that have items, the highest of them closed at 1."""
    confidence, hits = _calibration_values(confidences, right)
    places = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    filled = []
    for place in range(bins):
        inside = places == place
        if inside.any():
            values = float(confidence[inside].mean()), float(hits[inside].mean())
            filled.append(ReliabilityBin(place / bins, (place + 1) / bins, int(inside.sum()), *values))
    return filled


def expected_calibration_error(confidences: ArrayLike, right: ArrayLike, bins: int = BINS) -> float:
    """Return the mean gap between confidence and accuracy over the bins, weighted by their items."""
    filled = reliability_bins(confidences, right, bins)
    return sum(one.n * abs(one.accuracy - one.confidence) for one in filled) / sum(one.n for one in filled)


def brier_score(confidences: ArrayLike, right: ArrayLike) -> float:
    """Return the mean squared gap between the confidence in the chosen answer and 1 if it is right, 0 if not."""
    confidence, hits = _calibration_values(confidences, right)
    return float(((confidence - hits) ** 2).mean())


class SelectivePoint(NamedTuple):
    """The accuracy on the share of items with the highest confidence, and the lowest confidence among them."""

    coverage: float
    accuracy: float
    confidence: float


COVERAGES = (0.1, 0.25, 0.5, 0.75, 0.9, 1.0)


def selective_accuracy(
    confidences: ArrayLike, right: ArrayLike, coverages: Sequence[float] = COVERAGES
) -> list[SelectivePoint]:
    """Return the accuracy at several coverages; items of equal confidence count with their mean accuracy."""
    confidence, hits = _calibration_values(confidences, right)
    order = np.argsort(-confidence, kind="stable")
    ranked, cumulative = confidence[order], np.cumsum(_tied_means(confidence[order], hits[order]))
    points = []
    for coverage in coverages:
        count = max(1, ceil(coverage * len(ranked) - 1e-9))
        points.append(SelectivePoint(coverage, float(cumulative[count - 1]) / count, float(ranked[count - 1])))
    return points


def risk_coverage_area(confidences: ArrayLike, right: ArrayLike) -> float:
    """Return the area under the curve of error against coverage (AURC); lower is better."""
    confidence, hits = _calibration_values(confidences, right)
    order = np.argsort(-confidence, kind="stable")
    cumulative = np.cumsum(_tied_means(confidence[order], hits[order]))
    return float((1 - cumulative / np.arange(1, len(hits) + 1)).mean())


def _tied_means(confidence: Floats, hits: Floats) -> Floats:
    """Return for each item the mean of ``hits`` over the items of the same confidence, so that order is irrelevant."""
    _, places, counts = np.unique(confidence, return_inverse=True, return_counts=True)
    return (np.bincount(places, hits) / counts)[places]


def _calibration_values(confidences: ArrayLike, right: ArrayLike) -> tuple[Floats, Floats]:
    confidence, hits = np.asarray(confidences, dtype=np.float64), np.asarray(right, dtype=np.float64)
    if confidence.shape != hits.shape or confidence.ndim != 1 or not len(hits):
        raise ValueError(f"{confidence.shape} confidences for {hits.shape} answers, expected one for each of 1 or more")
    if not ((confidence >= 0) & (confidence <= 1)).all():
        raise ValueError("a confidence is outside of 0 to 1, expected probabilities")
    return confidence, hits


# --- agreement -----------------------------------------------------------------------------------------------------


class Agreement(NamedTuple):
    """How far two raters agree: the share, by chance, Cohen's kappa, and the share of each label by each rater.

    ``kappa`` is None where both use one and the same label, so that chance explains all. It is low at a rare label in
    spite of a high share: read it with the base rates.
    """

    n: int
    share: Interval
    chance: float
    kappa: float | None
    base_rates: dict[str, tuple[float, float]]


def cohen_kappa(first: Sequence[str], second: Sequence[str]) -> Agreement:
    """Return the agreement of two raters on the same items (Cohen 1960)."""
    if len(first) != len(second) or not first:
        raise ValueError(f"{len(first)} and {len(second)} labels, expected as many of both, 1 at least")
    n = len(first)
    base_rates = {label: (list(first).count(label) / n, list(second).count(label) / n) for label in {*first, *second}}
    share = wilson(sum(one == other for one, other in zip(first, second, strict=True)), n)
    chance = sum(one * other for one, other in base_rates.values())
    kappa = None if chance >= 1 - 1e-12 else (share.value - chance) / (1 - chance)
    return Agreement(n, share, chance, kappa, dict(sorted(base_rates.items())))


def fleiss_kappa(labels: Sequence[Sequence[str]]) -> float | None:
    """Return the agreement of several raters beyond chance, one sequence of labels an item (Fleiss 1971).

    None without an item, or where all labels are one, so that chance explains all. Raises ``ValueError`` unless every
    item has as many labels, 2 at least.
    """
    if not labels:
        return None
    raters = len(labels[0])
    if raters < 2 or any(len(item) != raters for item in labels):
        raise ValueError(
            f"{sorted({len(item) for item in labels})} labels an item, expected as many of each, 2 or more"
        )
    counts = [Counter(item) for item in labels]
    agreed = [sum(n * (n - 1) for n in item.values()) / (raters * (raters - 1)) for item in counts]
    totals = sum(counts, Counter[str]())
    chance = sum((n / (raters * len(labels))) ** 2 for n in totals.values())
    return None if chance >= 1 - 1e-12 else (sum(agreed) / len(labels) - chance) / (1 - chance)
