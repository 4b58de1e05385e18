"""Judges whose replies cannot be read: the run ends early instead of losing every row without a word."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from synth.teachers.teacher import Answered, Completion, TeacherError

FIRST = 20
"""Replies after which a judge must have given a readable verdict."""

FEWEST = 10
"""Replies of a smaller batch from which the same is concluded where all are unreadable."""

SHOWN = 120


def require_readable(
    answered: Iterable[Answered], readable: Callable[[str], bool], model: str, hint: str
) -> Iterator[Answered]:
    """Yield what comes as long as a model's replies can be read.

    Raises ``TeacherError`` with ``hint`` where none of the first ``FIRST`` replies, or of all in a batch of at least
    ``FEWEST``, is readable.
    """
    unread, echoed, found = 0, 0, False
    last = ""
    for request, answer in answered:
        if not found and isinstance(answer, Completion):
            found = readable(answer.text)
            unread, last = unread + (not found), answer.text
            echoed += answer.text.strip().startswith(request.messages[-1].content.strip()[:SHOWN])
            if not found and unread == FIRST:
                raise _unreadable(model, unread, echoed, last, hint)
        yield request, answer
    if not found and unread >= FEWEST:
        raise _unreadable(model, unread, echoed, last, hint)


def _unreadable(model: str, count: int, echoed: int, text: str, hint: str) -> TeacherError:
    told = f"; {echoed} of them repeat the answer they were to judge and go on with it" if echoed else ""
    return TeacherError(
        f"{model} gave no readable verdict in its first {count} replies{told}; the last one is {text[:SHOWN]!r}; {hint}"
    )
