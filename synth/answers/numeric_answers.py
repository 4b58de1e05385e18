"""The number, date or gestational age that a reply gives as its answer, and whether it lies between an item's limits.

The last place that calls something the answer counts: a line ``Answer: …``, a boxed or tagged text, "the answer is".
Without one, a reply of a single line with one number is the answer. Whatever else is unread, never a value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction

from sources.shapes.benchmark_shapes import NumberType
from synth.answers.extractor import Outcome
from synth.answers.model_output import AnswerText, answer_text

CUE = re.compile(
    r"⟦(?P<boxed>[^⟧\n]*)⟧|\"answer\"\s*:\s*\"?(?P<json>[^\",}\n]+)"
    r"|\b(?:final |correct |exact |calculated )?(?:answer|result)(?: (?:is|would be|equals)|\s*[:=])[ :]*"
)
"""What calls something the answer; its words follow on the same line, or else on the next one."""

NUMBER = re.compile(
    r"(?<![\w.])[-+−]?(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+,\d{1,2}(?!\d)|\d*\.\d+|\d+)"
    r"(?:\s?(?:[x×]\s?10\^?\(?|e)(?P<power>[-+−]?\d{1,2})\)?)?(?!\d|\.\d|e[-+]?\d)(?P<percent>\s?%)?"
)
UNITS = re.compile(
    r"(?:/|\bper )\s?1\.73\s?m\^?[²2]?|\b[a-zµμ]{1,6}\^?-?[²³23]\b|/\s?10\^?\d+|\b10\^?\d{1,2}/\s?[µμ]?l\b"
    r"|\b(?:co2|h2o|spo2|pao2|fio2|hba1c|b12|sp02)\b|\([^()\n]*\)"
)
"""Numbers in units and brackets, which are no values."""

OF = re.compile(r"(?<=\d)\s?(?:out of|/|of)\s?\d+(?:\s?(?:points?|criteria))?")
"""The highest value of a score: "3 out of 9"."""

EQUALS = re.compile(r"[=≈]")
"""Of a calculation, what follows its last equals sign is the value."""

HEDGE = re.compile(
    r"\d\s?%?\s?(?:-|–|to|or|and)\s?\d|\bbetween\b|\bnot\b|\bcannot\b|\bunknown\b"
    r"|[<>≤≥]\s?\d|\b(?:less|lower|fewer|more|greater|higher) than\b|\bat (?:least|most)\b"
    r"|\d\s?(?:thousand|million|billion)\b"
)
"""A range, a limit, several values, a number in words, and answers that are none."""

WEEKS = re.compile(
    r"(?P<weeks>\d{1,2})\s?['\"]?\s?(?:weeks?|wks?|w)(?![a-z])[,\s'\"]*(?:and|&|\+)?[\s'\"]*"
    r"(?:(?P<days>\d)\s?['\"]?\s?(?:days?|d)\b)?"
    r"|\(\s?(?P<w>\d{1,2})\s?,\s?(?P<d>\d)\s?\)|(?P<wk>\d{1,2})\s?\+\s?(?P<dy>\d)\b"
)
DATES = (
    re.compile(r"(?<!\d)(?P<m>\d{1,2})[/-](?P<d>\d{1,2})[/-](?P<y>\d{4})(?!\d)"),
    re.compile(r"(?<!\d)(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})(?!\d)"),
)
SPELLED = (
    (re.compile(r"\b[a-z]{3,9}\.? \d{1,2}(?:st|nd|rd|th)?,? \d{4}\b"), ("%B %d %Y", "%b %d %Y")),
    (re.compile(r"\b\d{1,2}(?:st|nd|rd|th)?(?: of)? [a-z]{3,9}\.?,? \d{4}\b"), ("%d %B %Y", "%d %b %Y")),
)


@dataclass(frozen=True, kw_only=True)
class NumberAnswer:
    """What a reply says: ``value`` is a number, a date or days, None unless it was parsed.

    ``how`` names the form and the words that were read, or the reason why nothing was. ``percent`` is True where the
    number has a percent sign.
    """

    outcome: Outcome
    how: str
    value: Fraction | date | None = None
    percent: bool = False


def extract_number(output: str, kind: NumberType) -> NumberAnswer:
    """Return the answer of a reply, of a type of ``NumberType``."""
    text = answer_text(output)
    if text is None:
        return NumberAnswer(outcome="unparsed", how="open_thought")
    if not text.folded.strip():
        return NumberAnswer(outcome="unparsed", how="empty")
    answer = _answer_words(text)
    if answer is not None:
        return _read(answer, kind, "answer")
    if "\n" not in text.folded.strip():
        return _read(text.folded.strip(), kind, "alone")
    return NumberAnswer(outcome="unparsed", how="no_answer")


def is_within(answer: NumberAnswer, lower: str, upper: str, kind: NumberType) -> bool:
    """Return whether a parsed answer lies between two limits, both included.

    A percentage is right as a number or as its hundredth, since limits are given either way. Raises ``ValueError``
    for limits that are not of the type.
    """
    ends = [_read(limit.lower().replace("'", ""), kind, "limit").value for limit in (lower, upper)]
    if None in ends:
        raise ValueError(f"the limits are {lower!r} and {upper!r}, expected values of type {kind}")
    low, high = sorted(ends)  # type: ignore[type-var]
    value = answer.value
    if value is None:
        return False
    values = [value, value / 100] if answer.percent and isinstance(value, Fraction) else [value]
    return any(low <= one <= high for one in values)  # type: ignore[operator]


def _answer_words(text: AnswerText) -> str | None:
    """Return the words after the last cue that has any."""
    answer = None
    for cue in CUE.finditer(text.folded):
        words = cue["boxed"] if cue["boxed"] is not None else cue["json"]
        if words is None:
            words = text.folded[cue.end() :].lstrip().partition("\n")[0]
        answer = words.strip() or answer
    return answer


def _read(words: str, kind: NumberType, form: str) -> NumberAnswer:
    values: set[tuple[Fraction | date, bool]]
    if kind == "date":
        values = {(one, False) for one in _dates(words)}
    elif kind == "weeks_days":
        values = {(Fraction(one), False) for one in _gestations(words)}
    else:
        values = _numbers(words)
        if form != "limit" and (HEDGE.search(UNITS.sub(" ", EQUALS.split(words)[-1])) or len(values) > 1):
            return NumberAnswer(outcome="ambiguous" if values else "unparsed", how=f"{form}: {words[:80]}")
    if len(values) != 1:
        return NumberAnswer(outcome="ambiguous" if values else "unparsed", how=f"{form}: {words[:80]}")
    ((value, percent),) = values
    return NumberAnswer(outcome="parsed", how=f"{form}: {words[:80]}", value=value, percent=percent)


def _numbers(words: str) -> set[tuple[Fraction | date, bool]]:
    """Return the numbers in words, without those in units; after an equals sign, only those that follow the last."""
    words = UNITS.sub(" ", OF.sub(" ", EQUALS.split(words)[-1]))
    numbers: set[tuple[Fraction | date, bool]] = set()
    for one in NUMBER.finditer(words):
        digits = one[0][: one.start("power") - one.start()] if one["power"] else one[0].rstrip("% ")
        digits = re.split(r"[x×e]", digits)[0].strip().replace("−", "-")
        decimal_comma = re.fullmatch(r"[-+]?\d+,\d{1,2}", digits)
        digits = digits.replace(",", ".") if decimal_comma else digits.replace(",", "")
        power = int((one["power"] or "0").replace("−", "-"))
        numbers.add((Fraction(digits) * Fraction(10) ** power, bool(one["percent"])))
    return numbers


def _gestations(words: str) -> set[int]:
    """Return the gestational ages in words, in days."""
    days = set()
    for one in WEEKS.finditer(words):
        weeks = one["weeks"] or one["w"] or one["wk"]
        days.add(7 * int(weeks) + int(one["days"] or one["d"] or one["dy"] or 0))
    return days


def _dates(words: str) -> set[date]:
    """Return the dates in words; month before day where both are numbers."""
    dates = set()
    for pattern in DATES:
        for one in pattern.finditer(words):
            try:
                dates.add(date(int(one["y"]), int(one["m"]), int(one["d"])))
            except ValueError:
                continue  # no date, such as 13/40/2024
    for spelled, formats in SPELLED:
        for one in spelled.finditer(words):
            plain = re.sub(r"(?<=\d)(?:st|nd|rd|th)|,|\.| of", "", one[0])
            for form in formats:
                try:
                    dates.add(datetime.strptime(plain, form).date())
                except ValueError:
                    continue
    return dates
