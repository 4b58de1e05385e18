"""One attempt to repair a wrong chain: a model names the faulty step and rewrites the chain, gold not shown.

Compare the backtracking of HuatuoGPT-o1 (arXiv 2412.18925) and the error corrector of ReasonMed (arXiv 2506.09513).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from sources.record import Message, Record
from synth.answers.model_output import fold
from synth.prompting.generators import LANGUAGE_NAMES, allows_several, has_letters, question_of
from synth.prompting.option_orders import Order
from synth.prompting.turns import render_turns

PROMPT = "cot/repair.jinja"

NO_STEP, MENTIONS_MISTAKE = "no_faulty_step", "mentions_mistake"
"""Verdicts on a repaired chain: it names no step, or its text speaks of a mistake that its reader has not seen."""

FAULTY = re.compile(r"^[\W_]*faulty step[\W_]*:[\s*_]*(?P<step>\S.*?)\s*$", re.IGNORECASE | re.MULTILINE)
MISTAKE = re.compile(
    r"\b(?:colleague|faulty step|first attempt|(?:previous|original|initial|earlier|wrong) (?:reasoning|conclusion)"
    r"|correct(?:ed|ing) (?:the )?(?:reasoning|mistake|error)|the (?:mistake|error) (?:was|is|in))\b"
)


class Repair(NamedTuple):
    """The step that a model calls faulty, and the chain it writes instead."""

    step: str
    chain: str


def repair_messages(record: Record, order: Order, chain: str) -> tuple[Message, ...]:
    """Return the prompt to repair ``chain``, with the options in the order that the chain saw."""
    language = None if record.lang == "en" else LANGUAGE_NAMES.get(record.lang, f"the language {record.lang!r}")
    return render_turns(
        PROMPT,
        stem=question_of(record),
        options=[record.options[place] for place in order],
        context=record.context,
        lettered=has_letters(record),
        several=allows_several(record),
        language=language,
        chain=chain,
    )


def parse_repair(text: str) -> Repair | str:
    """Return the parts of a reply, or the verdict on one that cannot be used."""
    faulty = FAULTY.search(text)
    if faulty is None:
        return NO_STEP
    chain = text[faulty.end() :].strip()
    return MENTIONS_MISTAKE if MISTAKE.search(fold(chain)) else Repair(faulty["step"].strip("\"'“” "), chain)
