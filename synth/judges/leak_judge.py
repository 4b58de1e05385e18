"""A language model that judges whether a training text contains a benchmark question."""

from __future__ import annotations

import re
from collections.abc import Sequence

from quality.decontamination.find_leaks import Judge
from sources.record import Message
from synth.teachers.teacher import Completion, Request, Sampling, Teacher

PROMPT = (
    "Text A comes from a training set, text B is an examination question.\n\nText A:\n{mine}\n\nText B:\n{theirs}\n\n"
    "Is the question of B contained in A, be it in other words or another language, with the same facts and the same "
    "right answer? Answer with one word, yes or no."
)
MOST_CHARS = 6000


def leak_judge(teacher: Teacher) -> Judge:
    """Return a judge that sends requests to ``teacher``; its verdict is None for a reply without a plain yes or no."""

    def judge(pairs: Sequence[tuple[str, str]]) -> list[bool | None]:
        requests = [
            Request(row=str(at), stage="leaks", messages=(_message(*pair),), sampling=Sampling(temperature=0.0))
            for at, pair in enumerate(pairs)
        ]
        verdicts: list[bool | None] = [None] * len(pairs)
        for request, reply in teacher.complete(requests):
            if isinstance(reply, Completion):
                verdicts[int(request.row)] = read_verdict(reply.text)
        return verdicts

    return judge


def _message(mine: str, theirs: str) -> Message:
    return Message("user", PROMPT.format(mine=mine[:MOST_CHARS], theirs=theirs[:MOST_CHARS]))


def read_verdict(text: str) -> bool | None:
    """Return True for yes, False for no, None where the reply has neither word, or both."""
    found = {word.lower() for word in re.findall(r"(?i)\b(yes|no)\b", text)}
    return None if len(found) != 1 else found == {"yes"}
