"""Superscripts and subscripts in plain text: ``10<sup>5.2</sup>`` is 10^5.2, never 105.2."""

from __future__ import annotations

import re

_SIMPLE = re.compile(r"[-+−–]?(?:\d+(?:[.,·]\d+)*|[^\W\d_]+|\d*[^\W\d_]{1,2})|\d+[-+−–]")
_CITATION = re.compile(r"\d+(?:\s*[-–,;]\s*\d+)*")
_ORDINALS = frozenset(("st", "nd", "rd", "th", "er", "ère", "ème", "eme"))
_DEGREES = frozenset("o0º°")


def superscript(text: str, before: str, after: str) -> str:
    """Return a superscript as text: exponents get a ``^``; mass numbers before their symbol and bare signs do not.

    ``before`` is the text before it, ``after`` the character after it.
    """
    last, rest = before[-1:], before.rstrip()[-1:]
    if text in _DEGREES and rest.isdigit() and after in ("C", "F"):
        written = "°"
    elif text.lower() == "tm":
        written = "™"
    elif not _has_word(text) or (last.isdigit() and text.lower() in _ORDINALS):
        written = text
    elif last and last in '.,;:!?"”’' and _CITATION.fullmatch(text):
        written = f"[{text}]"
    elif not last.isalnum() and last not in tuple(")]}") and after.isalpha() and after.isupper():
        written = text
    else:
        written = "^" + _wrapped(text, after)
    return written


def subscript(text: str, before: str, after: str) -> str:
    """Return a subscript as text: H2O, log10 and Vmax as usually written, others after an underscore."""
    last = before[-1:]
    if not _has_word(text) or not (last.isalnum() or last in tuple(")]}")):
        return text
    runs_on = text[-1].isdigit() and after.isdigit()
    if not last.isdigit() and not runs_on and (text.isalnum() or text == "1/2"):
        return text
    return "_" + _wrapped(text, after)


def _wrapped(text: str, after: str) -> str:
    """Return the text in parentheses where it would otherwise merge with the following text."""
    runs_on = after.isdigit() or (after.isalpha() and text[-1:].isalpha())
    return text if _SIMPLE.fullmatch(text) and not runs_on else f"({text})"


def _has_word(text: str) -> bool:
    return any(char.isalnum() for char in text)
