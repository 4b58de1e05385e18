"""MedMisBench (Zhou et al. 2026): questions of five benchmarks, with a misleading statement for each wrong option.

``answer`` is a letter or a number from 1; ``opa``, ``opb``, … are the options and ``injecta``, ``injectb``, … the
statements. An item shows one statement for a wrong option, chosen by a hash; ``medmisbench_plain`` asks the same
questions without it, and the difference of the two is what the paper reports.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import GoldColumn, SchemaReading
from sources.shapes.row_shapes import jsonl, mcq
from sources.source import Benchmark, Raw

EMPTY = frozenset({"", "nan", '"'})
LISTED = re.compile(r"\(([A-Z]|\d{1,2})\)\s*(.*?)(?=\s*\((?:[A-Z]|\d{1,2})\)\s|\s*$)", re.DOTALL)
"""Options that are part of the question, "(A) first (B) second", where a row has no columns for them."""

LETTERS = "abcdefghijklmnopqrst"

SUBSETS = ("MEDMISQA", "MEDMISMCQA", "MEDMISXPERTQA", "MEDMISJOURNEY", "MEDMISHLE")


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one question into a draft with one misleading statement as its context."""
    question, options, gold, wrong = _content(raw.value)
    statements = {place: text for place, text in wrong.items() if place != gold}
    if not statements:
        raise ValueError("no misleading statement for a wrong option, expected one at least")
    id = f"{file.name.partition('.')[0]}-{raw.value['id']}"
    place = sorted(statements)[int(sha256(id.encode()).hexdigest(), 16) % len(statements)]
    meta = {**_meta(raw.value, file), "misled_to": place}
    return mcq(id, question, options, gold, context=statements[place], meta=meta)


def parse_plain(raw: Raw, file: RawFile) -> Draft:
    """Turn one question into a draft without any statement."""
    question, options, gold, _ = _content(raw.value)
    return mcq(f"{file.name.partition('.')[0]}-{raw.value['id']}", question, options, gold, meta=_meta(raw.value, file))


def _content(row: Mapping[str, Any]) -> tuple[str, list[str], int, dict[int, str]]:
    """Return question, options, the right one, and the statements by option."""
    question, options = row["question"], _listed(row, "op")
    if not options:
        found = list(LISTED.finditer(question))
        question = question[: found[0].start()].rstrip() if found else question
        options = {place: one[2].strip() for place, one in enumerate(found)}
    answer = str(row["answer"]).strip()
    gold = int(answer) - 1 if answer.isdigit() else LETTERS.index(answer.lower())
    places = {place: number for number, place in enumerate(options)}
    if gold not in places:
        raise ValueError(f"answer is {answer!r}, expected one of {len(options)} options")
    statements = {places[place]: text for place, text in _listed(row, "inject").items() if place in places}
    return question, list(options.values()), places[gold], statements


def _listed(row: Mapping[str, Any], start: str) -> dict[int, str]:
    values = [row.get(f"{start}{letter}") for letter in LETTERS]
    return {place: str(text).strip() for place, text in enumerate(values) if str(text or "").strip() not in EMPTY}


def _meta(row: Mapping[str, Any], file: RawFile) -> dict[str, Any]:
    names = ("injection_content", "injection_provenance")
    return {"set": file.name.partition(".")[0], **{name: row.get(name) for name in names}}


def option_count(row: Mapping[str, Any]) -> int:
    """Return how many options have a column of their own in a row."""
    return len(_listed(row, "op"))


MEDMISBENCH = Benchmark(
    name="medmisbench",
    title="MedMisBench, a misleading statement",
    home="hf://datasets/HongjianZhou/MedMisBench",
    license="LicenseRef-unknown",
    license_read="not read: README of AI-in-Health/MedMisBench states none and asks for evaluation only",
    task="mcqa",
    lang="en",
    folder="medmisbench",
    files={"test": tuple(f"{name}.jsonl" for name in SUBSETS)},
    columns={
        "id": "any",
        "question": "text",
        "answer": "any",
        **{f"op{letter}": "any*" for letter in LETTERS},
        **{f"inject{letter}": "any*" for letter in LETTERS},
        "injection_content": "text*",
        "injection_provenance": "text*",
    },
    gold=GoldColumn(name="answer", base=1, options=option_count),
    rows=jsonl,
    parse=parse,
    published_rows=10_932,
    subset_field="set",
    likelihood_prompt="listed_choice",
    schema_read=(
        SchemaReading(
            checked=("columns", "gold"),
            where="AI-in-Health/MedMisBench: medmisbench_no_harness_eval.ipynb",
            result="agrees; the files' names were not read",
        ),
    ),
)

MEDMISBENCH_PLAIN = replace(
    MEDMISBENCH,
    name="medmisbench_plain",
    title="MedMisBench, the questions alone",
    parse=parse_plain,
    variant_of="medmisbench",
)
