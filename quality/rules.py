"""Rules: each names the rows it drops and keeps what it saw as evidence. Cleaning steps 1 and 2 of Aloe Beta.

A new rule is one function and one line in ``RULES``.
"""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked

from quality.boilerplate import JUNK_ANSWERS, JUNK_QUESTIONS
from quality.language import foreign
from sources.table import question_text

ANSWERLESS_TASKS = ("safety",)
"""Tasks whose rows may be prompts alone."""


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Rules:
    """The thresholds of the rules.

    ``min_distinct_words`` is the share of different words among all, looked at from ``repetition_words`` words on;
    a text is judged by its language from ``language_letters`` letters on.
    """

    min_question_chars: int = Field(default=4, ge=1, le=10_000)
    min_answer_chars: int = Field(default=1, ge=1, le=10_000)
    max_row_chars: int = Field(default=60_000, ge=100)
    min_distinct_words: float = Field(default=0.12, ge=0, lt=1)
    repetition_words: int = Field(default=60, ge=10)
    language_letters: int = Field(default=40, ge=10)
    language_confidence: float = Field(default=0.8, gt=0, le=1)


Found = pl.DataFrame
"""What a rule found: ``at``, the row's place, and ``evidence``, what was seen there."""

Find = Callable[[pl.DataFrame, Rules], Found]

QUESTION, ANSWER, CHARS = pl.col("_question"), pl.col("_answer"), pl.col("_chars")
NEVER = pl.lit(False)


def apply_rules(rows: pl.DataFrame, config: Rules) -> pl.DataFrame:
    """Return the rows with ``drop``, the name of the first rule a row breaks or null, and ``evidence``."""
    seen = rows.with_columns(
        _question=question_text().str.strip_chars(),
        _answer=pl.coalesce("response", "answer", pl.lit("")).str.strip_chars(),
    ).with_row_index("at")
    seen = seen.with_columns(_chars=QUESTION.str.len_chars() + ANSWER.str.len_chars() + _chars("context", "rationale"))
    found = [rule(seen, config).select("at", "evidence", drop=pl.lit(name)) for name, rule in RULES.items()]
    first = pl.concat(found).unique("at", keep="first", maintain_order=True)
    return seen.join(first, on="at", how="left", maintain_order="left").select(*rows.columns, "drop", "evidence")


def _chars(*names: str) -> pl.Expr:
    return pl.sum_horizontal(pl.col(name).str.len_chars().fill_null(0) for name in names)


def key(text: pl.Expr) -> pl.Expr:
    """Return the text as texts are compared: lower case, all but letters, digits and ``<>≤≥±%+`` one space."""
    return text.str.to_lowercase().str.replace_all(r"[^\p{L}\p{N}<>≤≥±%+]+", " ").str.strip_chars(" ")


def where(broken: pl.Expr, evidence: pl.Expr = QUESTION) -> Find:
    """Return a rule that finds the rows for which ``broken`` holds."""
    return lambda rows, config: rows.filter(broken).select("at", evidence=evidence)


def short(text: pl.Expr, limit: Callable[[Rules], int]) -> Find:
    """Return a rule that finds texts that are there but under a number of characters."""
    return lambda rows, config: rows.filter((text != "") & (text.str.len_chars() < limit(config))).select(
        "at", evidence=text
    )


def junk(text: pl.Expr, listed: frozenset[str], unless: pl.Expr = NEVER) -> Find:
    """Return a rule that finds texts on a list of junk; only short ones are looked at, the list has no others."""
    longest = 2 * max(map(len, listed))
    return lambda rows, config: (
        rows.filter((text.str.len_bytes() <= longest) & ~unless)
        .filter(key(text).is_in(listed))
        .select("at", evidence=text)
    )


def echo(rows: pl.DataFrame, config: Rules) -> Found:
    """Find answers that only say the question again; texts of very unlike lengths cannot."""
    alike = ANSWER.str.len_bytes().is_between(QUESTION.str.len_bytes() / 2, QUESTION.str.len_bytes() * 2)
    return rows.filter((ANSWER != "") & alike).filter(key(ANSWER) == key(QUESTION)).select("at", evidence=ANSWER)


def long_row(rows: pl.DataFrame, config: Rules) -> Found:
    """Find rows whose texts together are longer than any model's window will be."""
    return rows.filter(CHARS > config.max_row_chars).select("at", evidence=pl.format("{} characters", CHARS))


def repeated_option(rows: pl.DataFrame, config: Rules) -> Found:
    """Find questions two of whose options read the same: no letter is the answer there."""
    same = pl.element().str.to_lowercase().str.replace_all(r"\s+", " ").str.strip_chars()
    options = rows.select("at", "options", n=pl.col("options").list.eval(same).list.n_unique())
    return options.filter(pl.col("n") < pl.col("options").list.len()).select(
        "at", evidence=pl.col("options").list.join(" | ")
    )


def repetition(rows: pl.DataFrame, config: Rules) -> Found:
    """Find answers that say a few words over and over."""
    long = rows.filter(ANSWER.str.len_chars() > 2 * config.repetition_words).select(
        "at", words=ANSWER.str.to_lowercase().str.split(" ")
    )
    share = pl.col("words").list.n_unique() / pl.col("words").list.len()
    monotonous = (pl.col("words").list.len() >= config.repetition_words) & (share < config.min_distinct_words)
    return long.filter(monotonous).select(
        "at",
        evidence=pl.format(
            "{} words, {} of them different", pl.col("words").list.len(), pl.col("words").list.n_unique()
        ),
    )


def wrong_language(rows: pl.DataFrame, config: Rules) -> Found:
    """Find rows whose question, options and answer are not in the language their corpus is in."""
    texts = rows.select(
        pl.concat_str(QUESTION.str.head(400), pl.col("options").list.join(" "), ANSWER.str.head(400), separator=" ")
    ).to_series()
    found = foreign(texts, rows["lang"], min_letters=config.language_letters, min_confidence=config.language_confidence)
    return found.select("at", evidence=pl.format("{} ({})", "lang", pl.col("confidence").round(3)))


def no_answer(rows: pl.DataFrame, config: Rules) -> Found:
    """Find rows without an answer, but for tasks whose rows are prompts alone."""
    answerless = (ANSWER == "") & ~pl.col("task").is_in(ANSWERLESS_TASKS)
    return rows.filter(answerless).select("at", evidence=QUESTION)


IMAGE = pl.col("meta").str.json_path_match("$.image").fill_null("")
IMAGE_WORDS = (
    r"(?i)((?:see|refer(?:s|ring)? to|linked to|in|shown in|from) the (?:image|picture|photograph) "
    r"(?:below|above|shown|provided|attached|number|no\.?|n\.?|\d)|\[figure: see text\])"
)

RULES: dict[str, Find] = {
    "no_question": where(QUESTION == ""),
    "no_answer": no_answer,
    "junk_question": junk(QUESTION, JUNK_QUESTIONS),
    "junk_answer": junk(ANSWER, JUNK_ANSWERS, unless=pl.col("options").list.len() > 0),
    "needs_image": where(
        (IMAGE != "") | QUESTION.str.contains(IMAGE_WORDS),
        pl.when(IMAGE != "").then(IMAGE).otherwise(QUESTION.str.extract(IMAGE_WORDS)),
    ),
    "short_question": short(QUESTION, lambda config: config.min_question_chars),
    "short_answer": short(ANSWER, lambda config: config.min_answer_chars),
    "long_row": long_row,
    "repeated_option": repeated_option,
    "echo": echo,
    "repetition": repetition,
    "wrong_language": wrong_language,
}
"""The rules in the order in which they claim a row."""
