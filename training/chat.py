"""A conversation as tokens, of which those that the assistant has to write itself are marked, by any chat template.

A template is asked what it does instead of being read: the place of an answer is where a mark comes out that was put in
its stead. No ``{% generation %}`` marker is needed, and a template that rewrites an answer, or writes no token at its
end, is refused, for a model would learn what nobody wrote, or never to stop.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from training.trouble import TrainingError

Turn = dict[str, str]
Render = Callable[..., str]

# Of the private use area at both ends: nothing that a template would trim or take for its own, or that rows hold.
MARK = "\uf0e1answer\uf0e2"


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """``ids`` of a whole conversation, and for each whether a model learns to write it."""

    ids: list[int]
    learned: list[bool]


def renderer(tokenizer: Any) -> Render:
    """Return a function from turns to the text that the tokenizer's chat template makes of them.

    It raises ``TrainingError`` where the template refuses the turns, as some do a system message.
    """

    def render(turns: Sequence[Turn], prompt: bool = False) -> str:
        from jinja2.exceptions import TemplateError

        try:
            return str(tokenizer.apply_chat_template(list(turns), tokenize=False, add_generation_prompt=prompt))
        except TemplateError as error:
            roles = ", ".join(turn["role"] for turn in turns)
            raise TrainingError(f"the chat template refuses turns of {roles}: {error}") from error

    return render


def encode(tokenizer: Any, turns: Sequence[Turn]) -> Encoded:
    """Return a conversation's tokens; learned are those that hold what the assistant writes and nothing else.

    White space that a tokenizer joins to the first or last word of an answer does not count. Raises ``TrainingError``
    where the template does not let the answers be found, or an answer has no token of its own.
    """
    text, found = spans(renderer(tokenizer), turns, tuple(tokenizer.all_special_tokens))
    coded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    learned = [False] * len(coded["input_ids"])
    for start, end in found:
        within = [n for n, (a, z) in enumerate(coded["offset_mapping"]) if _holds(text, start, end, a, z)]
        if not within:
            raise TrainingError(f"the answer {text[start:end][:40]!r} has no token of its own: the tokenizer joins it")
        for number in within:
            learned[number] = True
    return Encoded(ids=list(coded["input_ids"]), learned=learned)


def _holds(text: str, start: int, end: int, token_start: int, token_end: int) -> bool:
    """Say whether a token lies within ``text[start:end]``, but for white space around it."""
    # A token of white space may come with an empty range at its own end: it belongs to what ends there.
    reaches = token_start < end or token_start == token_end == end
    outside = text[token_start:start] + text[end:token_end]
    return token_end > start and reaches and not outside.strip()


def spans(render: Render, turns: Sequence[Turn], ends: Sequence[str]) -> tuple[str, list[tuple[int, int]]]:
    """Return the rendered conversation and where in it the assistant writes, each with its end-of-turn token.

    ``ends`` are the tokens that can end a turn. Raises ``TrainingError`` as ``encode`` does.
    """
    text = render(turns)
    places = [number for number, turn in enumerate(turns) if turn["role"] == "assistant"]
    if not places or places[-1] != len(turns) - 1:
        raise TrainingError("a conversation does not end with the assistant's turn, expected an answer to learn")
    found = [_span(render, turns, number, text, ends) for number in places]
    if not any(text[:end].endswith(tuple(ends)) for _, end in found[-1:]):
        raise TrainingError("the chat template writes no special token after an answer: a model never learns to stop")
    return text, found


def _span(render: Render, turns: Sequence[Turn], number: int, text: str, ends: Sequence[str]) -> tuple[int, int]:
    """Return where the assistant's turn ``number`` is in ``text``."""
    marked = render(_with(turns, number, MARK))
    start = marked.find(MARK)
    after = len(marked) - start - len(MARK)
    stop = len(text) - after
    same_around = marked.count(MARK) == 1 and text[:start] + MARK + text[stop:] == marked
    if not same_around or text[start:stop].strip() != turns[number]["content"].strip():
        raise TrainingError(
            f"the chat template does not write the answer {turns[number]['content'][:40]!r} as it is: "
            "give another one that does, by chat_template"
        )
    return _written_from(render, turns[:number], text, start), stop + _closing(render, turns, number, text[stop:], ends)


def _with(turns: Sequence[Turn], number: int, content: str) -> list[Turn]:
    return [*turns[:number], {**turns[number], "content": content}, *turns[number + 1 :]]


def _written_from(render: Render, before: Sequence[Turn], text: str, start: int) -> int:
    """Return where a model begins to write: after the generation prompt, which may stand before the answer itself.

    Between the two lies what a template puts around an answer without thoughts, as empty thinking marks.
    """
    prompt = render(before, prompt=True) if before else ""
    asks = prompt and prompt != render(before)
    return len(prompt) if asks and len(prompt) <= start and text.startswith(prompt) else start


def _closing(render: Render, turns: Sequence[Turn], number: int, rest: str, ends: Sequence[str]) -> int:
    """Return the length of what ends an answer, its first special token included, or 0 where there is none."""
    if number < len(turns) - 1:
        alone = render(_with(turns[: number + 1], number, MARK)).rpartition(MARK)[2]
        rest = alone if rest.startswith(alone) else ""
    reached = [(rest.index(end), -len(end)) for end in ends if end and end in rest]
    place, length = min(reached, default=(0, 0))
    return place - length
