"""Lists that judge the options one by one: "A - wrong", "B: correct", "| C | no |", "D ✗"."""

from __future__ import annotations

import re
from dataclasses import replace

from synth.answers.explicit_answers import FoundAnswer
from synth.answers.model_output import AnswerText
from synth.answers.option_reading import Reading, ShownOption, read

LINE = re.compile(r"^[^\w\n]*(?=\w).*$", re.MULTILINE)
CELL = re.compile(r"\|| (?=[✓✔✅☑✗✘❌✖☒])")
TICKS, CROSSES = "✓✔✅☑", "✗✘❌✖☒"


def judged(question: ShownOption, text: AnswerText) -> FoundAnswer | None:
    """Return the options that a list calls right: it judges every option once, and one as right unless ``several``."""
    table = replace(text, cased=CELL.sub(",", text.cased), folded=CELL.sub(",", text.folded))
    verdicts: dict[int, tuple[bool, Reading]] = {}
    for line in LINE.finditer(table.folded):
        item = _judged(question, table, *line.span())
        if item is None:
            continue
        position = item[1].found[0]
        if position in verdicts:
            return None
        verdicts[position] = item
    right = [reading for good, reading in verdicts.values() if good]
    if not right or len(verdicts) < len(question.labels) or (len(right) > 1 and not question.several):
        return None
    found = tuple(sorted(reading.found[0] for reading in right))
    return FoundAnswer(form="judged", at=right[-1].start, reading=replace(right[-1], found=found))


def _judged(question: ShownOption, text: AnswerText, start: int, stop: int) -> tuple[bool, Reading] | None:
    """Return an item of a list and whether it is called right; None for a line that judges no option."""
    begins = re.compile(r"[^\w\n(]*").match(text.folded, start, stop)
    reading = read(question, text, begins.end() if begins else start, stop)
    if reading is None or reading.fault or len(reading.found) != 1:
        return None
    own = question.words
    right = rf"(?:^|[-–—:(,])\W*(?:{own.right})\b"
    wrong = rf"\b(?:{own.wrong}|{own.not_}|{own.less}|{own.shunned})\b"
    verdict = re.search(rf"(?P<good>[{TICKS}]|{right})|[{CROSSES}]|{wrong}", text.folded[reading.end : stop])
    return (bool(verdict["good"]), reading) if verdict else None
