"""Thinking parted from answers, as reasoning models write it: ``<think>…</think>`` before the answer."""

from __future__ import annotations

OPEN, CLOSE = "<think>", "</think>"


def parted(text: str) -> tuple[str | None, str]:
    """Return (reasoning, answer): the blocks' contents and what stands outside them; (None, text) where there is none.

    A block that closes without having been opened began in the prompt, as the templates of reasoning models do it. One
    that is never closed is unfinished: whatever stands before it, there is no answer, and the answer is empty.
    """
    if OPEN not in text and CLOSE not in text:
        return None, text
    rest = text if OPEN in text.split(CLOSE, 1)[0] else OPEN + text
    thoughts, answers = [], []
    while OPEN in rest:
        before, _, inside = rest.partition(OPEN)
        thought, closed, rest = inside.partition(CLOSE)
        answers.append(before)
        thoughts.append(thought.strip())
        if not closed:
            return _joined([*answers, *thoughts]), ""
    return _joined(thoughts), "".join([*answers, rest]).strip()


def _joined(parts: list[str]) -> str:
    return "\n\n".join(filter(None, map(str.strip, parts)))
