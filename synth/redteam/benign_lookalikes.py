"""Benign questions that look like attacks, which a model should answer."""

from __future__ import annotations

from functools import cache

import orjson
import polars as pl

from quality.key import key
from sources.table import SCHEMA, to_json
from synth.prompting import prompt_files
from synth.redteam.attacks import ATTACK_SCHEMA, FOLDER, Attacks, held_out

SOURCE = "look_alikes"
LICENSE = "Apache-2.0"
FILE = f"{FOLDER}/look_alikes.jsonl"
OPENINGS, MARKS = f"{FOLDER}/openings.txt", f"{FOLDER}/refusal_marks.txt"


def benign_lookalikes(config: Attacks, test_topics: frozenset[str] = frozenset()) -> pl.DataFrame:
    """Return the look-alikes in the form of attacks (``ATTACK_SCHEMA``), of style ``look_alikes``.

    Those of ``test_topics`` are held out, as are ``config.test_requests`` of all.
    """
    entries = [orjson.loads(line) for line in prompt_files.lines(FILE)]
    ids = [f"{SOURCE}:{number}" for number in range(1, len(entries) + 1)]
    held_out_ids = held_out(ids, config.test_requests, config.seed)
    rows = []
    for number, (id, entry) in enumerate(zip(ids, entries, strict=True), 1):
        by = ["topic"] * (entry["topic"] in test_topics) + ["request"] * (id in held_out_ids)
        rows.append(_row(id, number, entry["topic"], entry["prompt"], by))
    return pl.DataFrame(rows, ATTACK_SCHEMA)


def _row(id: str, line: int, topic: str, prompt: str, held_out_by: list[str]) -> dict[str, object]:
    facts = {"base": id, "topic": topic, "style": SOURCE, "side": "test" if held_out_by else "train"}
    record = {
        **dict.fromkeys(SCHEMA),
        "id": id,
        "source": SOURCE,
        "license": LICENSE,
        "task": "safety",
        "lang": "en",
        "split": "train",
        "file": FILE,
        "line": line,
        "messages": [{"role": "user", "content": prompt}],
        "options": [],
        "gold": [],
        "meta": to_json({"attack": facts}),
    }
    return {**record, **facts, "request": prompt, "family": SOURCE, "held_out_by": ",".join(held_out_by) or None}


def declines(text: str) -> bool:
    """Return whether a reply begins with a known refusal; other and later refusals are missed."""
    return f"{_keys((text[:200],))[0]} ".startswith(_known_refusals())


@cache
def _known_refusals() -> tuple[str, ...]:
    return tuple(f"{mark} " for mark in _keys((*prompt_files.lines(OPENINGS), *prompt_files.lines(MARKS))))


def _keys(texts: tuple[str, ...]) -> list[str]:
    return pl.DataFrame({"text": texts}).select(key(pl.col("text"))).to_series().to_list()
