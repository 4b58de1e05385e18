"""A model's output prepared for parsing, without its reasoning and marks of layout."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from dataclasses import dataclass
from functools import cache, cached_property

from synth.teachers.thinking import after_thought, without_end

WRAPPED = re.compile(r"\\(?:text|textbf|textrm|textit|textsf|mathrm|mathbf|mathsf|mathit|emph|bf|rm|bm)\s*\{([^{}]*)\}")
BOXED = re.compile(
    r"\\f?boxed\s*\{([^{}]*)\}|\\f?boxed\s+(\w)\b|"
    r"(?:<(?:(?:final|correct)[_ -]?)?(?:answer|ans|final|solution|result|verdict|prediction)>"
    r"|\[(?:final[_ ])?answer\])([^<\[]*)(?:</[\w -]+>|\[/(?:final[_ ])?answer\])",
    re.IGNORECASE,
)
LAYOUT = re.compile(
    r"\\[()\[\],;!]|\\(?:quad|qquad|displaystyle)\b|[*`$]+|(?<!\w)_+|_+(?!\w)"
    r"|</?(?:b|i|em|strong|u|p|span|div|h[1-6]|[uo]l|li|center|font|code|pre|blockquote|table|tbody|tr|td)\b[^<>]*>"
    r"|^[ \t]*(?:[#>](?!\s?[\d.]))+[ \t]*",
    re.MULTILINE,
)
"""Marks of Markdown, LaTeX and HTML; a ``>`` before a number is a sign: "> 5 cm"."""

INVISIBLE = re.compile(r"[\x00-\x08\x0e-\x1f\x7f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
"""Characters without width, marks of direction and control characters."""

SUPERSCRIPT = re.compile(r"(?<=\d)[⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+")
"""An exponent of a number: the compatible form of 10⁶ would be 106."""

FRACTION = re.compile(r"\\[dt]?frac\s*\{(-?[\d.]+)\}\s*\{([\d.]+)\}")
SCRIPT = re.compile(r"(?:(\^)|_)\{([^{}\n]*)\}")
SIGNS = {
    **{"times": "×", "cdot": "·", "div": "÷", "pm": "±", "approx": "≈", "sim": "~", "degree": "°", "circ": "°"},
    **{"le": "≤", "leq": "≤", "ge": "≥", "geq": "≥", "lt": "<", "gt": ">", "neq": "≠"},
    **{"to": "→", "rightarrow": "→", "uparrow": "↑", "downarrow": "↓", "alpha": "α", "beta": "β", "gamma": "γ"},
    **{"delta": "δ", "Delta": "Δ", "epsilon": "ε", "kappa": "κ", "lambda": "λ", "mu": "μ", "omega": "ω", "Omega": "Ω"},
    **dict(zip("%&#", "%&#", strict=True)),
}
SIGN = re.compile(rf"\\(?:({'|'.join(filter(str.isalpha, SIGNS))})(?![A-Za-z])|([%&#]))")
"""LaTeX for a sign: ``\\times``, ``\\leq``, ``\\%``."""

THOUSANDS = re.compile(r"(?<![\w.,])[1-9]\d{0,2}(?:,\d{3})+(?![\d,]|\.\d+,)")
NO_UNIT = re.compile(r"(?<![\w.])\.(?=\d)")
DASHED_RANGE = re.compile(r"(?<=\d) ?[–—] ?(?=\d)")
NARROW_THOUSANDS = re.compile(r"(?<=\d)[\u00a0\u2009\u202f](?=\d{3}(?!\d))")
QUOTES = str.maketrans("’‘´＂“”„«»‹›【】「」『』。、−‐‑", "'''\"" + '"' * 7 + '[]""""' + ".,---")
QUOTED = re.compile(r"[«‹]\s|\s[»›](?!\w)")
CHINESE = re.compile(
    r"(?:正确|最终|最佳)?(?:答案|选项)[^\S\n]*(?:应该?)?(?:是|为|选)?\]?[^\S\n]*[::]?[^\S\n]*(?=[\[(]?[A-Ja-j]\b)"
    r"|(?<![不别])选择?[^\S\n]*(?=[\[(]?[A-J]\b)"
)
"""Chinese phrases that call a letter the answer."""

BLANKS = re.compile(r"[^\S\n]+")
BREAK = re.compile(r"\n+|(?<=[.!?;])\s+")

REACH = 400
"""Characters around a place that are searched; a model that repeats itself writes sentences without end."""


@dataclass(frozen=True, kw_only=True)
class AnswerText:
    """``cased`` is the text without layout, ``folded`` the same in lower case without accents, place by place.

    ``skipped`` is the number of lines of the output before it.
    """

    cased: str
    folded: str
    skipped: int = 0

    def sentence(self, at: int) -> tuple[int, int]:
        """Return where the sentence around ``at`` starts and ends, or ``REACH`` before and after it."""
        place = bisect_right(self._starts, at)
        start = self._starts[place - 1]
        stop = max(at, self._ends[place - 1])
        return max(start, at - REACH), min(stop, at + REACH)

    def last_sentence(self) -> tuple[int, int]:
        """Return where the last sentence starts and ends, or ``REACH`` before the end."""
        stop = len(self.folded.rstrip())
        line = max(self.folded.rfind("\n", 0, stop) + 1, stop - REACH)
        return max((end.end() for end in BREAK.finditer(self.folded, line, stop)), default=line), stop

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(end for _, end in self._breaks)]

    @cached_property
    def _ends(self) -> list[int]:
        return [*(start for start, _ in self._breaks), len(self.folded)]

    @cached_property
    def _breaks(self) -> list[tuple[int, int]]:
        return [match.span() for match in BREAK.finditer(self.folded)]

    def line_end(self, at: int) -> int:
        """Return where the line around ``at`` ends, or ``REACH`` after it."""
        end = self.folded.find("\n", at, at + REACH)
        return min(len(self.folded), at + REACH) if end < 0 else end

    def line(self, at: int) -> int:
        """Return the number of the line of the output, from 0, in which ``at`` lies."""
        return self.skipped + self.cased.count("\n", 0, at)


def fold(text: str) -> str:
    """Return ``text`` in lower case and without accents, of the same length; scripts without cases stay as they are."""
    return text.lower() if text.isascii() else text.translate(_folds())


def plain(text: str) -> str:
    """Return ``text`` without marks of layout: Markdown, LaTeX, HTML; boxed or tagged text is put in ``⟦⟧``.

    Numbers are written one way: "1,500" as "1500", ".5" as "0.5", "10⁶" as "10^6", "20–30" as "20-30".
    """
    text = INVISIBLE.sub("", text)
    if not text.isascii():
        text = NARROW_THOUSANDS.sub("", SUPERSCRIPT.sub(lambda match: f"^{match[0]}", text))
        text = QUOTED.sub('"', unicodedata.normalize("NFKC", text)).translate(QUOTES)
        text = CHINESE.sub("answer: ", DASHED_RANGE.sub("-", text))
    text = NO_UNIT.sub("0.", THOUSANDS.sub(lambda match: match[0].replace(",", ""), text))
    if "\\" in text or "{" in text:
        text = _without_latex(text)
    text = BOXED.sub(lambda match: f"⟦{match[1] or match[2] or match[3] or ''}⟧", text)
    return BLANKS.sub(" ", LAYOUT.sub("", text))


def _without_latex(text: str) -> str:
    """Return ``text`` with the signs, fractions and scripts of LaTeX written in plain characters."""
    while (unwrapped := WRAPPED.sub(r"\1", text)) != text:
        text = unwrapped
    text = SIGN.sub(lambda match: SIGNS[match[1] or match[2]], text)
    text = FRACTION.sub("\\1\u2044\\2", text)
    return SCRIPT.sub(lambda match: f"{match[1] or ''}{match[2]}", text).replace("^°", "°")


def answer_text(output: str) -> AnswerText | None:
    """Return the text after the reasoning of ``output``; None where the reasoning was never closed."""
    start = after_thought(output)
    if start is None:
        return None
    cased = plain(without_end(output[start:]))
    return AnswerText(cased=cased, folded=fold(cased), skipped=output.count("\n", 0, start))


@cache
def _folds() -> dict[int, str]:
    """Return the folded form of each character up to the Greek, Cyrillic and extended Latin ones, one for one."""
    return {code: unicodedata.normalize("NFD", chr(code))[0].lower()[:1] for code in range(0x2000)}
