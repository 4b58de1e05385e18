"""Which sentence of a note a reply calls wrong, and how it corrects it.

The last line ``Answer: …`` counts: a sentence's number, or CORRECT. Whatever else is unread.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from synth.answers.extractor import Outcome
from synth.answers.model_output import answer_text

ANSWER = re.compile(
    r"(?:^|\n)[^\w\n]*(?:final )?(?:answer|error[_ ]?(?:sentence)?[_ ]?(?:id|number)?)\s*[:=]\s*(?P<value>[^\n]*)"
)
CORRECTION = re.compile(
    r"(?:^|\n)[^\w\n]*(?:correct(?:ed|ion)(?: sentence)?)\s*[:=]\s*(?P<value>[^\n]+)", re.IGNORECASE
)
CORRECT = re.compile(r"\W*(?:correct|no error|none|n/?a|-1)\b[^\d]*$")
SENTENCE = re.compile(r"\W*(?:sentence |number |id )*#?(?P<number>\d{1,3})\b(?!\s?(?:or|and|,|-|/)\s?\d)")


@dataclass(frozen=True, kw_only=True)
class ErrorAnswer:
    """What a reply says: ``number`` of the wrong sentence, None for a note called correct, and its correction."""

    outcome: Outcome
    how: str
    number: int | None = None
    correction: str | None = None


def extract_error(output: str, numbers: Collection[int]) -> ErrorAnswer:
    """Return the answer of a reply about a note whose sentences have these numbers."""
    text = answer_text(output)
    if text is None:
        return ErrorAnswer(outcome="unparsed", how="open_thought")
    if not text.folded.strip():
        return ErrorAnswer(outcome="unparsed", how="empty")
    answers = list(ANSWER.finditer(text.folded))
    if not answers:
        return ErrorAnswer(outcome="unparsed", how="no_answer")
    answer = answers[-1]["value"]
    if CORRECT.match(answer):
        return ErrorAnswer(outcome="parsed", how="answer: correct")
    sentence = SENTENCE.match(answer)
    if sentence is None or int(sentence["number"]) not in numbers:
        return ErrorAnswer(outcome="unparsed", how=f"answer: {answer[:80]}")
    corrections = CORRECTION.findall(text.cased)
    correction = corrections[-1].strip() if corrections else None
    return ErrorAnswer(outcome="parsed", how="answer: sentence", number=int(sentence["number"]), correction=correction)
