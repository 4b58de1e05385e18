"""Items that decontamination found in the rows of a training release, and scores with and without them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import polars as pl

from quality.key import key
from training.evaluation.benchmark_items import ItemSet
from training.evaluation.evaluation_record import LeakScores
from training.evaluation.item_results import ItemResult
from training.evaluation.score_items import group_by_item, mean_score


@dataclass(frozen=True, kw_only=True)
class KnownLeaks:
    """The benchmark items in the ledger of a release.

    ``checked`` are the ids of the items that its rows were compared with, ``leaked`` those that at least one row
    contained; such rows were dropped. ``whole`` is False where only the strongest match of each dropped row is known,
    so that further items may have leaked.
    """

    release: str
    checked: frozenset[str]
    leaked: frozenset[str]
    whole: bool


def question_keys(questions: Sequence[str]) -> list[str]:
    """Return questions in the form in which the same question of another edition is equal."""
    return (
        pl.DataFrame({"question": questions}, {"question": pl.String})
        .select(key(pl.col("question")))["question"]
        .to_list()
    )


def mark_leaks(
    item_set: ItemSet, results: Sequence[ItemResult], leaks: KnownLeaks, editions: Iterable[tuple[str, str]]
) -> list[ItemResult]:
    """Return the results with ``leaked``: True or False for items that were checked, None for the others.

    ``editions`` are (id, question) of items in other editions of the benchmark: where the release was compared with
    another edition, the same question has the same answer to whether it leaked.
    """
    others = list(editions)
    names = question_keys([question for _, question in others])
    leaked = {name for name, (id, _) in zip(names, others, strict=True) if id in leaks.leaked}
    checked = {name for name, (id, _) in zip(names, others, strict=True) if id in leaks.checked}
    own = question_keys([item.question for item in item_set.items])
    marks: dict[str, bool | None] = {}
    for item, name in zip(item_set.items, own, strict=True):
        if item.id in leaks.leaked or name in leaked:
            marks[item.id] = True
        else:
            marks[item.id] = False if item.id in leaks.checked or name in checked else None
    return [replace(one, leaked=marks[one.item]) for one in results]


def leak_scores(results: Sequence[ItemResult], leaks: KnownLeaks) -> LeakScores:
    """Return the score of the items that were found clean, found contaminated, and not checked."""
    parts = {
        name: group_by_item([one for one in results if one.leaked is mark])
        for name, mark in (("clean", False), ("contaminated", True), ("unchecked", None))
    }
    scores = {name: mean_score(part) if part else None for name, part in parts.items()}
    return LeakScores(release=leaks.release, whole=leaks.whole, **scores)


def joined_leaks(per_release: Sequence[KnownLeaks]) -> KnownLeaks:
    """Return what is known of a model trained on several releases: clean is what all of them checked and none had."""
    return KnownLeaks(
        release=", ".join(one.release for one in per_release),
        checked=frozenset.intersection(*(one.checked for one in per_release)),
        leaked=frozenset().union(*(one.leaked for one in per_release)),
        whole=all(one.whole for one in per_release),
    )
