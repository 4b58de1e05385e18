"""Tokenisation of a conversation, with the assistant's own tokens marked, for any chat template.

The template is not parsed: each answer is replaced by a marker, rendered, and located. No ``{% generation %}`` marker
is needed. A row is refused where the template rewrites its answer or ends it without a token, since a model would learn
text that the row does not contain, or never to stop. Control tokens spelt in a row are encoded as their letters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from synth.teachers.template_dates import PINNED, dated_template
from training.data.end_of_turn import MARK
from training.training_errors import UnfitRowError

Turn = dict[str, str]
Render = Callable[..., str]
Span = tuple[int, int]

# Characters of the private use area at both ends, as in the mark, which no template trims or uses itself.
PLACEHOLDER = re.compile("\uf0e3(\\d+)\uf0e4")
PRIVATE = re.compile("[\uf0e1-\uf0e4]")

THOUGHTS = ("<think>", "</think>")
"""Control tokens of some tokenizers that an answer may spell: the text between them is reasoning."""


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """``ids`` of a conversation, for each whether a model learns to write it; ``spelt`` are control tokens in rows."""

    ids: list[int]
    label_tokens: list[bool]
    spelt: tuple[str, ...] = ()


def renderer(tokenizer: Any, day: str = PINNED) -> Render:
    """Return a function from turns to the text that the tokenizer's chat template makes of them on a ``day``.

    It raises ``UnfitRowError`` where the template refuses the turns, as some do a system message.
    """

    dated = dated_template(tokenizer, day)

    def render(turns: Sequence[Turn], prompt: bool = False) -> str:
        from jinja2.exceptions import TemplateError

        try:
            return str(
                tokenizer.apply_chat_template(list(turns), tokenize=False, add_generation_prompt=prompt, **dated)
            )
        except TemplateError as error:
            roles = ", ".join(turn["role"] for turn in turns)
            raise UnfitRowError(f"the chat template refuses turns of {roles}: {error}") from error

    return render


def special_tokens(tokenizer: Any) -> tuple[str, ...]:
    """Return the control tokens of a tokenizer, the longest first."""
    added = [token.content for token in tokenizer.added_tokens_decoder.values() if token.special]
    return tuple(sorted({*tokenizer.all_special_tokens, *added} - {""}, key=lambda text: (-len(text), text)))


def encode(tokenizer: Any, turns: Sequence[Turn], special: Sequence[str] | None = None, day: str = PINNED) -> Encoded:
    """Return a conversation's tokens; those that belong only to the assistant's text are marked for learning.

    White space that a tokenizer joins to the first or last word of an answer does not count. ``special`` are the
    tokenizer's control tokens, ``day`` is the date that the template may write. Raises ``UnfitRowError`` where answers
    cannot be located, or an answer has no token of its own.
    """
    special = special_tokens(tokenizer) if special is None else special
    placeholder_turns, spelt = replace_control_tokens(turns, special)
    text, answer_spans = spans(renderer(tokenizer, day), placeholder_turns, special)
    text, answer_spans, letters = _restore_control_tokens(text, answer_spans, spelt)
    ids, offsets = _tokens(tokenizer, text, letters, special)
    label_tokens = [False] * len(ids)
    for start, end in answer_spans:
        within = [n for n, (a, z) in enumerate(offsets) if _is_within(text, start, end, a, z)]
        if not within:
            raise UnfitRowError(f"the answer {text[start:end][:40]!r} has no token of its own: the tokenizer joins it")
        for number in within:
            label_tokens[number] = True
    return Encoded(ids=ids, label_tokens=label_tokens, spelt=tuple(spelt))


def encode_text(tokenizer: Any, text: str, spelt: Sequence[str], special: Sequence[str]) -> list[int]:
    """Return the tokens of a rendered text whose spelt control tokens were replaced by placeholders."""
    text, _, letters = _restore_control_tokens(text, [], spelt)
    return _tokens(tokenizer, text, letters, special)[0]


def _is_within(text: str, start: int, end: int, token_start: int, token_end: int) -> bool:
    """Return whether a token is within ``text[start:end]``, not counting white space around it."""
    # A token of white space may come with an empty range at its own end: it belongs to what ends there.
    reaches = token_start < end or token_start == token_end == end
    outside = text[token_start:start] + text[end:token_end]
    return token_end > start and reaches and not outside.strip()


# --- control tokens that rows spell --------------------------------------------------------------------------------


@lru_cache(maxsize=8)
def _control_tokens(special: tuple[str, ...]) -> re.Pattern[str]:
    """Return the pattern of the control tokens to replace."""
    return re.compile("|".join(re.escape(token) for token in special if token not in THOUGHTS) or "(?!)")


def replace_control_tokens(turns: Sequence[Turn], special: Sequence[str]) -> tuple[list[Turn], list[str]]:
    """Return turns with a placeholder for each control token spelt in them, and those tokens in order."""
    spelt: list[str] = []
    pattern = _control_tokens(tuple(special))

    def placeholder(match: re.Match[str]) -> str:
        spelt.append(match[0])
        return f"\uf0e3{len(spelt) - 1}\uf0e4"

    placeholder_turns = []
    for turn in turns:
        if PRIVATE.search(turn["content"]):
            raise UnfitRowError("a turn has characters of the private use area (U+F0E1 to U+F0E4), expected text")
        placeholder_turns.append({**turn, "content": pattern.sub(placeholder, turn["content"])})
    return placeholder_turns, spelt


def _restore_control_tokens(
    text: str, answer_spans: Sequence[Span], spelt: Sequence[str]
) -> tuple[str, list[Span], list[Span]]:
    """Return a rendered text with the placeholders replaced, the adjusted spans, and the positions of the replaced
    text.
    """
    letters: list[Span] = []
    moves: list[tuple[int, int]] = []  # (position, shift of the text from there on)
    shift = 0
    for place in PLACEHOLDER.finditer(text):
        token = spelt[int(place[1])]
        letters.append((place.start() + shift, place.start() + shift + len(token)))
        shift += len(token) - len(place[0])
        moves.append((place.end(), shift))
    full_text = PLACEHOLDER.sub(lambda place: spelt[int(place[1])], text)

    def moved(position: int) -> int:
        return position + max(((place, by) for place, by in moves if place <= position), default=(0, 0))[1]

    return full_text, [(moved(start), moved(end)) for start, end in answer_spans], letters


def _tokens(
    tokenizer: Any, text: str, letters: Sequence[Span], special: Sequence[str]
) -> tuple[list[int], list[tuple[int, int]]]:
    """Return the tokens of a text and their positions; text within ``letters`` is no control token."""
    ids: list[int] = []
    offsets: list[tuple[int, int]] = []

    def add(start: int, end: int, plain: bool) -> None:
        coded = tokenizer(
            text[start:end], add_special_tokens=False, return_offsets_mapping=True, split_special_tokens=plain
        )
        if (
            plain
            and end - start > 1
            and {tokenizer.convert_tokens_to_ids(t) for t in special} & set(coded["input_ids"])
        ):
            # The model's own vocabulary has the control token as a word: without its first letter it is not that token.
            add(start, start + 1, plain)
            add(start + 1, end, plain)
            return
        ids.extend(coded["input_ids"])
        offsets.extend((a + start, z + start) for a, z in coded["offset_mapping"])

    place = 0
    for start, end in letters:
        if place < start:
            add(place, start, False)
        add(start, end, True)
        place = end
    if place < len(text):
        add(place, len(text), False)
    return ids, offsets


# --- where the assistant writes ------------------------------------------------------------------------------------


def spans(render: Render, turns: Sequence[Turn], ends: Sequence[str]) -> tuple[str, list[Span]]:
    """Return the rendered conversation and the spans written by the assistant, each with its end-of-turn token.

    ``ends`` are the tokens that can end a turn. Raises ``UnfitRowError`` as ``encode`` does.
    """
    text = render(turns)
    places = [number for number, turn in enumerate(turns) if turn["role"] == "assistant"]
    if not places or places[-1] != len(turns) - 1:
        raise UnfitRowError("a conversation does not end with the assistant's turn, expected an answer to learn")
    answer_spans = [_span(render, turns, number, text, ends) for number in places]
    if not any(text[:end].endswith(tuple(ends)) for _, end in answer_spans[-1:]):
        raise UnfitRowError("the chat template writes no special token after an answer: a model never learns to stop")
    return text, answer_spans


def _span(render: Render, turns: Sequence[Turn], number: int, text: str, ends: Sequence[str]) -> Span:
    """Return the span of the assistant's turn ``number`` in ``text``."""
    content, before = turns[number]["content"], turns[:number]
    for thoughts in dict.fromkeys(("", _thoughts(content))):
        marked = render(_with(turns, number, thoughts + MARK))
        start = marked.find(MARK)
        stop = len(text) - (len(marked) - start - len(MARK))
        same_around = marked.count(MARK) == 1 and text[:start] + MARK + text[stop:] == marked
        if not same_around or text[start:stop].strip() != content[len(thoughts) :].strip():
            continue
        begin = _written_from(render, before, text, start)
        # A prompt may open the thoughts itself; all else of them has to be there as it was written.
        if thoughts and text[begin:start].strip() not in (
            thoughts.strip(),
            thoughts.strip().removeprefix(THOUGHTS[0]).strip(),
        ):
            continue
        return begin, stop + _end_length(render, turns, number, text, stop, ends)
    raise UnfitRowError(
        f"the chat template does not write the answer {content[:40]!r} as it is: "
        "give another one that does, by chat_template"
    )


def _thoughts(content: str) -> str:
    """Return the reasoning before an answer, with its tags; empty where there is none."""
    thoughts = re.match(r"\s*<think>.*</think>\s*", content, re.DOTALL)
    return thoughts[0] if thoughts else ""


def _with(turns: Sequence[Turn], number: int, content: str) -> list[Turn]:
    return [*turns[:number], {**turns[number], "content": content}, *turns[number + 1 :]]


def _written_from(render: Render, before: Sequence[Turn], text: str, start: int) -> int:
    """Return where a model begins to write: after the generation prompt, which may be followed by template text.

    Such text surrounds an answer without reasoning, for example empty thinking tags.
    """
    prompt = render(before, prompt=True) if before else ""
    has_generation_prompt = prompt and prompt != render(before)
    return len(prompt) if has_generation_prompt and len(prompt) <= start and text.startswith(prompt) else start


def _end_length(render: Render, turns: Sequence[Turn], number: int, text: str, stop: int, ends: Sequence[str]) -> int:
    """Return the length of the text that ends an answer, up to its first special token; 0 where there is none."""
    rest = text[stop:]
    if number == len(turns) - 1:
        return _first_end(rest, ends)
    alone = render(_with(turns[: number + 1], number, MARK)).rpartition(MARK)[2]
    if length := _first_end(_shared(alone, rest), ends):
        return length
    # A template that ends the last answer in another way: the text before the next turn ends this one, and opens
    # that one. With a single token there it can only be the opening.
    marked = render(_with(turns, number + 1, MARK))
    between = marked[stop : marked.find(MARK)] if marked.startswith(text[:stop]) else ""
    length = _first_end(between, ends)
    if not length or not _first_end(between[length:], ends):
        return 0
    before = render(turns[:number])
    prompt = render(turns[:number], prompt=True).removeprefix(before) if number else ""
    return 0 if between[:length].strip() in prompt else length


def _shared(first: str, second: str) -> str:
    """Return the common prefix of two texts."""
    pairs = enumerate(zip(first, second, strict=False))
    return first[: next((n for n, (a, b) in pairs if a != b), min(len(first), len(second)))]


def _first_end(text: str, ends: Sequence[str]) -> int:
    """Return the length of a text up to its first special token, that included; 0 where it has none."""
    reached = [(text.index(end), -len(end)) for end in ends if end and end in text]
    place, length = min(reached, default=(0, 0))
    return place - length
