"""A thousand model answers whose truth is known: put together by seed from parts in ``fixtures/answers``.

Five styles (an answer line, a sentence, LaTeX, JSON, the option's text) and three more kinds of question (yes or no,
several right options, no answer at all), in four languages, from a single letter to a page of doubts. Every third
sample is made of other parts and questions: those were held out while the extractor was written.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

FOLDER = Path(__file__).parent / "fixtures" / "answers"
LANGUAGES = ("en", "es", "fr", "de")
STYLES = ("line", "prose", "boxed", "json", "text")
KINDS = (*STYLES * 3, "alone", "decision", "decision", "several", "none", "none")
LENGTHS = ("terse", "short", "medium", "rambling", "thinking")
TRAPS = ("refute", "tempt", "revise", "doubt", "condition", "format")

WORDS = {
    "en": {"yes": "yes", "no": "no", "maybe": "maybe", "and": "and"},
    "es": {"yes": "sí", "no": "no", "maybe": "quizás", "and": "y"},
    "fr": {"yes": "oui", "no": "non", "maybe": "peut-être", "and": "et"},
    "de": {"yes": "ja", "no": "nein", "maybe": "vielleicht", "and": "und"},
}

Parts = dict[str, list[Any]]


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One output, what was asked, and what it answers: letters, a decision, or nothing."""

    text: str
    lang: str
    options: tuple[str, ...]
    truth: tuple[str, ...]
    kind: str
    length: str
    several: bool
    held_out: bool


def samples(count: int = 1000, seed: int = 0) -> list[Sample]:
    """Return ``count`` different samples; every third is held out."""
    parts = {lang: tomllib.loads((FOLDER / f"{lang}.toml").read_text(encoding="utf-8")) for lang in LANGUAGES}
    rng = Random(seed)
    made: dict[str, Sample] = {}
    while len(made) < count:
        held_out = len(made) % 3 == 2
        lang = rng.choice(LANGUAGES)
        sample = _sample(parts[lang]["held" if held_out else "tuned"], lang, held_out, rng)
        made.setdefault(f"{sample.options} {sample.text}", sample)
    return list(made.values())


def _sample(parts: Parts, lang: str, held_out: bool, rng: Random) -> Sample:
    kind, length = rng.choice(KINDS), rng.choice(LENGTHS)
    if kind == "decision":
        text, options, truth = _decision(parts, lang, length, rng)
    else:
        text, options, truth = _choice(parts, lang, kind, length, rng)
    several = kind == "several"
    return Sample(
        text=text, lang=lang, options=options, truth=truth, kind=kind, length=length, several=several, held_out=held_out
    )


def _decision(parts: Parts, lang: str, length: str, rng: Random) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    truth = rng.choice(("yes", "no", "maybe"))
    word = WORDS[rng.choice((lang, lang, "en"))][truth]
    wrong = rng.choice([w for decision, w in WORDS[lang].items() if decision not in (truth, "and")])
    slots = {"D": rng.choice((word, word.capitalize())), "W": wrong}
    before = [rng.choice(parts["decisions"])] if length == "rambling" and rng.random() < 0.3 else []
    before += _some(parts["reasoning_plain"], {"terse": 0, "short": 1, "medium": 2}.get(length, 3), rng)
    text = _joined(before, rng.choice(parts["decision"]), [], length, rng)
    return _filled(text, slots), ("yes", "no", "maybe"), (truth,)


def _choice(
    parts: Parts, lang: str, kind: str, length: str, rng: Random
) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    question, *options = rng.choice(parts["questions"])
    rng.shuffle(options)
    letters = "ABCDE"[: len(options)]
    slots, truth = _slots(letters, options, lang, kind == "several", rng)
    before = _body(parts, kind, length, rng)
    if length == "rambling" and rng.random() < 0.3:
        before.insert(0, "\n".join([question, *(f"{a}. {b}" for a, b in zip(letters, options, strict=True)), ""]))
    final = rng.choice(parts[kind])
    if kind == "none":
        final, truth = final[1], ()
        if rng.random() < 0.15 and length != "thinking":
            before, final = ["<think>", *before], "Answer: {R}"
    bare = kind in ("alone", "none") or final.startswith("{right}")
    after = [] if bare or length == "terse" or rng.random() < 0.6 else [rng.choice(parts["after"])]
    return _filled(_joined(before, final, after, length, rng), slots), tuple(options), truth


def _slots(
    letters: str, options: list[str], lang: str, several: bool, rng: Random
) -> tuple[dict[str, str], tuple[str, ...]]:
    right, wrong, other = rng.sample(letters, 3)
    text = dict(zip(letters, options, strict=True))
    slots = {"R": right, "right": text[right], "W": wrong, "wrong": text[wrong], "V": other, "other": text[other]}
    slots["X"] = rng.choice("FGHK")
    truth = tuple(sorted(rng.sample(letters, rng.choice((2, 2, 3))))) if several else (right,)
    *most, last = truth
    joint = f" {WORDS[lang]['and']} "
    forms = [", ".join(truth), ", ".join(most) + joint + last, ", ".join(f"({a})" for a in most) + f"{joint}({last})"]
    slots["L"] = rng.choice(forms)
    slots["Q"] = ", ".join(f'"{letter}"' for letter in truth)
    return slots, truth


def _body(parts: Parts, kind: str, length: str, rng: Random) -> list[str]:
    """Return what is said before the answer; an answer that never comes is not preceded by one taken back."""
    traps = [trap for trap in TRAPS if kind not in ("none", "several", "alone") or trap in ("refute", "doubt")]
    counts = {"terse": (0, 0), "short": (1, 0), "medium": (2, 1), "rambling": (8, 5), "thinking": (1, 1)}
    reasons, snares = counts[length]
    body = _some(parts["reasoning"], reasons, rng)
    for trap in _some(traps, snares, rng):
        body.insert(rng.randint(0, len(body)), rng.choice(parts[trap]))
    return body


def _joined(before: list[str], final: str, after: list[str], length: str, rng: Random) -> str:
    """Return the parts as one text; the answer stands on a line of its own more often than not."""
    body = rng.choice((" ", "\n", "\n\n")).join(before)
    if length == "thinking":
        return (
            f"<think>\n{body}\nAnswer: {{W}}\n</think>\n\n{final}" if rng.random() < 0.7 else f"{body}</think>{final}"
        )
    own_line = final.startswith(("{", "*", "#", "`", "[", "(", "$", "\\")) or ":" in final or rng.random() < 0.5
    text = f"{body}{chr(10) * 2 if own_line else ' '}{final}" if body else final
    return text + "".join(rng.choice(("\n\n", "\n")) + part for part in after)


def _some(items: list[str], count: int, rng: Random) -> list[str]:
    return rng.sample(items, min(count, len(items)))


def _filled(text: str, slots: dict[str, str]) -> str:
    for name, value in slots.items():
        text = text.replace(f"{{{name}}}", value)
    return text
