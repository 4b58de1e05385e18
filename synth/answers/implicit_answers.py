"""What a text leans to without saying that it is the answer: "B is correct", "this suggests B", "she needs B"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from synth.answers.explicit_answers import Claim, Cues, claim_after, claim_before, cues_of, last_cues
from synth.answers.model_output import BREAK, AnswerText
from synth.answers.option_reading import ShownOption, named

SETTLED = ("pointed", "fitting")
"""Forms that count only where nothing after them speaks for another option."""


def implicit_answer(question: ShownOption, text: AnswerText, lang: str, form: str) -> Claim | None:
    """Return the last claim of a form that is not explicit, marked as several where its claims differ."""
    made = list(_implicit_claims(question, text, cues_of(lang), form))
    if question.several and form == "held" and made:
        return _united(made)
    if len({claim.reading.found for claim in made if claim.reading}) > 1 and made[0].reading:
        return replace(made[0], reading=replace(made[0].reading, fault="several"))
    if not made or (_by_text(made[0]) and not _undisputed(question, text, cues_of(lang), made[0])):
        return None
    return made[0]


def _united(made: list[Claim]) -> Claim:
    """Return one claim of all answers that a text calls right one by one."""
    read = [claim.reading for claim in made if claim.reading]
    found = tuple(sorted({place for reading in read for place in reading.found}))
    fault = next((reading.fault for reading in read if reading.fault), None)
    return replace(made[0], reading=replace(read[0], found=found, fault=fault))


def final_implicit_answer(question: ShownOption, text: AnswerText, lang: str) -> Claim | None:
    """Return what the weakest forms agree on: what a thing is, what findings point to, what fits or is needed.

    None where they differ, where an answer hangs on a condition, or where what follows turns round or speaks for
    another option.
    """
    cues = cues_of(lang)
    made = [
        claim for form in SETTLED for claim in _implicit_claims(question, text, cues, form) if _ends(text, cues, claim)
    ]
    read = {claim.reading.found for claim in made if claim.reading and not claim.reading.fault}
    if len(read) != 1 or any(claim.reading and claim.reading.fault for claim in made):
        return None
    last = max(made, key=lambda claim: claim.at)
    return last if _undisputed(question, text, cues, last) else None


def only_named(question: ShownOption, text: AnswerText, lang: str) -> Claim | None:
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
        claim = claim_after(question, text, cues, cue, "named")
        if claim is None or claim.reading is None or claim.reading.fault or text.folded[claim.end : stop].strip(" .!)"):
            continue
        return claim if named(question, text, 0, stop) <= set(claim.reading.found) else None
    return None


def _implicit_claims(question: ShownOption, text: AnswerText, cues: Cues, form: str) -> Iterator[Claim]:
    """Yield the claims of a form, the last first."""
    pattern = {
        "headed": cues.verdict,
        "held": cues.held,
        "it": cues.it_is,
        "pointed": cues.points,
        "fitting": cues.fits,
    }[form]
    made = claim_before if form in ("held", "fitting") else claim_after
    for cue in last_cues(pattern, text):
        if _supposed(text, cues, cue.start(), form):
            continue
        claim = made(question, text, cues, cue, form)
        if claim and (form != "it" or _ends(text, cues, claim)):
            yield claim if made is claim_after else replace(claim, upto=cue.end())


def _by_text(claim: Claim) -> bool:
    """Say whether an option is named by its text, as it may be without being meant as the answer."""
    return claim.reading is not None and claim.reading.by == "text"


def _supposed(text: AnswerText, cues: Cues, at: int, form: str) -> bool:
    """Say whether what is claimed at ``at`` hangs on an "if", or is a mere possibility: "this may suggest"."""
    before = text.folded[text.sentence(at)[0] : at]
    unsure = form in SETTLED and cues.unsure.search(cues.clause.sub("", before))
    return bool(unsure or cues.supposed.match(before))


def _ends(text: AnswerText, cues: Cues, claim: Claim) -> bool:
    """Say whether a clause ends after the claim, so that it is said of the case at hand and not of a condition."""
    return text.folded[claim.end - 1] in ".:)]" or bool(cues.clause_end.match(text.folded, claim.end))


def _undisputed(question: ShownOption, text: AnswerText, cues: Cues, claim: Claim) -> bool:
    """Say whether what follows neither turns round nor names another option without turning it down."""
    found = set(claim.reading.found) if claim.reading else set()
    start = claim.end
    for stop in [*(end.start() for end in BREAK.finditer(text.folded, start)), len(text.folded)]:
        others = named(question, text, start, stop) - found
        if cues.contrast.search(text.folded, start, stop):
            return False
        if others and not cues.denies.search(text.folded, start, stop):
            return False
        start = stop
    return True
