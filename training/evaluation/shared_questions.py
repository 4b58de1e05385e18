"""Questions that several of the evaluated benchmarks have, so that their scores are not taken for independent ones."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from sources.overlaps.shared_items import shared_among
from training.evaluation.benchmark_items import ItemSet
from training.evaluation.known_leaks import question_keys


def shared_question_notes(sets: Sequence[ItemSet]) -> list[str]:
    """Return one line for each pair of benchmarks with equal questions, or that the catalog says share some."""
    keys = {item_set.name: question_keys([item.question for item in item_set.items]) for item_set in sets}
    notes = []
    paired = set()
    for one, other in combinations(keys, 2):
        in_one, in_other = set(keys[one]), set(keys[other])
        if in_one & in_other:
            paired.add(frozenset((one, other)))
            counts = [sum(key in in_one & in_other for key in keys[name]) for name in (one, other)]
            notes.append(
                f"{one} and {other} share questions, {counts[0]:,} of {len(keys[one]):,} and {counts[1]:,} of "
                f"{len(keys[other]):,}: their scores are not independent"
            )
    names = {name.partition(":")[0]: name for name in keys}
    for rule, others in shared_among(names.keys()):
        for other in others:
            if frozenset((names[rule.hold_out], names[other])) not in paired:
                notes.append(f"{names[rule.hold_out]} and {names[other]} are known to share questions: {rule.what}")
    return notes
