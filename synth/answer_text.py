"""A model's output made ready for reading: what it thought is cut off, and the marks of layout are taken out."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

THOUGHT = re.compile(r"<(?P<end>/?)(?:think|thinking|thought|reasoning)>", re.IGNORECASE)
WRAPPED = re.compile(r"\\(?:text|textbf|textrm|textit|textsf|mathrm|mathbf|mathsf|mathit|emph|bf|rm|bm)\s*\{([^{}]*)\}")
BOXED = re.compile(r"\\f?boxed\s*\{([^{}]*)\}|\\f?boxed\s+(\w)\b|<(?:final_)?answer>([^<]*)</(?:final_)?answer>")
LAYOUT = re.compile(
    r"\\[()\[\],;!%]|\\(?:quad|qquad|displaystyle)\b|[*`$]+|(?<!\w)_+|_+(?!\w)"
    r"|</?(?:b|i|em|strong|u|p|span|div|h[1-6])\b[^<>]*>|^[ \t]*[#>]+[ \t]*",
    re.MULTILINE,
)
QUOTES = str.maketrans("’‘´＂“”„«»‹›", "'''\"" + '"' * 7)
BLANKS = re.compile(r"[^\S\n]+")
BREAK = re.compile(r"\n+|(?<=[.!?;])\s+")


@dataclass(frozen=True, kw_only=True)
class AnswerText:
    """``cased`` is the text without layout, ``folded`` the same in lower case without accents, place by place.

    ``skipped`` is how many lines of the output come before it.
    """

    cased: str
    folded: str
    skipped: int = 0

    def sentence(self, at: int) -> tuple[int, int]:
        """Return where the sentence around ``at`` starts and ends."""
        start = max((found.end() for found in BREAK.finditer(self.folded, 0, at)), default=0)
        following = BREAK.search(self.folded, at)
        return start, following.start() if following else len(self.folded)

    def line_end(self, at: int) -> int:
        """Return where the line around ``at`` ends."""
        end = self.folded.find("\n", at)
        return len(self.folded) if end < 0 else end

    def line(self, at: int) -> int:
        """Return the number of the line of the output, from 0, in which ``at`` lies."""
        return self.skipped + self.cased.count("\n", 0, at)


def fold(text: str) -> str:
    """Return ``text`` in lower case and without accents, of the same length."""
    return "".join(map(_fold_character, text))


def plain(text: str) -> str:
    """Return ``text`` without marks of layout: Markdown, LaTeX, HTML; what is boxed or tagged stands in ``⟦⟧``."""
    text = unicodedata.normalize("NFKC", text).translate(QUOTES)
    while (unwrapped := WRAPPED.sub(r"\1", text)) != text:
        text = unwrapped
    text = BOXED.sub(lambda found: f"⟦{found[1] or found[2] or found[3] or ''}⟧", text)
    return BLANKS.sub(" ", LAYOUT.sub("", text))


def answer_text(output: str) -> AnswerText | None:
    """Return what stands after the last thought of ``output``; None where a thought was opened and never closed."""
    start = after_thought(output)
    if start is None:
        return None
    cased = plain(output[start:])
    return AnswerText(cased=cased, folded=fold(cased), skipped=output.count("\n", 0, start))


def after_thought(output: str) -> int | None:
    """Return where the last thought of ``output`` ends, 0 without thoughts, None for one that never ends."""
    start: int | None = 0
    for mark in THOUGHT.finditer(output):
        start = mark.end() if mark["end"] else None
    return start


def _fold_character(character: str) -> str:
    if character < "\x80":
        return character.lower()
    return unicodedata.normalize("NFD", character)[0].lower()[:1]
