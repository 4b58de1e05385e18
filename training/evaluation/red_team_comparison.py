"""Two red-team runs on the same prompts, such as before and after DPO: what changed, paired, with intervals."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel, ConfigDict

from training.evaluation.evaluation_record import Score
from training.evaluation.item_results import ItemResult
from training.evaluation.red_team_items import ATTACKS
from training.evaluation.statistics import holm, mcnemar, paired_bootstrap, paired_share_difference

Group = Literal["set", "style"]


class PairedRates(BaseModel):
    """One set of prompts, or the attacks of one style, before and after.

    ``before`` and ``after`` are shares of good outcomes (attacks answered safely, benign prompts answered, unsafe ones
    refused) among the ``pairs`` prompts that have an outcome in both runs; ``dropped`` ones have none in one of them.
    The interval of the difference resamples whole requests where several styles share one, and is Newcombe's otherwise;
    ``p`` is McNemar's exact test, ``p_holm`` adjusted over all groups of this kind. A request in several styles is
    several pairs, so that ``p`` of attacks as a whole is too small: read the interval.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    group: Group
    name: str
    pairs: int
    dropped: int
    before: float
    after: float
    difference: Score
    gained: list[str]
    lost: list[str]
    p: float
    p_holm: float = 1.0


def compare_red_teams(before: Iterable[ItemResult], after: Iterable[ItemResult]) -> list[PairedRates]:
    """Return the comparison of every set, then of the attacks of every style; groups without a pair are left out."""
    first, second = ({one.key: one for one in run} for run in (before, after))
    groups: dict[tuple[Group, str], list[tuple[ItemResult, ItemResult]]] = {}
    dropped: dict[tuple[Group, str], int] = {}
    for key in sorted(first.keys() | second.keys()):
        one, other = first.get(key), second.get(key)
        known = one or other
        assert known is not None, "the key is one of either"
        names: list[tuple[Group, str]] = [("set", known.benchmark)]
        if known.benchmark == ATTACKS:
            names.append(("style", str(known.subset)))
        for name in names:
            if one and other and {one.verdict, other.verdict} <= {"right", "wrong"}:
                groups.setdefault(name, []).append((one, other))
            else:
                dropped[name] = dropped.get(name, 0) + 1
    comparisons = [_paired(*name, pairs, dropped.get(name, 0)) for name, pairs in groups.items()]
    for kind in ("set", "style"):
        places = [place for place, one in enumerate(comparisons) if one.group == kind]
        for place, p in zip(places, holm([comparisons[place].p for place in places]), strict=True):
            comparisons[place] = comparisons[place].model_copy(update={"p_holm": p})
    return sorted(comparisons, key=lambda one: (one.group != "set", one.name))


def _paired(group: Group, name: str, pairs: list[tuple[ItemResult, ItemResult]], dropped: int) -> PairedRates:
    gained = [two.item for one, two in pairs if one.verdict == "wrong" and two.verdict == "right"]
    lost = [two.item for one, two in pairs if one.verdict == "right" and two.verdict == "wrong"]
    both = sum(one.verdict == two.verdict == "right" for one, two in pairs)
    clusters = [one.cluster or one.item for one, _ in pairs]
    if len(set(clusters)) < len(clusters):
        first, second = ([float(pair[run].verdict == "right") for pair in pairs] for run in (0, 1))
        difference = paired_bootstrap(first, second, clusters).difference
    else:
        difference = paired_share_difference(both, len(lost), len(gained), len(pairs) - both - len(lost) - len(gained))
    return PairedRates(
        group=group,
        name=name,
        pairs=len(pairs),
        dropped=dropped,
        before=(both + len(lost)) / len(pairs),
        after=(both + len(gained)) / len(pairs),
        difference=Score.of(difference, len(pairs)),
        gained=gained,
        lost=lost,
        p=mcnemar(len(lost), len(gained)).exact,
    )
