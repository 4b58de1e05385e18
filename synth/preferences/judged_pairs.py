"""Pairs by a judge's word: a model compares two answers in both orders, and only a verdict that both give counts.

A judge that prefers a position rather than a text contradicts itself when the texts change places (Zheng et al. 2023,
arXiv 2306.05685, section 3.4).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from typing import Annotated, Any, NamedTuple

import polars as pl
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked

from sources.record import Message
from synth.answers.extractor import extract
from synth.answers.model_output import fold, plain
from synth.judges.readable_verdicts import require_readable
from synth.preferences.propose_pairs import Candidate, by_prompt, pair_table, side
from synth.prompting import templates as prompt_files
from synth.teachers.candidates import Author, candidate, candidate_table
from synth.teachers.teacher import Answered, Completion, Failure, Request, Sampling

STAGE = "pairwise_judge"
PROMPT = "pairs/pairwise_judge.jinja"
CHOICES = ("The first reply is better.", "The second reply is better.", "Neither is better than the other.")
"""What the prompt lets a judge choose from, under A, B and C."""

BETTER = re.compile(
    r"\b(?:(?:reply|response|answer|assistant|option) (?P<label>a|b|1|2|one|two)"
    r"|(?:the )?(?P<place>first|second)(?: \w+)?)"
    r" (?:is|wins|was|serves)\b(?! (?:not|worse|the worse|less|no))"
    r"|^\W*(?:(?:final|my|better) )?(?:answer|verdict|winner|choice|reply|response)(?: is)?\W+(?:the )?"
    r"(?P<word>first|second|1|2|tie|draw|neither|both)(?: (?:reply|response|one))?\W*$"
    r"|^\W*(?:(?:(?:final|my|better) )?(?:answer|verdict|winner|choice)(?: is)?\W+)?"
    r"(?:reply|response|assistant|option) (?P<named>a|b|1|2|one|two)\W*$"
)
SIDES = (
    dict.fromkeys(("a", "1", "one", "first"), "A")
    | dict.fromkeys(("b", "2", "two", "second"), "B")
    | dict.fromkeys(("tie", "draw", "neither", "both"), "C")
)

HINT = "expected a last line 'Answer: A', 'B' or 'C'; use a judge that follows its prompt, or raise its max_tokens"
FIRST, SECOND, NEITHER = "A", "B", "C"


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class PairJudge:
    """Who judges and how; of each prompt's candidates ``pairs_per_prompt`` pairs are shown, drawn by ``seed``.

    ``prompts`` is the hash of the prompt file, so that a changed one changes the step.
    """

    by: Author
    pairs_per_prompt: Annotated[int, Field(ge=1)] = 1
    max_tokens: Annotated[int, Field(ge=8)] = 512
    seed: Annotated[int, Field(ge=0, lt=2**64)] = 0
    prompts: str = Field(default_factory=lambda: prompt_files.digest(PROMPT))


class Proposal(NamedTuple):
    """Two candidates of one row to be compared, and the question they answer."""

    place: int
    question: str
    reference: str | None
    first: Candidate
    second: Candidate

    def messages(self, swapped: bool) -> tuple[Message, ...]:
        """Return the judge's prompt, with the candidates in their order or swapped."""
        first, second = (self.second, self.first) if swapped else (self.first, self.second)
        prompt = prompt_files.render(
            PROMPT, request=self.question, reference=self.reference, first=first["text"], second=second["text"]
        )
        return (Message("user", prompt),)


def propose(rows: pl.DataFrame, candidates: pl.DataFrame, config: PairJudge) -> Iterator[Proposal]:
    """Yield the pairs of candidates to compare, those with equal texts left out; a reference is the row's answer."""
    asked = {id: (messages, answer) for id, messages, answer in rows.select("id", "messages", "answer").iter_rows()}
    for group in by_prompt(candidates, config.seed):
        if group[0]["id"] not in asked:
            raise ValueError(f"candidate {group[0]['id']!r} answers no row; give the rows that were asked")
        messages, answer = asked[group[0]["id"]]
        different = [pair for pair in combinations(group, 2) if pair[0]["text"] != pair[1]["text"]]
        for place, (first, second) in enumerate(different[: config.pairs_per_prompt]):
            yield Proposal(place, _transcript(messages), answer, first, second)


def requests(rows: pl.DataFrame, candidates: pl.DataFrame, config: PairJudge) -> list[Request]:
    """Return two requests for each pair to compare, one in each order."""
    return [
        _request(proposal, swapped, config)
        for proposal in propose(rows, candidates, config)
        for swapped in (False, True)
    ]


def judge(
    rows: pl.DataFrame, candidates: pl.DataFrame, answered: Iterable[Answered], config: PairJudge
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the pairs (``pairs.PAIR_SCHEMA``), and the judge's completions (``CANDIDATE_SCHEMA``).

    A pair goes where the judge contradicts itself (``judge_disagrees``), sees no difference (``judge_tie``), cannot be
    read (``judge_unparsed``), failed (``judge_failed``) or never replied (``judge_missing``).
    """
    readable = require_readable(answered, lambda text: parse(text) is not None, config.by.name, HINT)
    replies = {_identity(request): (request, answer) for request, answer in readable}
    pairs = [_pair(proposal, replies, config) for proposal in propose(rows, candidates, config)]
    return pair_table(pairs), candidate_table(
        _candidate(request, answer, config) for request, answer in replies.values()
    )


def parse(text: str) -> str | None:
    """Return A, B or C, the choice that a judge states in any form of an answer; None where it states none or two."""
    said = extract(text, CHOICES)
    if said.outcome == "parsed" and (
        said.explicit or said.how.endswith(":letter") or said.how.startswith(("alone", "closing"))
    ):
        return said.letters[0]
    if said.how not in ("no_answer", "unreadable"):
        return None
    _, _, last = fold(plain(text)).strip().rpartition("\n")
    names = (next(filter(None, found.groups())) for found in BETTER.finditer(last))
    sides = {SIDES[name] for name in names}
    return sides.pop() if len(sides) == 1 else None


def _request(proposal: Proposal, swapped: bool, config: PairJudge) -> Request:
    sampling = Sampling(temperature=0.0, max_tokens=config.max_tokens, seed=0)
    return Request(row=proposal.first["id"], stage=STAGE, messages=proposal.messages(swapped), sampling=sampling)


def _identity(request: Request) -> tuple[str, tuple[Message, ...]]:
    return request.row, request.messages


def _candidate(request: Request, answer: Completion | Failure, config: PairJudge) -> dict[str, Any]:
    letter = parse(answer.text) if isinstance(answer, Completion) and answer.readable else None
    return candidate(request, answer, config.by, "judged" if letter else "unparsed", letter)


def _pair(
    proposal: Proposal, replies: Mapping[Any, tuple[Request, Completion | Failure]], config: PairJudge
) -> dict[str, Any]:
    verdicts = [_verdict(replies.get(_identity(_request(proposal, swapped, config)))) for swapped in (False, True)]
    swapped = verdicts == [SECOND, FIRST]
    chosen, rejected = (proposal.second, proposal.first) if swapped else (proposal.first, proposal.second)
    agreed = swapped or verdicts == [FIRST, SECOND]
    return {
        "id": chosen["id"],
        "origin": "judged",
        "place": proposal.place,
        **side("chosen", chosen),
        **side("rejected", rejected),
        "drop": None if agreed else _reason(verdicts),
        "evidence": None if agreed else json.dumps({"in_order": verdicts[0], "swapped": verdicts[1]}),
    }


def _verdict(reply: tuple[Request, Completion | Failure] | None) -> str:
    if reply is None:
        return "missing"
    if isinstance(reply[1], Failure):
        return "failed"
    return (parse(reply[1].text) if reply[1].readable else None) or "unparsed"


def _reason(verdicts: list[str]) -> str:
    """Return why there is no pair; what went wrong with the judge comes before what it said."""
    for trouble in ("missing", "failed", "unparsed"):
        if trouble in verdicts:
            return f"judge_{trouble}"
    return "judge_tie" if NEITHER in verdicts else "judge_disagrees"


def _transcript(messages: list[dict[str, str]]) -> str:
    """Return the prompt as one text: a single question alone, a conversation with its speakers."""
    if len(messages) == 1:
        return messages[0]["content"]
    return "\n\n".join(f"[{message['role']}] {message['content']}" for message in messages)
