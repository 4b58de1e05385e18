"""Cleaning and the rules on labelled texts that they were not written for (``tests/labelled``), kind by kind.

A failure lists the kinds with their counts. The floors hold for each half; no text with content may lose any of it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from rows import row, table

from quality.clean import Clean, clean
from quality.normalise import Normalise, normalise

LABELLED = Path(__file__).parent / "labelled"
HALVES = ("tune", "held")
FLOORS = {"cleaning": 0.9, "rules": 0.9}
KIND_FLOOR = 0.5


def labelled(kind: str, half: str) -> list[dict[str, Any]]:
    path = LABELLED / f"{kind}.{half}.jsonl"
    if not path.exists():
        pytest.skip(f"{path.name} is not there")
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def check_floors(kind: str, right: list[tuple[str, bool]]) -> None:
    """Fail, with the counts of every kind, where all together or one of them is below its floor."""
    counts: dict[str, list[bool]] = defaultdict(list)
    for name, good in right:
        counts[name].append(good)
    report = {name: f"{sum(good)}/{len(good)}" for name, good in sorted(counts.items())}
    share = sum(good for _, good in right) / len(right)
    print(f"{kind}: {share:.3f}", report)
    assert share >= FLOORS[kind], report
    assert all(sum(good) >= KIND_FLOOR * len(good) for good in counts.values()), report


def cleaned(labels: list[dict[str, Any]]) -> list[str]:
    given = table(*(row(f"label:{n}", answer=label["text"]) for n, label in enumerate(labels)))
    return normalise(given, Normalise())[0]["answer"].to_list()


@pytest.mark.parametrize("half", HALVES)
def test_cleaning_takes_what_must_go_and_leaves_the_rest(half):
    labels = labelled("cleaning", half)

    def right(label: dict[str, Any], out: str) -> bool:
        stays = all(part in out for part in label["must_keep"])
        gone = not any(part in out for part in label["must_go"])
        some = all(any(form in out for form in forms) for forms in label.get("keep_any", ()))
        return stays and gone and some and label.get("expected", out).strip() == out.strip()

    check_floors(
        "cleaning", [(label["kind"], right(label, out)) for label, out in zip(labels, cleaned(labels), strict=True)]
    )


def test_no_labelled_text_loses_content():
    labels = labelled("cleaning", "tune")
    lost = [
        (label["id"], part)
        for label, out in zip(labels, cleaned(labels), strict=True)
        for part in label["must_keep"]
        if part not in out
    ]
    assert lost == []


@pytest.mark.parametrize("half", HALVES)
def test_rules_drop_bad_rows_and_keep_good_ones(half):
    labels = labelled("rules", half)
    given = []
    for n, label in enumerate(labels):
        fields = {name: tuple(v) if isinstance(v, list) else v for name, v in label["row"].items()}
        given.append(row(f"label:{n}", **fields))
    drops = clean(table(*given), Clean()).rows["drop"]
    right = [(label["kind"], (drop is None) == label["keep"]) for label, drop in zip(labels, drops, strict=True)]
    check_floors("rules", right)
