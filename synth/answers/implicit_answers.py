"""Implicit answers, not called the answer by the text: "B is correct", "this suggests B", "she needs B"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from synth.answers.explicit_answers import Cues, FoundAnswer, answer_after, answer_before, cues_of, last_cues
from synth.answers.model_output import BREAK, AnswerText
from synth.answers.option_reading import OptionPatterns, Reading, named, read

LINE = re.compile(r"^[^\w\n]*(?=\w).*$", re.MULTILINE)
CELL = re.compile(r"\|| (?=[✓✔✅☑✗✘❌✖☒])")
TICKS, CROSSES = "✓✔✅☑", "✗✘❌✖☒"

WEAK_FORMS = ("pointed", "fitting")
"""Forms that count only where no later words favour another option."""


def implicit_answer(question: OptionPatterns, text: AnswerText, lang: str, form: str) -> FoundAnswer | None:
    """Return the last answer of an implicit form, marked as several where its answers differ."""
    answers = list(_implicit_answers(question, text, cues_of(lang), form))
    if question.several and form == "held" and answers:
        return _united(answers)
    if len({answer.reading.positions for answer in answers if answer.reading}) > 1 and answers[0].reading:
        return replace(answers[0], reading=replace(answers[0].reading, fault="several"))
    # An option named by its text need not be meant as the answer.
    by_text = bool(answers and answers[0].reading and answers[0].reading.matched_by == "text")
    if not answers or (by_text and not _undisputed(question, text, cues_of(lang), answers[0])):
        return None
    return answers[0]


def _united(answers: list[FoundAnswer]) -> FoundAnswer:
    """Return one answer with all options that a text calls right one by one."""
    read = [answer.reading for answer in answers if answer.reading]
    positions = tuple(sorted({place for reading in read for place in reading.positions}))
    fault = next((reading.fault for reading in read if reading.fault), None)
    return replace(answers[0], reading=replace(read[0], positions=positions, fault=fault))


def final_implicit_answer(question: OptionPatterns, text: AnswerText, lang: str) -> FoundAnswer | None:
    """Return the answer on which the weakest forms agree: what findings point to, what fits or is needed.

    None where they differ, where an answer has a condition, or where later words reverse it or favour another.
    """
    cues = cues_of(lang)
    answers = [
        answer
        for form in WEAK_FORMS
        for answer in _implicit_answers(question, text, cues, form)
        if _ends(text, cues, answer)
    ]
    read = {answer.reading.positions for answer in answers if answer.reading and not answer.reading.fault}
    if len(read) != 1 or any(answer.reading and answer.reading.fault for answer in answers):
        return None
    last = max(answers, key=lambda answer: answer.offset)
    return last if _undisputed(question, text, cues, last) else None


def only_named(question: OptionPatterns, text: AnswerText, lang: str) -> FoundAnswer | None:
    """Return the one option that a text names, where its last sentence ends in it: "The drug is naproxen."."""
    cues = cues_of(lang)
    start, stop = text.last_sentence()
    if question.decision or cues.unsure.search(text.folded, start, stop) or cues.supposed.match(text.folded, start):
        return None
    own = question.words
    turned = re.compile(rf"\b(?:{own.qualified}|{own.wrong}|{own.not_}|{own.shunned})\b")
    for cue in last_cues(cues.states, text):
        if cue.start() <= start or turned.search(text.folded, start, cue.start()):
            continue
        answer = answer_after(question, text, cues, cue, "named")
        if (
            answer is None
            or answer.reading is None
            or answer.reading.fault
            or text.folded[answer.end : stop].strip(" .!)")
        ):
            continue
        return answer if named(question, text, 0, stop) <= set(answer.reading.positions) else None
    return None


def _implicit_answers(question: OptionPatterns, text: AnswerText, cues: Cues, form: str) -> Iterator[FoundAnswer]:
    """Yield the answers of a form, the last first."""
    pattern = {
        "headed": cues.verdict,
        "held": cues.held,
        "it": cues.it_is,
        "pointed": cues.points,
        "fitting": cues.fits,
    }[form]
    read_answer = answer_before if form in ("held", "fitting") else answer_after
    for cue in last_cues(pattern, text):
        if _supposed(text, cues, cue.start(), form):
            continue
        answer = read_answer(question, text, cues, cue, form)
        if answer and (form != "it" or _ends(text, cues, answer)):
            yield answer if read_answer is answer_after else replace(answer, upto=cue.end())


def _supposed(text: AnswerText, cues: Cues, at: int, form: str) -> bool:
    """Return whether the answer at ``at`` has an "if" or is only possible: "this may suggest"."""
    before = text.folded[text.sentence(at)[0] : at]
    unsure = form in WEAK_FORMS and cues.unsure.search(cues.clause.sub("", before))
    return bool(unsure or cues.supposed.match(before))


def _ends(text: AnswerText, cues: Cues, answer: FoundAnswer) -> bool:
    """Return whether a clause ends after the answer, so that no condition follows."""
    return text.folded[answer.end - 1] in ".:)]" or bool(cues.clause_end.match(text.folded, answer.end))


def _undisputed(question: OptionPatterns, text: AnswerText, cues: Cues, answer: FoundAnswer) -> bool:
    """Return whether no later words reverse the answer or name another option without rejecting it."""
    positions = set(answer.reading.positions) if answer.reading else set()
    start = answer.end
    for stop in [*(end.start() for end in BREAK.finditer(text.folded, start)), len(text.folded)]:
        others = named(question, text, start, stop) - positions
        if cues.contrast.search(text.folded, start, stop):
            return False
        if others and not cues.denies.search(text.folded, start, stop):
            return False
        start = stop
    return True


# --- lists that judge the options one by one: "A - wrong", "B: correct", "| C | no |", "D ✗" ------------------------


def judged_options(question: OptionPatterns, text: AnswerText) -> FoundAnswer | None:
    """Return the options that a list calls right: it judges every option once, and one as right unless ``several``."""
    table = replace(text, cased=CELL.sub(",", text.cased), folded=CELL.sub(",", text.folded))
    verdicts: dict[int, tuple[bool, Reading]] = {}
    for line in LINE.finditer(table.folded):
        item = _judged_item(question, table, *line.span())
        if item is None:
            continue
        position = item[1].positions[0]
        if position in verdicts:
            return None
        verdicts[position] = item
    right = [reading for good, reading in verdicts.values() if good]
    if not right or len(verdicts) < len(question.labels) or (len(right) > 1 and not question.several):
        return None
    positions = tuple(sorted(reading.positions[0] for reading in right))
    return FoundAnswer(form="judged", offset=right[-1].start, reading=replace(right[-1], positions=positions))


def _judged_item(question: OptionPatterns, text: AnswerText, start: int, stop: int) -> tuple[bool, Reading] | None:
    """Return an item of a list and whether it is called right; None for a line that judges no option."""
    begins = re.compile(r"[^\w\n(]*").match(text.folded, start, stop)
    reading = read(question, text, begins.end() if begins else start, stop)
    if reading is None or reading.fault or len(reading.positions) != 1:
        return None
    own = question.words
    right = rf"(?:^|[-–—:(,])\W*(?:{own.right})\b"
    wrong = rf"\b(?:{own.wrong}|{own.not_}|{own.less}|{own.shunned})\b"
    verdict = re.search(rf"(?P<good>[{TICKS}]|{right})|[{CROSSES}]|{wrong}", text.folded[reading.end : stop])
    return (bool(verdict["good"]), reading) if verdict else None
