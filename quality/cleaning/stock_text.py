"""Stock text: notices, greetings, sign-offs, self-descriptions of services and models.

A removal takes a phrase known to the letter, or a sentence made of stock words only.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from quality.cleaning.letter_form import remove_greeting, remove_sign_off
from quality.cleaning.matching import ascii_boundaries
from quality.cleaning.sentences import Removal, sentences
from quality.cleaning.stock_phrases import (
    remove_chat_doctor,
    remove_consult_online,
    remove_copyright,
    remove_phenotype_notice,
    remove_self,
)
from quality.cleaning.stock_sentences import (
    LONGEST,
    POINTING,
    SERVICE,
    bare_sentence,
    consists_of,
    remove_dangling,
    remove_disclaimer,
    remove_hope,
    remove_questions,
    remove_thanks,
    remove_wishes,
    whole_sentence,
)
from quality.cleaning.stock_words import COURTESY, DISCLAIMER

SIGNATURE_CHARS = 240
"""Characters at the end of a text searched for a sign-off."""


@dataclass(frozen=True)
class Stock:
    """One kind of stock text: its removal, and the signs of texts that may contain it.

    With ``words`` it is a whole sentence of these words (``STOCK_SENTENCE``). Otherwise the text contains one of
    ``cues`` (any case) and matches ``hint``; ``tail`` limits the hint to that many characters at the end, 0 for all.
    """

    name: str
    remove: Removal
    cues: tuple[str, ...] = ()
    words: frozenset[str] = frozenset()
    hint: str = ""
    tail: int = 0


STOCK: tuple[Stock, ...] = (
    Stock("hpo_notice", remove_phenotype_notice, ("human phenotype ontology",)),
    Stock("chat_doctor", remove_chat_doctor, ("chat doctor", "chatdoctor")),
    Stock(
        "consult_online",
        remove_consult_online,
        (">",),
        hint=r"(?i)online\s*\.?\s*(?:-+|—)?>|-->\s*(?:$|<link>)",
    ),
    Stock("not_medical_advice", remove_disclaimer, words=DISCLAIMER),
    Stock(
        "as_a_model",
        remove_self,
        ("an ai", "artificial intelligence", "language model", "not a doctor", "not a physician"),
        hint=r"(?i)\ban? (?:AI|artificial intelligence|(?:large )?language model)\b|not an? (?:doctor|physician)[.!]",
    ),
    Stock(
        "greeting",
        remove_greeting,
        hint=r"(?i)^\s*(?:good |hi|hello|hey|dear|thank|many thanks|greetings|welcome|namaste|i |we |i.m |"
        r"respected|assalam|salam|hope|this is|my name|and |hola|bonjour|salut|gracias|muchas|merci|to whom)",
    ),
    Stock("thanks", remove_thanks, words=SERVICE),
    Stock("hope_this_helps", remove_hope, words=COURTESY),
    Stock("further_questions", remove_questions, words=COURTESY),
    Stock("wishes", remove_wishes, words=COURTESY),
    Stock(
        "sign_off",
        remove_sign_off,
        hint=r"(?i:regards|sincerely|faithfully|respectfully|warmly|\bcheers\b|\btake care\b|\b(?:best|warm) wishes|"
        r"\bthanks\b|\byours\b|\bsigned\b|wishing you well)|(?:[Tt]hank you|[Tt]ruly|[Ww]ishes)\W*$|"
        r"\b(?:[Bb]est|[Ll]ove),\s|[A-Z][A-Za-z.-]{0,5}[A-Z.][\s).]*$|\b[Dd][Rr]\b[^\n]{0,60}\s*$",
        tail=SIGNATURE_CHARS,
    ),
    Stock("dangling_link", remove_dangling, words=POINTING),
    Stock(
        "copyright",
        remove_copyright,
        ("©", "(c)", "copyright"),
        hint=r"©|(?i)\(c\) ?(?:copyright )?\d{4}|copyright ?\d{4}",
    ),
)
"""The stock texts, in the order of the search."""

CUES = [cue for kind in STOCK for cue in kind.cues]
STOCK_WORDS = frozenset().union(*(kind.words for kind in STOCK))
STOCK_SENTENCE = whole_sentence(STOCK_WORDS)
"""Pattern of lower-case texts that contain a sentence made of stock words only."""
SIFTED = 64
"""Number of texts from which compiling ``STOCK_SENTENCE`` is faster than checking each text."""


def find_stock(texts: pl.Series) -> dict[str, pl.Series]:
    """Return, for each kind of stock text, the positions of the texts that may contain it."""
    numbered, text = texts.alias("text").to_frame().with_row_index("offset"), pl.col("text")
    candidates = numbered
    if texts.len() >= SIFTED:
        candidates = numbered.filter(text.str.to_lowercase().str.contains(STOCK_SENTENCE))
    cued = numbered.filter(text.str.contains_any(CUES, ascii_case_insensitive=True))
    positions: dict[str, list[int]] = {kind.name: [] for kind in STOCK}
    for at, content in candidates.iter_rows():
        for name in _sentence_kinds(content):
            positions[name].append(at)
    for kind in STOCK:
        if not kind.words:
            rows = numbered
            if kind.cues:
                rows = cued.filter(text.str.contains_any(list(kind.cues), ascii_case_insensitive=True))
            if kind.hint and rows.height:
                near = text.str.tail(kind.tail) if kind.tail else text
                rows = rows.filter(near.str.contains(ascii_boundaries(kind.hint)))
            positions[kind.name] = rows["offset"].to_list()
    return {name: pl.Series(at, dtype=pl.UInt32) for name, at in positions.items()}


def _sentence_kinds(text: str) -> set[str]:
    """Return the kinds of stock text whose words make up a sentence of ``text``."""
    kinds: set[str] = set()
    for start, end in sentences(text):
        if end - start <= LONGEST and (sentence := bare_sentence(text[start:end], STOCK_WORDS)):
            kinds |= {kind.name for kind in STOCK if consists_of(sentence, kind.words)}
    return kinds
