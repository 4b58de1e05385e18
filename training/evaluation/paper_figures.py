"""Further figures that papers of benchmarks report besides their score, each with its interval and what it means.

A corpus names those it wants in ``Benchmark.figures``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from sources.shapes.benchmark_shapes import DOUBTED_SIGN
from synth.prompting.option_orders import keeps_place
from training.evaluation.benchmark_items import ItemSet
from training.evaluation.evaluation_record import Figure, Score
from training.evaluation.item_results import NO_ANSWER, Item, ItemResult
from training.evaluation.rubric_grading import clipped
from training.evaluation.statistics import RESAMPLES, Interval, bootstrap_mean

Answers = Sequence[tuple[Item, ItemResult]]
"""Items with their results, in the source's order of the options."""

WRONG_POINTS = -0.25
"""Points of Med-HALT for a wrong answer."""

HALLUCINATED = 1
"""The option of MedHallu that calls an answer hallucinated."""

LENGTH_CENTER, LENGTH_PENALTY = 2000, 2.94e-5
"""Characters of a reply without penalty, and the penalty of each further one, in HealthBench Professional."""


def paper_figures(item_set: ItemSet, results: Sequence[ItemResult]) -> list[Figure]:
    """Return the figures that a benchmark's corpus names."""
    items = {item.id: item for item in item_set.items}
    answers = [(items[one.item], one) for one in results if one.verdict != "unjudged" and not one.order]
    return [figure for name in item_set.corpus.figures for figure in FIGURES[name](answers)]


def _share(name: str, hits: Sequence[bool], meaning: str) -> Figure:
    return Figure(name=name, score=Score.share(sum(hits), len(hits)), meaning=meaning)


def _mean(name: str, values: Sequence[float], meaning: str) -> Figure:
    return Figure(name=name, score=Score.mean(values), meaning=meaning)


def _pointwise(answers: Answers) -> list[Figure]:
    points = [{"right": 1.0, "wrong": WRONG_POINTS}.get(one.verdict, 0.0) for _, one in answers]
    meaning = "Med-HALT's pointwise score: 1 for a right answer, -0.25 for a wrong one, 0 for none"
    return [_mean("pointwise", points, meaning)]


def _abstention(answers: Answers) -> list[Figure]:
    answerable = [one.verdict == "abstained" for item, one in answers if not set(item.gold) & set(item.abstain)]
    unanswerable = [one.verdict == "right" for item, one in answers if set(item.gold) & set(item.abstain)]
    none = [one.verdict == "right" for item, one in answers if any(keeps_place(item.options[at]) for at in item.gold)]
    figures = [
        _share("abstained", answerable, "questions with an answer where the model says that it does not know"),
        _share("unanswerable found", unanswerable, "questions without an answer where it says so (recall)"),
        _share("none of the above found", none, "questions where none of the options is right and it says so (recall)"),
    ]
    return [figure for figure in figures if figure.score]  # a set may have no question of a kind


def _detection(answers: Answers) -> list[Figure]:
    decided = [(item, one) for item, one in answers if one.verdict not in NO_ANSWER]
    predicted = np.array([HALLUCINATED in one.chosen for _, one in decided], bool)
    true = np.array([HALLUCINATED in item.gold for item, _ in decided], bool)
    about = "of calling answers hallucinated, over the answers that decide: MedHallu's metric"
    f1 = Score.of(_f1_interval(predicted, true), len(decided)) if predicted.any() and true.any() else None
    return [
        _share("precision", true[predicted].tolist(), f"precision {about}"),
        _share("recall", predicted[true].tolist(), f"recall {about}"),
        Figure(name="f1", score=f1, meaning=f"F1 {about}"),
    ]


def _f1_interval(predicted: NDArray[np.bool_], true: NDArray[np.bool_]) -> Interval:
    """Return F1 with its interval, over resampled items."""

    def f1(places: NDArray[np.int64]) -> float:
        both = predicted[places].sum() + true[places].sum()
        return 2 * float((predicted & true)[places].sum()) / both if both else 0.0

    rng = np.random.default_rng(0)
    resampled = [f1(rng.integers(0, len(predicted), len(predicted))) for _ in range(RESAMPLES)]
    low, high = np.quantile(resampled, [0.025, 0.975])
    return Interval(f1(np.arange(len(predicted))), float(low), float(high))


def _error_detection(answers: Answers) -> list[Figure]:
    flags = [one.verdict not in NO_ANSWER and bool(one.chosen) == bool(item.gold) for item, one in answers]
    corrected = [one.overlap[0] for item, one in answers if item.gold and one.overlap]
    return [
        _share("error flag accuracy", flags, "notes rightly called wrong or correct, whatever sentence is named"),
        _mean(
            "correction rouge_1",
            corrected,
            "ROUGE-1 of corrections, over wrong notes that were corrected; MEDEC averages it with BERTScore and "
            "BLEURT, which are not measured here",
        ),
    ]


def _length_adjusted(answers: Answers) -> list[Figure]:
    scores = [
        one.credit - LENGTH_PENALTY * (len(one.text or "") - LENGTH_CENTER)
        for _, one in answers
        if one.verdict == "scored" and one.how == "rubric"
    ]
    meaning = "score less 0.0294 for every 1,000 characters over 2,000, as HealthBench Professional reports it"
    return [_mean("length adjusted", scores, meaning)]


def _doubted_signs(answers: Answers) -> list[Figure]:
    scored = [(item, one) for item, one in answers if one.verdict == "scored" and one.how == "rubric"]
    kept = [
        one.credit for item, one in scored if not any(DOUBTED_SIGN in criterion.tags for criterion in item.criteria)
    ]
    if len(kept) == len(scored):
        return []
    score = clipped(Score.of(bootstrap_mean(kept), len(kept))) if kept else None
    meaning = f"score without {len(scored) - len(kept)} conversations that have a criterion reported as of wrong sign"
    return [Figure(name="without doubted signs", score=score, meaning=meaning)]


FIGURES: dict[str, Callable[[Answers], list[Figure]]] = {
    "pointwise": _pointwise,
    "abstention": _abstention,
    "detection": _detection,
    "error_detection": _error_detection,
    "length_adjusted": _length_adjusted,
    "doubted_signs": _doubted_signs,
}
"""Figures by the name in ``Benchmark.figures``."""
