"""Rules: each names the rows it drops and keeps what it saw as evidence. Cleaning steps 1 and 2 of Aloe Beta.

A new rule is one function and one line in ``RULES``.
"""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked

from quality.boilerplate import JUNK_ANSWERS, JUNK_QUESTIONS
from quality.key import key
from quality.language import foreign
from quality.outcome import VERBATIM_TASKS
from sources.shapes import LETTERS
from sources.table import question_text

ANSWERLESS_TASKS = ("safety",)
"""Tasks whose rows may be prompts alone."""

PROSE_TASKS = ("qa", "dialogue", "explanation", "diagnosis", "treatment-planning")
"""Tasks whose answers are sentences."""


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid", strict=True))
class Rules:
    """The thresholds of the rules.

    ``min_answer_chars`` is asked of answers that stand alone, ``min_prose_chars`` where the task asks for sentences.
    ``min_distinct_words`` is the share of different words among the first 200, looked at from ``repetition_words``
    words on; a text is judged by its language from ``language_letters`` letters on.
    """

    min_question_chars: int = Field(default=4, ge=1, le=10_000)
    min_answer_chars: int = Field(default=3, ge=1, le=10_000)
    max_row_chars: int = Field(default=60_000, ge=100, le=1_000_000_000)
    min_prose_chars: int = Field(default=12, ge=1, le=10_000)
    min_distinct_words: float = Field(default=0.2, ge=0, lt=1)
    repetition_words: int = Field(default=10, ge=5, le=10_000)
    language_letters: int = Field(default=40, ge=10, le=10_000)
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


def where(broken: pl.Expr, evidence: pl.Expr = QUESTION) -> Find:
    """Return a rule that finds the rows for which ``broken`` holds."""
    return lambda rows, config: rows.filter(broken).select("at", evidence=evidence)


def junk(text: pl.Expr, listed: frozenset[str], unless: pl.Expr = NEVER) -> Find:
    """Return a rule that finds texts on a list of junk; only short ones are looked at, the list has no others."""
    longest = 2 * max(map(len, listed))
    return lambda rows, config: (
        rows.filter((text.str.len_bytes() <= longest) & ~unless)
        .filter(key(text).is_in(listed))
        .select("at", evidence=text)
    )


UNAIDED = (pl.col("options").list.len() == 0) & pl.col("context").is_null() & pl.col("rationale").is_null()
"""Answers that stand alone: no option, no quotation from a context, no result after its reasons."""


def short_question(rows: pl.DataFrame, config: Rules) -> Found:
    """Find questions too short to ask anything."""
    return rows.filter(QUESTION.str.len_chars() < config.min_question_chars).select("at", evidence=QUESTION)


def short_answer(rows: pl.DataFrame, config: Rules) -> Found:
    """Find answers that stand alone and are too short to teach anything; prose is asked for more."""
    least = pl.when(pl.col("task").is_in(PROSE_TASKS)).then(config.min_prose_chars).otherwise(config.min_answer_chars)
    short = (ANSWER != "") & (ANSWER.str.len_chars() < least) & ~pl.col("task").is_in(VERBATIM_TASKS)
    return rows.filter(UNAIDED & short).select("at", evidence=ANSWER)


def empty_option(rows: pl.DataFrame, config: Rules) -> Found:
    """Find questions whose right option, or every option, holds no word: only marks, or its own letter."""
    positions = pl.int_range(pl.len()).replace_strict(dict(enumerate(LETTERS)), default=None, return_dtype=pl.String)
    hollow = ~pl.element().str.contains(r"[\p{L}\p{N}]") | (
        pl.element().str.strip_chars().str.to_uppercase() == positions
    )
    asked = rows.filter(pl.col("options").list.len() > 0).with_columns(_hollow=pl.col("options").list.eval(hollow))
    right = pl.col("_hollow").list.gather(pl.col("gold")).list.any() & ~pl.col("_hollow").list.all()
    no_word = (
        pl.col("options").list.gather(pl.col("gold")).list.eval(~pl.element().str.contains(r"[\p{L}\p{N}]")).list.any()
    )
    return asked.filter(pl.col("_hollow").list.all() | (right & no_word)).select(
        "at", evidence=pl.col("options").list.join(" | ")
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
    long = rows.filter(ANSWER.str.len_bytes() > 3 * config.repetition_words).select(
        "at", words=ANSWER.str.head(1600).str.to_lowercase().str.split(" ").list.head(200)
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
    r"(?i)((?:image|picture|photograph|photomicrograph|figure|radiograph|x-ray|scan|ECG|EKG|tracing|graph|diagram)s? "
    r"(?:is |are )?(?:shown |given |provided |depicted )?(?:below|above)\b|"
    r"(?:see|refer(?:s|ring)? to|linked to|shown in) the (?:image|picture|photograph|figure)\b|\[figure: see text\])"
)

RULES: dict[str, Find] = {
    "no_question": where(QUESTION == ""),
    "no_answer": no_answer,
    "junk_question": junk(QUESTION, JUNK_QUESTIONS),
    "junk_answer": junk(ANSWER, JUNK_ANSWERS, unless=pl.col("options").list.len() > 0),
    "needs_image": where(
        (IMAGE != "") | QUESTION.str.contains(IMAGE_WORDS) | ANSWER.str.contains(IMAGE_WORDS),
        pl.when(IMAGE != "")
        .then(IMAGE)
        .otherwise(pl.coalesce(QUESTION.str.extract(IMAGE_WORDS), ANSWER.str.extract(IMAGE_WORDS))),
    ),
    "short_question": short_question,
    "short_answer": short_answer,
    "long_row": long_row,
    "empty_option": empty_option,
    "repeated_option": repeated_option,
    "echo": echo,
    "repetition": repetition,
    "wrong_language": wrong_language,
}
"""The rules in the order in which they claim a row."""
