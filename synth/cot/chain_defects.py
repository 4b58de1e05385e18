"""Defects of a chain of thought with a right answer, and the similarity of two chains."""

from __future__ import annotations

import re
from typing import Literal, get_args

from sources.shapes.row_shapes import LETTERS
from synth.answers.model_output import fold
from synth.teachers.thinking import control_marks

Defect = Literal[
    "too_short", "repeats_question", "mentions_given_answer", "foreign_letter", "repetitive", "control_marks"
]
DEFECTS: tuple[str, ...] = get_args(Defect)

GRAM = 4
"""Words in a row that count as the same passage; shorter runs are shared by any two medical texts."""

GIVEN = re.compile(
    r"(?:given|provided|stated|supplied|reference|expected|official) (?:(?:correct|right|final) )?(?:answers?|key)\b"
    r"|(?:reference|official|model) solution\b|(?:provided|supplied) (?:explanation|diagnosis)\b|answer key"
    r"|your eyes only|background note|\bhint (?:says|states|tells|suggests|given|provided)|\b(?:from|by) the hint\b"
    r"|(?:told|informed|given|shown) (?:us |me )?that the (?:\w+ )?answer|according to the (?:answer|key|explanation)\b"
    r"|the (?:\w+ )?answer (?:is|was|has been) (?:already )?(?:given|provided|stated|supplied|known)\b"
    r"|respuesta (?:correcta )?(?:dada|proporcionada|indicada|facilitada|de referencia)|clave de respuestas"
    r"|segun la (?:respuesta|explicacion|clave|pista)|reponse (?:correcte )?(?:donnee|fournie|indiquee|de reference)"
    r"|selon (?:la reponse|le corrige)|(?:vor|an)?gegebene\w? antwort|musterlosung|laut (?:der )?(?:losung|antwort)\b"
)
"""Phrases, in text without accents, of a chain that mentions an answer its reader has not seen."""

NAMED_LETTER = re.compile(r"\b(?:[Oo]ption|[Cc]hoice|[Oo]pci[óo]n|[Pp]roposition|[Aa]nswer choice)s? [(\[]?([A-Z])\b")


def word_grams(text: str) -> frozenset[tuple[str, ...]]:
    """Return the runs of ``GRAM`` words of a text, without case and accents; a shorter text is one run."""
    return frozenset(_runs(text))


def chain_similarity(first: frozenset[tuple[str, ...]], second: frozenset[tuple[str, ...]]) -> float:
    """Return the Jaccard similarity of two texts' runs of words, 1 for two empty ones."""
    return len(first & second) / len(first | second) if first or second else 1.0


def find_defect(
    chain: str, prompt: str, options: int, *, min_chars: int, max_repeated: float, max_repetition: float
) -> Defect | None:
    """Return the first defect of a chain (its text without the answer line), or None.

    ``prompt`` is the question as the prompt states it. ``max_repeated`` is the share of the chain's runs of words
    that may come from it, ``max_repetition`` the share that may repeat earlier ones of the chain itself.
    """
    if len(chain.strip()) < min_chars:
        return "too_short"
    runs, known = _runs(chain), word_grams(prompt)
    if sum(run in known for run in runs) > max_repeated * len(runs):
        return "repeats_question"
    if GIVEN.search(fold(chain)):
        return "mentions_given_answer"
    if options and any(letter not in LETTERS[:options] for letter in NAMED_LETTER.findall(chain)):
        return "foreign_letter"
    if len(runs) - len(set(runs)) > max_repetition * len(runs):
        return "repetitive"
    return "control_marks" if control_marks(chain) else None


def _runs(text: str) -> list[tuple[str, ...]]:
    words = re.findall(r"\w+", fold(text))
    return [tuple(words[at : at + GRAM]) for at in range(max(1, len(words) - GRAM + 1))] if words else []
