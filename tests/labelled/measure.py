"""How the rules do on the labelled sets, kind by kind, both halves: ``python tests/labelled/measure.py [SET …]``.

The rules were changed with the tune half in view; the held half was read for the first time by this script.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl

FOLDER = Path(__file__).parent
sys.path[:0] = [str(FOLDER), str(FOLDER.parent), str(FOLDER.parents[1])]

Row = dict[str, Any]
Results = Iterator[tuple[str, bool]]
"""A kind of row, and whether its outcome is right."""


def read(name: str, half: str) -> list[Row]:
    return [json.loads(line) for line in (FOLDER / f"{name}.{half}.jsonl").read_text("utf-8").splitlines()]


def answers(half: str) -> Results:
    from synth.answers.extractor import extract

    for one in read("answers", half):
        several = isinstance(one["reading"], list)
        verdict = extract(one["output"], one["options"], several=several)
        positions = sorted(verdict.positions)
        expected = sorted(one["reading"]) if several else [] if one["reading"] is None else [one["reading"]]
        outcome = "right" if positions == expected else "unread" if not positions else "misread"
        yield one["kind"], outcome == "right"
        yield f"all: {outcome}", True


def cleaning(half: str) -> Results:
    from test_cleaning_labels import cleaned

    labels = read("cleaning", half)
    for one, out in zip(labels, cleaned(labels), strict=True):
        kept = all(part in out for part in one["must_keep"])
        yield "all: content kept", kept
        some = all(any(form in out for form in forms) for forms in one.get("keep_any", ()))
        gone = not any(part in out for part in one["must_go"])
        yield one["kind"], kept and some and gone and one.get("expected", out).strip() == out.strip()


def rules(half: str) -> Results:
    from rows import row, table

    from quality.cleaning.clean import Clean, clean

    labels = read("rules", half)
    rows = [
        row(f"label:{n}", **{name: tuple(v) if isinstance(v, list) else v for name, v in one["row"].items()})
        for n, one in enumerate(labels)
    ]
    for one, drop in zip(labels, clean(table(*rows), Clean()).rows["drop_reason"], strict=True):
        yield f"{'keep' if one['keep'] else 'drop'}: {one['kind']}", (drop is None) == one["keep"]


def near_duplicates(half: str) -> Results:
    from quality.duplicates.near_duplicates import deduplicate

    for one in read("near_duplicates", half):
        rows = pl.DataFrame([{"id": "a", **one["a"]}, {"id": "b", **one["b"]}])
        same = deduplicate(rows, text=["question", "answer"], id="id").found.clusters.height == 2
        yield f"{'copy' if one['duplicate'] else 'other'}: {one['kind']}", same == one["duplicate"]


def leaks(half: str) -> Results:
    from quality.decontamination.find_leaks import Decontaminate, find_leaks
    from quality.decontamination.inputs import ITEM_SCHEMA, find_roles, text_rows
    from quality.decontamination.item_index import build_index

    rows = read("leaks", half)
    items = {one["item"]["id"]: one["item"] for one in rows}
    table = [
        ("set", key, item["question"], item["options"], item["options"][item["gold"][0]], item.get("long_answer"), None,
         item.get("context"))
        for key, item in items.items()
    ]  # fmt: skip
    index = build_index(pl.DataFrame(table, schema=ITEM_SCHEMA, orient="row"))
    for one in rows:
        frame = pl.DataFrame([one["row"]])
        roles = find_roles(frame.schema, {})
        others = [name for name in frame.columns if all(name not in names for names in roles.values())]
        pairs = find_leaks(text_rows(frame, others, roles=roles), index, Decontaminate(), workers=1)
        flagged = one["item"]["id"] in pairs["item"]
        yield f"{'leak' if one['leak'] else 'none'}: {one['kind']}", flagged == one["leak"]


def privacy(half: str) -> Results:
    import make_privacy
    import make_privacy_held

    rows = make_privacy.make_rows(*((make_privacy.TUNE, 1) if half == "tune" else (make_privacy_held.HELD, 2)))
    return personal_data([one for one in rows if not one["invented"]])


def names(half: str) -> Results:
    rows = read("names", half)
    for kind, fully_found in personal_data(rows):
        yield kind, fully_found
    for lang in sorted({one["lang"] for one in rows}):
        for kind, fully_found in personal_data([one for one in rows if one["lang"] == lang and one["spans"]]):
            yield f"{kind}: {lang}", fully_found


def personal_data(rows: list[Row]) -> Results:
    """Yield for every personal datum whether all of it is found, and for every text without any whether it is left."""
    from test_privacy import covered

    from quality.privacy.redaction import Privacy, find

    spans_by_row = defaultdict(list)
    texts = pl.Series([one["text"] for one in rows])
    for number, start, end in find(texts, Privacy()).select("row", "start", "end").rows():
        spans_by_row[number].append((start, end))
    for number, one in enumerate(rows):
        yield from ((kind, fully_found) for kind, fully_found in covered(one, spans_by_row.get(number, [])))
        if not one["spans"]:
            yield "no personal data", number not in spans_by_row


SETS: dict[str, Callable[[str], Results]] = {
    one.__name__: one for one in (answers, cleaning, rules, near_duplicates, leaks, privacy, names)
}


def main() -> None:
    for name in sys.argv[1:] or SETS:
        table: dict[str, dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
        for half in ("tune", "held"):
            for kind, good in SETS[name](half):
                table[kind][half].append(good)
        print(f"\n{name}: right of all, tune and held")
        for kind, halves in sorted(table.items()):
            print(f"  {kind:45}", *(f"{sum(halves[half]):5} of {len(halves[half]):<5}" for half in ("tune", "held")))


if __name__ == "__main__":
    main()
