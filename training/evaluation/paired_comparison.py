"""Two or more models on the same items: the first against each of the others, set by set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

import numpy as np
from pydantic import BaseModel, ConfigDict

from sources.errors import SabilaError
from training.evaluation.evaluation_record import BenchmarkFacts, BenchmarkScore, EvaluationRecord, Score, Settings
from training.evaluation.item_results import NO_ANSWER, ItemResult
from training.evaluation.score_items import ACCURACY, mean_score
from training.evaluation.statistics import (
    CONFIDENCE,
    POWER,
    holm,
    mcnemar,
    paired_bootstrap,
    paired_share_difference,
    smallest_detectable_difference,
    z_score,
)

ALL = "all accuracy sets"
"""The row over the items of all benchmarks that are scored by accuracy."""

CLEAN = ", clean items"
"""Ends the name of the row over the items that decontamination found in no training release of the models."""

SAME = ("mode", "scoring", "strategy", "temperature", "max_tokens")
"""Settings without which two scores measure different things."""


class ComparisonError(SabilaError):
    """Results that cannot be compared: other prompts, other settings, no common item."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PairedScore(_Part):
    """Two models on the common items of one benchmark.

    ``difference`` is the second model's score minus the first's, with its 95% interval. ``p`` is of McNemar's exact
    test where every item is right or not, else of a paired bootstrap; ``p_holm`` is adjusted over all benchmarks and
    models of the comparison. ``smallest_detectable`` is the least difference that so many items show with power 0.8.
    ``won`` are the items that only the second model has right, ``lost`` those that only the first has.
    ``left_out`` are items that only one of the results has.
    """

    benchmark: str
    metric: str
    first: str
    second: str
    items: int
    left_out: int
    first_score: Score
    second_score: Score
    difference: Score
    test: str
    p: float
    p_holm: float | None
    smallest_detectable: float
    both: int
    neither: int
    won: list[str]
    lost: list[str]
    no_answer: tuple[int, int]


class Comparison(_Part):
    """The first model against each of the others. ``notes`` say what was not compared, and why."""

    models: list[str]
    revisions: list[str]
    pairs: list[PairedScore]
    notes: list[str]


@dataclass(frozen=True, kw_only=True)
class Evaluated:
    """Results that are compared: their record, their items, and the name under which they are shown."""

    name: str
    record: EvaluationRecord
    items: Sequence[ItemResult]


def compare(results: Sequence[Evaluated], *, across_settings: bool = False) -> Comparison:
    """Compare the first results with each of the others on the items that both have.

    Raises ``ComparisonError`` for other settings or prompts, unless ``across_settings``, for other files of a
    benchmark, and where nothing can be compared.
    """
    if len(results) < 2:
        raise ComparisonError(f"{len(results)} results, expected two or more: the base model's first")
    base, pairs, notes = results[0], [], []
    for other in results[1:]:
        differing = _settings_that_differ(base.record.settings, other.record.settings)
        if differing and not across_settings:
            raise ComparisonError(
                f"{base.name} and {other.name} were evaluated with other settings ({'; '.join(differing)}), so that a "
                "difference would not be the models': evaluate again, or compare with --across-settings"
            )
        compared, comparison_notes = _compare_two(base, other, across_settings)
        pairs += compared
        notes += [*comparison_notes, *(f"{base.name} and {other.name} differ in {one}" for one in differing)]
    if not pairs:
        raise ComparisonError(f"nothing can be compared: {'; '.join(notes) or 'the results share no benchmark'}")
    return Comparison(
        models=[one.name for one in results],
        revisions=[one.record.model.revision for one in results],
        pairs=_adjusted(pairs),
        notes=notes,
    )


def _settings_that_differ(first: Settings, second: Settings) -> list[str]:
    values = ((name, getattr(first, name), getattr(second, name)) for name in SAME)
    return [f"{name} {_shown(one)} and {_shown(other)}" for name, one, other in values if one != other]


def _shown(value: object) -> object:
    """Return a setting as a message has it: of a part its name."""
    return getattr(value, "name", value)


def _compare_two(base: Evaluated, other: Evaluated, across_settings: bool) -> tuple[list[PairedScore], list[str]]:
    """Return the pairs of two results, the one over all benchmarks last, and what was not compared."""
    pairs: list[PairedScore] = []
    pooled: list[tuple[list[ItemResult], list[ItemResult]]] = []
    firsts = {score.facts.name: score for score in base.record.benchmarks}
    seconds = {score.facts.name: score for score in other.record.benchmarks}
    notes = [
        f"{name} was evaluated for {(base if name in firsts else other).name} alone"
        for name in sorted(firsts.keys() ^ seconds.keys())
    ]
    for name in (name for name in firsts if name in seconds):
        one, two = firsts[name], seconds[name]
        reason = _not_the_same(one.facts, two.facts, across_settings) or _other_judge(one, two, across_settings)
        if reason:
            raise ComparisonError(f"{name} of {base.name} and of {other.name} cannot be compared: {reason}")
        common, left_out = _common(base.items, other.items, name)
        if not common:
            notes.append(f"{base.name} and {other.name} have no item of {name} in common, in the same order of options")
            continue
        if left_out:
            notes.append(
                f"{name}: compared on {len(common):,} common items; {left_out:,} are in one of the results alone, or "
                "in other orders of their options"
            )
        pairs.append(_paired(name, one.metric, base.name, other.name, common, left_out))
        clean = [pair for pair in common if _is_clean(pair)]
        if 0 < len(clean) < len(common):
            pairs.append(_paired(f"{name}{CLEAN}", one.metric, base.name, other.name, clean, 0))
        if one.metric == ACCURACY:
            pooled += common
    full_sets = [pair for pair in pairs if pair.metric == ACCURACY and not pair.benchmark.endswith(CLEAN)]
    if len(full_sets) > 1:
        left_out = sum(pair.left_out for pair in full_sets)
        pairs.append(_paired(ALL, ACCURACY, base.name, other.name, pooled, left_out))
    return pairs, notes


def _is_clean(pair: tuple[list[ItemResult], list[ItemResult]]) -> bool:
    """Return whether an item was checked for leaks for one of the models and found for neither."""
    marks = [one.leaked for ones in pair for one in ones]
    return False in marks and True not in marks


def _not_the_same(first: BenchmarkFacts, second: BenchmarkFacts, across_settings: bool) -> str | None:
    """Return why the scores of two results are not of the same questions, None if they are."""
    if first.prompt_hash != second.prompt_hash and not across_settings:
        return (
            f"the prompts differ ({first.prompt} {first.prompt_hash}, {second.prompt} {second.prompt_hash}); evaluate "
            "again with one version, or compare with --across-settings"
        )
    if first.items_hash != second.items_hash and (first.corpus, first.files) != (second.corpus, second.files):
        return f"the items were read from other files ({first.corpus}, {second.corpus}); evaluate both on one of them"
    return None


def _other_judge(first: BenchmarkScore, second: BenchmarkScore, across_settings: bool) -> str | None:
    """Return why the scores of open answers are of two kinds, None if one judge or none gave both."""
    judges = [
        "no judge" if one.judge is None else f"{one.judge.name} at {one.judge.revision}, prompt {one.judge.prompt_hash}"
        for one in (first, second)
    ]
    if judges[0] == judges[1] or (across_settings and first.metric == second.metric):
        return None
    return f"they were scored by {judges[0]} and by {judges[1]}; evaluate both with one --judge"


def _common(
    first: Sequence[ItemResult], second: Sequence[ItemResult], benchmark: str
) -> tuple[list[tuple[list[ItemResult], list[ItemResult]]], int]:
    """Return the results of each item in the orders and samples that both have, and how many items have none."""

    def by_key(results: Sequence[ItemResult]) -> dict[tuple[str, tuple[int, ...], int], ItemResult]:
        return {
            (one.item, one.shown, one.sample): one
            for one in results
            if one.benchmark == benchmark and one.verdict != "unjudged"
        }

    ones, twos = by_key(first), by_key(second)
    common: dict[str, tuple[list[ItemResult], list[ItemResult]]] = {}
    for key in sorted(ones.keys() & twos.keys()):
        pair = common.setdefault(key[0], ([], []))
        pair[0].append(ones[key])
        pair[1].append(twos[key])
    every = {key[0] for key in (*ones, *twos)}
    return list(common.values()), len(every) - len(common)


def _paired(
    benchmark: str,
    metric: str,
    first: str,
    second: str,
    common: Sequence[tuple[list[ItemResult], list[ItemResult]]],
    left_out: int,
) -> PairedScore:
    one = np.array([np.mean([result.credit for result in ones]) for ones, _ in common])
    two = np.array([np.mean([result.credit for result in twos]) for _, twos in common])
    names = [ones[0].item for ones, _ in common]
    clusters = [ones[0].cluster or ones[0].item for ones, _ in common]
    n = len(common)
    won = [name for name, gained in zip(names, two > one, strict=True) if gained]
    lost = [name for name, worse in zip(names, one > two, strict=True) if worse]
    both, neither = int(((one == 1) & (two == 1)).sum()), int(((one == 0) & (two == 0)).sum())
    binary = metric == ACCURACY and bool(np.isin([one, two], (0.0, 1.0)).all()) and len(set(clusters)) == n
    if binary:
        difference = paired_share_difference(both, len(lost), len(won), neither)
        p, test = mcnemar(len(lost), len(won)).exact, "McNemar, exact"
        detectable = smallest_detectable_difference(n, (len(won) + len(lost)) / n)
    else:
        bootstrap = paired_bootstrap(one, two, clusters)
        difference, p, test = bootstrap.difference, bootstrap.p, "paired bootstrap"
        detectable = (z_score(CONFIDENCE) + NormalDist().inv_cdf(POWER)) * float((two - one).std()) / sqrt(n)
    return PairedScore(
        benchmark=benchmark,
        metric=metric,
        first=first,
        second=second,
        items=n,
        left_out=left_out,
        first_score=_score([ones for ones, _ in common]),
        second_score=_score([twos for _, twos in common]),
        difference=Score.of(difference, n),
        test=test,
        p=p,
        p_holm=None,
        smallest_detectable=detectable,
        both=both,
        neither=neither,
        won=won,
        lost=lost,
        no_answer=(_no_answers([ones for ones, _ in common]), _no_answers([twos for _, twos in common])),
    )


def _score(results: Sequence[list[ItemResult]]) -> Score:
    return mean_score({ones[0].item: ones for ones in results})


def _no_answers(results: Sequence[list[ItemResult]]) -> int:
    return sum(one.verdict in NO_ANSWER for ones in results for one in ones)


def _adjusted(pairs: Sequence[PairedScore]) -> list[PairedScore]:
    """Return the pairs with p-values adjusted by Holm; rows over several sets or a part of one are no further tests."""
    single = [_is_test(pair) for pair in pairs]
    adjusted = iter(holm([pair.p for pair, counts in zip(pairs, single, strict=True) if counts]))
    return [
        pair.model_copy(update={"p_holm": next(adjusted)}) if counts else pair
        for pair, counts in zip(pairs, single, strict=True)
    ]


def _is_test(pair: PairedScore) -> bool:
    return pair.benchmark != ALL and not pair.benchmark.endswith(CLEAN)
