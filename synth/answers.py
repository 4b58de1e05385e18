"""What a model's output answers: one extractor for synthesis and for evaluation.

The last explicit answer wins, and what cannot be read is never guessed: it is unparsed, and says why. The rules unite
the patterns of simple-evals, inspect_ai and lm-eval's ``multi_choice_regex`` with those of prose in four languages.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from sources.shapes import LETTERS
from synth.answer_claims import Claim, held_right, last_explicit, likeliest
from synth.answer_reading import DECISIONS, Reading, Shown, is_decision, named_texts, read, shown
from synth.answer_text import BREAK, AnswerText, answer_text, fold

Outcome = Literal["parsed", "unparsed", "ambiguous"]

FALLBACKS = ("alone", "leading", "held", "likeliest", "closing")
"""Forms that are not explicit, in the order in which they are tried; each is counted under its own name."""

NEXT = 80
"""Characters after a leading answer that may say that it is wrong."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What an output answers.

    ``positions`` are places among the options as shown, ``letters`` their labels (none where none were shown),
    ``decision`` is yes, no or maybe for such a question. ``how`` names form and content, such as ``line:letter`` or
    ``alone:text``, or says why there is no answer. ``ambiguous`` is an output that names several options where one is
    right, or a letter with another option's text. ``line`` is the line of the output, from 0, with the answer.
    """

    outcome: Outcome
    how: str
    positions: tuple[int, ...] = ()
    letters: tuple[str, ...] = ()
    decision: str | None = None
    line: int | None = None

    @property
    def explicit(self) -> bool:
        """Whether the output says that this is its answer, rather than merely being it."""
        return self.outcome == "parsed" and self.how.partition(":")[0] not in FALLBACKS


def extract(
    output: str,
    options: Sequence[str] = DECISIONS,
    lang: str = "en",
    *,
    labels: Sequence[str] | None = None,
    several: bool = False,
) -> Verdict:
    """Return what ``output`` answers to a question that showed ``options`` in this order.

    ``labels`` are the letters they were shown with: A, B, C… unless said, and none for yes, no and maybe. With
    ``several`` any number of options may be right. ``ValueError`` where labels and options do not fit each other.
    """
    if labels is None:
        labels = () if is_decision(options) else LETTERS[: len(options)]
    question = shown(tuple(options), tuple(labels), lang, several)
    text = answer_text(output)
    if text is None:
        return Verdict(outcome="unparsed", how="open_thought")
    if not text.folded.strip():
        return Verdict(outcome="unparsed", how="empty")
    claim = last_explicit(question, text, lang) or _fallback(question, text, lang)
    if claim and _retracted(question, text, claim):
        later = _last_line(question, text)
        if later is None or later.at < claim.end:
            return Verdict(outcome="unparsed", how="retracted", line=text.line(claim.at))
        claim = later
    return _verdict(question, options, text, claim)


def _verdict(question: Shown, options: Sequence[str], text: AnswerText, claim: Claim | None) -> Verdict:
    if claim is None:
        return Verdict(outcome="unparsed", how="no_answer")
    line = text.line(claim.at)
    reading = claim.reading
    if reading is None or reading.fault in ("hedged", "not_shown", "negated"):
        return Verdict(outcome="unparsed", how=reading.fault or "" if reading else "unreadable", line=line)
    if reading.fault:
        return Verdict(outcome="ambiguous", how=reading.fault, line=line)
    return Verdict(
        outcome="parsed",
        how=f"{claim.form}:{reading.by}",
        positions=reading.found,
        letters=tuple(question.labels[position] for position in reading.found) if question.labels else (),
        decision=fold(options[reading.found[0]]).strip(" .") if question.decision else None,
        line=line,
    )


def _retracted(question: Shown, text: AnswerText, claim: Claim) -> bool:
    """Say whether the answer is taken back after it was given, and no other follows."""
    taken_back = rf"(?:^|[.!?\n—–-])\s*(?:\w+[,.!]* ){{0,2}}(?:{question.words.retract})(?!\w|-\w)"
    return bool(re.search(taken_back, text.folded[claim.end :]))


# --- where nothing says "the answer is" --------------------------------------------------------------------------


def _fallback(question: Shown, text: AnswerText, lang: str) -> Claim | None:
    """Return the first fallback that reads: a line that is an answer, a start, a remark, a conclusion."""
    return (
        _alone(question, text)
        or _leading(question, text)
        or held_right(question, text, lang)
        or likeliest(question, text, lang)
        or _closing(question, text)
    )


def _alone(question: Shown, text: AnswerText) -> Claim | None:
    """Return the answer of a last or first line that is nothing else; two that differ are ambiguous."""
    first, last = _first_line(question, text), _last_line(question, text)
    if first and last and first.reading and last.reading and first.reading.found != last.reading.found:
        return replace(last, reading=replace(last.reading, found=(), fault="several"))
    return last or first


def _first_line(question: Shown, text: AnswerText) -> Claim | None:
    start = len(text.folded) - len(text.folded.lstrip())
    return _whole_line(question, text, start, text.line_end(start))


def _last_line(question: Shown, text: AnswerText) -> Claim | None:
    stop = len(text.folded.rstrip())
    return _whole_line(question, text, text.folded.rfind("\n", 0, stop) + 1, stop)


def _whole_line(question: Shown, text: AnswerText, start: int, stop: int) -> Claim | None:
    reading = read(question, text, start, stop)
    if reading is None or reading.fault or text.folded[reading.end : stop].strip(" .!"):
        return None
    return Claim(form="alone", at=reading.start, reading=reading)


def _leading(question: Shown, text: AnswerText) -> Claim | None:
    """Return the answer with which a text begins ("B. Naproxen, because…").

    It is none if others are listed in the same way, or if the sentence turns it down.
    """
    start = len(text.folded) - len(text.folded.lstrip())
    begins = re.findall(r"^[^\w\n]*(\w)[.):]", text.cased, re.MULTILINE)
    if len(set(begins)) > 1:
        return None
    reading = read(question, text, start, len(text.folded))
    if reading is None or reading.fault or reading.start > start + 3:
        return None
    rest = text.folded[reading.end : reading.end + NEXT]
    if re.search(rf"\b(?:{question.words.wrong})\b", BREAK.split(rest)[0]):
        return None
    return Claim(form="leading", at=reading.start, reading=reading)


def _closing(question: Shown, text: AnswerText) -> Claim | None:
    """Return what a last sentence concludes with: an answer ("Hence, B."), or the one option that it names."""
    start, stop = text.sentence(len(text.folded.rstrip()) - 1)
    concludes = re.compile(rf"\W*(?:{question.words.so})\b").match(text.folded, start, stop)
    if not concludes:
        return None
    whole = _whole_line(question, text, concludes.end(), stop)
    if whole:
        return replace(whole, form="closing")
    sentence = text.folded[start:stop]
    if question.decision or re.search(rf"\b(?:{question.words.not_}|{question.words.or_})\b", sentence):
        return None
    found = named_texts(question, sentence)
    if len(found) != 1:
        return None
    return Claim(form="closing", at=start, reading=Reading(found=tuple(found), by="text", start=start, end=stop))
