"""Pairs from a judge that compares two answers in both orders; a pair needs the same verdict in both.

A judge that prefers a position contradicts itself when the texts are swapped (Zheng et al. 2023, arXiv 2306.05685,
section 3.4).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Annotated, NamedTuple

import polars as pl
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked

from quality.outcome import Outcome
from sources.record import Message
from synth.answers import json_reply
from synth.answers.extractor import extract
from synth.answers.model_output import fold, plain
from synth.preferences.propose_pairs import Candidate, by_prompt, pair_table, side
from synth.prompting import prompt_files
from synth.teachers.candidates import FAILED, UNPARSED, Author
from synth.teachers.stage import Reading, Stage, with_reasons
from synth.teachers.teacher import Completion, Request, Sampling

STAGE_NAME = "pairwise_judge"
PROMPT = "pairs/pairwise_judge.jinja"
CHOICES = ("The first reply is better.", "The second reply is better.", "Neither is better than the other.")
"""The choices of the prompt under A, B and C."""

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

FIRST, SECOND, NEITHER = "A", "B", "C"
REPLY_SCHEMA = json_reply.choice_schema("answer", (FIRST, SECOND, NEITHER))
MISSING = "missing"


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class PairJudge:
    """The judge, and how many pairs of each prompt's candidates it compares; ``seed`` selects them.

    ``prompts`` is the hash of the prompt file, so that a changed one changes the step.
    """

    generated_by: Author
    pairs_per_prompt: Annotated[int, Field(ge=1)] = 1
    max_tokens: Annotated[int, Field(ge=8)] = 512
    seed: Annotated[int, Field(ge=0, lt=2**64)] = 0
    prompts: str = Field(default_factory=lambda: prompt_files.digest(PROMPT))


class Proposal(NamedTuple):
    """Two candidates of one row to be compared, and the question they answer."""

    rank: int
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


def propose(candidates: pl.DataFrame, rows: pl.DataFrame, config: PairJudge) -> Iterator[Proposal]:
    """Yield the pairs of candidates to compare, those with equal texts left out; a reference is the row's answer."""
    questions = {id: (messages, answer) for id, messages, answer in rows.select("id", "messages", "answer").iter_rows()}
    for group in by_prompt(candidates, config.seed):
        if group[0]["id"] not in questions:
            raise ValueError(
                f"candidate {group[0]['id']!r} answers no row; pass the rows that the requests were made of"
            )
        messages, answer = questions[group[0]["id"]]
        different = [pair for pair in combinations(group, 2) if pair[0]["text"] != pair[1]["text"]]
        for rank, (first, second) in enumerate(different[: config.pairs_per_prompt]):
            yield Proposal(rank, _transcript(messages), answer, first, second)


def parse(text: str) -> str | None:
    """Return A, B or C, the choice that a judge states in any form of an answer; None where it states none or two."""
    answer = extract(text, CHOICES)
    if answer.outcome == "parsed" and (
        answer.explicit or answer.how.endswith(":letter") or answer.how.startswith(("alone", "closing"))
    ):
        return answer.letters[0]
    if answer.how not in ("no_answer", "unreadable"):
        return None
    _, _, last = fold(plain(text)).strip().rpartition("\n")
    names = (next(filter(None, match.groups())) for match in BETTER.finditer(last))
    sides = {SIDES[name] for name in names}
    return sides.pop() if len(sides) == 1 else None


def comparison_requests(proposal: Proposal, config: PairJudge) -> list[Request]:
    """Return two requests for a pair to compare, one in each order."""
    sampling = Sampling(temperature=0.0, max_tokens=config.max_tokens, seed=0, json_schema=REPLY_SCHEMA)
    row = proposal.first["id"]
    return [
        Request(row=row, stage=STAGE_NAME, messages=proposal.messages(swapped), sampling=sampling, reads_text=True)
        for swapped in (False, True)
    ]


def read_choice(proposal: Proposal, request: Request, completion: Completion, config: PairJudge) -> Reading:
    """Return the letter of the reply that a completion prefers."""
    letter = parse(completion.text) if completion.readable else None
    return Reading("judged", letter) if letter else Reading(UNPARSED)


def pairwise_stage(candidates_of: Callable[[pl.DataFrame], pl.DataFrame]) -> Stage[Proposal, PairJudge]:
    """Return the stage that compares the candidates of rows; its table ``pairs`` has ``PAIR_SCHEMA``."""
    return Stage(
        items=lambda rows, config: propose(candidates_of(rows), rows, config),
        requests_of=comparison_requests,
        read=read_choice,
        finish=write_pairs,
        complete_only=False,
        readable=lambda text, config: parse(text) is not None,
        hint="expected a last line 'Answer: A', 'B' or 'C'; use a judge that follows its prompt, or raise its "
        "max_tokens",
    )


def write_pairs(rows: pl.DataFrame, proposals: list[Proposal], candidates: pl.DataFrame, config: PairJudge) -> Outcome:
    """Return the rows unchanged and the table ``pairs``.

    A pair is dropped where the judge contradicts itself (``judge_disagrees``), finds no difference (``judge_tie``), is
    unreadable (``judge_unparsed``), failed (``judge_failed``) or did not reply (``judge_missing``).
    """
    replies = {
        (id, key): parsed or verdict
        for id, key, verdict, parsed in candidates.select("id", "key", "verdict", "parsed").iter_rows()
    }
    pairs = []
    for proposal in proposals:
        keys = [
            one.key(config.generated_by.name, config.generated_by.revision)
            for one in comparison_requests(proposal, config)
        ]
        verdicts = [replies.get((proposal.first["id"], key), MISSING) for key in keys]
        swapped = verdicts == [SECOND, FIRST]
        chosen, rejected = (proposal.second, proposal.first) if swapped else (proposal.first, proposal.second)
        agreed = swapped or verdicts == [FIRST, SECOND]
        pairs.append(
            {
                "id": chosen["id"],
                "origin": "judged",
                "rank": proposal.rank,
                **side("chosen", chosen),
                **side("rejected", rejected),
                "drop_reason": None if agreed else _reason(verdicts),
                "evidence": None if agreed else json.dumps({"in_order": verdicts[0], "swapped": verdicts[1]}),
            }
        )
    return Outcome(rows=with_reasons(rows, [(None, None)] * len(rows)), tables={"pairs": pair_table(pairs)})


def _reason(verdicts: list[str]) -> str:
    """Return why there is no pair; an error of the judge takes precedence over its verdict."""
    for error in (MISSING, FAILED, UNPARSED):
        if error in verdicts:
            return f"judge_{error}"
    return "judge_tie" if NEITHER in verdicts else "judge_disagrees"


def _transcript(messages: list[dict[str, str]]) -> str:
    """Return the prompt as one text: a single question alone, a conversation with its speakers."""
    if len(messages) == 1:
        return messages[0]["content"]
    return "\n\n".join(f"[{message['role']}] {message['content']}" for message in messages)
