"""Word weights in bits: high for words that few questions contain, low for common ones.

A word weighs -log2 of its highest rate among the questions of any one public corpus: inverse document frequency
(Spärck Jones 1972). The rates are fixed, so that adding a benchmark, an item or a row changes no other result.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quality.decontamination.word_keys import WHOLE, words

F64 = NDArray[np.float64]
U64 = NDArray[np.uint64]

RATES = Path(__file__).with_name("word_rates.tsv")
"""Words, cut as they are compared, and their bits (made by ``tests/make_word_rates.py``)."""

RATES_SHA256 = "9f108267a9ff9fbda283bfee1de359440cd782382622a700a54e8a5b54bd8b18"
"""Identifies the file in the fingerprint of every step that weighs words."""

UNKNOWN_BITS = 16.0
"""Weight of a word absent, or nearly absent, from all corpora."""

COMMON_BITS = 2.0
COMMON_WORDS = (
    "a about above all also am an and any are as at be because been but by can case choice choose correct did "
    "do does each except false following for from given had has have he her him his how if in indicate "
    "incorrect into is it its least less likely may most more no none not of on one only option options or "
    "other patient question regarding right select she should some statement statements such than that the "
    "their them then there these they this those to true two used was were what when where which who whom why "
    "will with would wrong year years you your al algo como con cual cuales de del el ella en entre es esta "
    "este las lo los mas o para pero por que se señale siguiente siguientes sin sobre son su sus un una uno y "
    "au aux ce ces dans des du est et exacte fausse il la le les leur ou parmi pas plus pour propositions "
    "quelle quelles quels sont suivantes sur une vous"
)
"""Words found in the items of any examination."""

STEM_WORDS = (
    "answer answers appropriate best both cause caused causes concerning diagnosis differential feature "
    "features finding findings management next step seen treatment type types use uses accurate association "
    "associations assertion below characteristic characteristics describe described except false mark option "
    "point respect relation afirmacion afirmaciones ambas anteriores cierta correcta correctas falsa incorrecta "
    "indique opcion respuesta respuestas respecto todas verdadera aucune cochez exactes indiquer inexacte juste "
    "laquelle lesquelles proposition reponse toutes vraie yes maybe si oui "
    "concernant celle celles affirmations affirmation lequel lesquels caracterisant enunciado enunciados acerca "
    "relativo proposiciones pregunta"
)
"""Further words of bare stems."""

ASKING_WORDS = (
    "are can could did do does has have how is should was were what when where which who whom whose why will "
    "would cual cuales cuando como donde es esta estan que quien se señale son combien comment est laquelle "
    "lequel ou pourquoi quand quel quelle quelles quels qui sont indique "
    "except following excepto siguiente siguientes sauf suivante suivantes"
)
"""Words that turn the name of a topic into a question or sentence."""

JUDGING_WORDS = (
    "true false correct incorrect wrong accurate inaccurate cierto cierta ciertas falso falsa falsas correcta "
    "correctas correcto incorrecta incorrectas incorrecto verdadera verdadero verdaderas exacte exactes inexacte "
    "inexactes vrai vraie vraies faux fausse fausses juste justes"
)
"""Words of a stem with statements to judge."""


def word_bits(vocabulary: U64) -> F64:
    """Return the bits of each word of the vocabulary (keys of ``quality.decontamination.word_keys.words``)."""
    keys, values = _rates()
    at = np.minimum(np.searchsorted(keys, vocabulary), len(keys) - 1)
    bits: F64 = np.where(keys[at] == vocabulary, values[at], UNKNOWN_BITS)
    common = np.isin(vocabulary, words(pl.Series([COMMON_WORDS])).keys)
    return np.where(common, np.minimum(bits, COMMON_BITS), bits)


def known_words() -> U64:
    """Return the sorted keys of the words with a known rate."""
    return _rates()[0]


@cache
def stem_words() -> U64:
    """Return the sorted keys of the words that form bare stems."""
    return np.unique(words(pl.Series([COMMON_WORDS, STEM_WORDS])).keys)


def asking_words() -> U64:
    """Return the sorted keys of ``ASKING_WORDS``, uncut."""
    return _whole_keys(ASKING_WORDS)


def judging_words() -> U64:
    """Return the sorted keys of ``JUDGING_WORDS``, uncut."""
    return _whole_keys(JUDGING_WORDS)


@cache
def _whole_keys(listed: str) -> U64:
    return np.unique(words(pl.Series([listed]), WHOLE).keys)


@cache
def _rates() -> tuple[U64, F64]:
    """Return the sorted keys of the words of the table, and their bits."""
    text = RATES.read_bytes()
    if (digest := hashlib.sha256(text).hexdigest()) != RATES_SHA256:
        raise ValueError(f"{RATES} has sha256 {digest}, expected {RATES_SHA256}; install sabila again")
    table = [line.split("\t") for line in text.decode().splitlines()]
    rated_words = words(pl.Series([word for word, _ in table]))
    order = np.argsort(rated_words.keys)
    return rated_words.keys[order], np.array([float(bits) for _, bits in table])[order]
