"""Verdicts on completions of chain-of-thought requests: right, wrong, unreadable or defective."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from sources.record import Record
from synth.answers import json_reply
from synth.answers.extractor import Verdict, extract, own_turn
from synth.answers.model_output import fold, plain
from synth.cot.chain_defects import DEFECTS, find_defect
from synth.cot.chain_settings import REPAIR, Cot
from synth.cot.repair import parse_repair
from synth.prompting.generators import allows_several, answer_text, has_letters, letters, question_of
from synth.prompting.option_orders import Order
from synth.teachers.candidates import UNPARSED
from synth.teachers.teacher import Completion
from synth.teachers.thinking import after_thought, control_marks

RIGHT, WRONG = "right", "wrong"
NOT_PROSE, QUESTION_REVEALS = "not_prose", "question_reveals_answer"

CONTRADICTORY = "contradictory"
"""A chain with the right answer at its end that states a wrong one as the answer before."""

AGREES = (RIGHT, NOT_PROSE, QUESTION_REVEALS, CONTRADICTORY, *DEFECTS)
"""Verdicts of completions that give the gold answer."""

OWN_LINE = ("line", "boxed", "alone")
"""Forms of answers on a line of their own, which is no part of the chain."""

HEADING = re.compile(r"[\W_]*(?:\w+ )?(?:answer|respuesta|reponse|antwort)(?: \w+)?[\W_]*")
SENTENCE_END = re.compile(r"(?<=[.!?])\s+")

CASE_KINDS = {"question": str, "reasoning": str, "diagnosis": str}
CASE_SCHEMA = json_reply.object_schema({name: {"type": "string"} for name in CASE_KINDS})


@dataclass(frozen=True, kw_only=True)
class Reply:
    """A completion's verdict, its answer (letters in the source's order), and its chain without the answer.

    ``question`` is the question written for a case, ``faulty_step`` what a repaired chain replaces.
    """

    verdict: str
    parsed: str | None = None
    detail: str | None = None
    chain: str = ""
    question: str | None = None
    faulty_step: str | None = None


def judge_reply(record: Record, order: Order, completion: Completion, config: Cot) -> Reply:
    """Return the verdict on ``completion`` as a chain for ``record``, whose options the prompt had in ``order``."""
    read = _case(record, completion.text) if config.prompt.case else _choice(record, order, completion.text)
    if read.verdict != RIGHT:
        return read
    defect = find_defect(
        read.chain,
        "\n".join(filter(None, (record.context, question_of(record), *record.options))),
        len(record.options) if has_letters(record) else 0,
        min_chars=config.min_chars,
        max_repeated=config.max_repeated,
        max_repetition=config.max_repetition,
    )
    if defect:
        return Reply(verdict=defect, parsed=read.parsed, detail=read.detail)
    if not config.prompt.case and (other := _other_answer(record, order, read.chain)):
        return Reply(verdict=CONTRADICTORY, parsed=read.parsed, detail=other)
    return read


def judge_stage_reply(record: Record, stage: str, order: Order, completion: Completion, config: Cot) -> Reply:
    """Return the verdict on a completion of ``stage``: of a repaired chain without the line of the faulty step."""
    if stage != REPAIR:
        return judge_reply(record, order, completion, config)
    repair = parse_repair(completion.text)
    if isinstance(repair, str):
        return Reply(verdict=repair)
    read = judge_reply(record, order, replace(completion, text=repair.chain), config)
    return replace(read, faulty_step=repair.step)


def format_response(record: Record, order: Order, chain: str) -> str:
    """Return a chain with its answer as the last line, in the form that all rows share."""
    return f"{chain}\n\nAnswer: {answer_text(record, order)}"


def parse_choice(record: Record, order: Order, text: str) -> Verdict:
    """Return the answer of ``text`` to a multiple-choice row whose options the prompt had in ``order``."""
    options = [record.options[place] for place in order]
    return extract(text, options, record.lang, several=allows_several(record))


def extract_chain(text: str, verdict: Verdict) -> str:
    """Return a completion without its reasoning and without the line that is its answer.

    Text after that line is removed too ("I hope this helps"), unless it is longer than the text before the line.
    """
    start = after_thought(text) or 0
    if verdict.line is None or verdict.how.partition(":")[0] not in OWN_LINE:
        return text[start:].strip()
    lines = text[start:].split("\n")
    at = verdict.line - text.count("\n", 0, start)
    before, after = "\n".join(lines[:at]).strip(), "\n".join(lines[at + 1 :]).strip()
    above, _, heading = before.rpartition("\n")
    if HEADING.fullmatch(fold(heading)):
        before = above.strip()
    return before if len(before) > len(after) else f"{before}\n\n{after}".strip()


def remove_answer(record: Record, order: Order, chain: str) -> str:
    """Return a chain without the sentences that state the answer explicitly."""
    while (verdict := parse_choice(record, order, chain)).explicit and verdict.line is not None:
        lines = chain.split("\n")
        sentences = SENTENCE_END.split(lines[verdict.line])
        kept = [sentence for sentence in sentences if not parse_choice(record, order, sentence).explicit]
        lines[verdict.line] = " ".join(kept) if len(kept) < len(sentences) else ""
        chain = "\n".join(lines).strip()
    return chain


def _other_answer(record: Record, order: Order, chain: str) -> str | None:
    """Return the first sentence of a chain that states a wrong answer as the answer."""
    for sentence in (sentence for line in chain.split("\n") for sentence in SENTENCE_END.split(line)):
        stated = parse_choice(record, order, sentence)
        if stated.explicit and not {order[place] for place in stated.positions} <= set(record.gold):
            return sentence.strip()
    return None


def _choice(record: Record, order: Order, text: str) -> Reply:
    text = own_turn(text, [record.options[place] for place in order], record.lang, several=allows_several(record))
    verdict = parse_choice(record, order, text)
    if verdict.outcome != "parsed":
        return Reply(verdict=UNPARSED, detail=verdict.how)
    places = [order[place] for place in verdict.positions]
    parsed = letters(places) if has_letters(record) else verdict.decision
    if set(places) != set(record.gold):
        if mark := control_marks(text):
            # A wrong chain may become the rejected side of a pair, where no reader should see one either.
            return Reply(verdict=UNPARSED, parsed=parsed, detail=f"control_marks {mark}")
        return Reply(verdict=WRONG, parsed=parsed, detail=verdict.how)
    if verdict.how.startswith("json"):
        return Reply(verdict=NOT_PROSE, parsed=parsed, detail=verdict.how)
    chain = extract_chain(text, verdict)
    again = parse_choice(record, order, format_response(record, order, chain))
    if again.positions != verdict.positions:
        return Reply(verdict=UNPARSED, parsed=parsed, detail=f"{verdict.how}, unsteady")
    return Reply(verdict=RIGHT, parsed=parsed, detail=verdict.how, chain=chain)


def _case(record: Record, text: str) -> Reply:
    case = json_reply.parse(text, CASE_KINDS)
    if case is None:
        return Reply(verdict=UNPARSED, detail="not the requested object")
    diagnosis = case["diagnosis"]
    if _normal(diagnosis) != _normal(record.answer or ""):
        return Reply(verdict=WRONG, parsed=diagnosis)
    if _normal(diagnosis) in _normal(case["question"]):
        return Reply(verdict=QUESTION_REVEALS, parsed=diagnosis)
    return Reply(verdict=RIGHT, parsed=diagnosis, chain=case["reasoning"].strip(), question=case["question"].strip())


def _normal(text: str) -> str:
    return " ".join(re.findall(r"\w+", fold(plain(text))))
