"""Rules: each selects the rows it drops and records the evidence. Cleaning steps 1 and 2 of Aloe Beta.

A new rule is one function and one line in ``RULES``.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import polars as pl
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked

from quality.cleaning.boilerplate import JUNK_ANSWERS, JUNK_QUESTIONS
from quality.cleaning.language import foreign
from quality.cleaning.matching import is_listed, matches
from quality.cleaning.reply_patterns import (
    ASKS_TO_REPEAT,
    BROKEN_ANSWER,
    DECLINES,
    EMPTY_QUESTION,
    IMAGE_CUES,
    IMAGE_WORDS,
    NO_REPLY,
    ONLY_AN_IMAGE,
    PLACEHOLDER,
    REFUSAL,
)
from quality.cleaning.stock_sentences import consists_of
from quality.cleaning.stock_words import DECLINING
from quality.outcome import REFUSING_TASKS, VERBATIM_TASKS, without_passed
from sources.shapes.row_shapes import LETTERS
from sources.table import question_text

ANSWERLESS_TASKS = ("passage", "safety")
"""Tasks whose rows may be prompts only."""

PROSE_TASKS = ("qa", "dialogue", "explanation", "diagnosis", "treatment-planning")
"""Tasks whose answers are sentences."""


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid", strict=True))
class Rules:
    """Thresholds of the rules.

    ``min_answer_chars`` applies to answers without options or context, ``min_prose_chars`` where the question asks for
    an explanation. ``min_distinct_words`` is the share of different words among the first 200, checked from
    ``repetition_words`` words on; the language is checked from ``language_letters`` letters on.
    """

    min_question_chars: int = Field(default=4, ge=1, le=10_000)
    min_answer_chars: int = Field(default=1, ge=1, le=10_000)
    max_row_chars: int = Field(default=60_000, ge=100, le=1_000_000_000)
    min_prose_chars: int = Field(default=12, ge=1, le=10_000)
    min_distinct_words: float = Field(default=0.2, ge=0, lt=1)
    repetition_words: int = Field(default=10, ge=5, le=10_000)
    language_letters: int = Field(default=40, ge=10, le=10_000)
    language_confidence: float = Field(default=0.8, gt=0, le=1)


Found = pl.DataFrame
"""Matches of a rule: ``offset``, the row's number, and ``evidence``, the matched text."""

Find = Callable[[pl.DataFrame, Rules], Found]

QUESTION, ANSWER, CHARS = pl.col("_question"), pl.col("_answer"), pl.col("_chars")


def broken_rules(rows: pl.DataFrame, config: Rules) -> pl.DataFrame:
    """Return every rule that a row breaks: ``offset`` of the row, ``evidence`` and ``drop_reason``, rule by rule."""
    seen = rows.with_columns(
        _question=question_text().str.strip_chars(),
        _answer=pl.coalesce("response", "answer", pl.lit("")).str.strip_chars(),
    ).with_row_index("offset")
    seen = seen.with_columns(_chars=QUESTION.str.len_chars() + ANSWER.str.len_chars() + _chars("context", "rationale"))
    broken = [rule(seen, config).select("offset", "evidence", drop_reason=pl.lit(name)) for name, rule in RULES.items()]
    return pl.concat(broken)


def apply_rules(rows: pl.DataFrame, config: Rules) -> pl.DataFrame:
    """Return the rows with ``drop_reason``, the name of the first broken rule or null, and ``evidence``."""
    numbered = rows.with_row_index("offset")
    broken = broken_rules(rows, config).join(numbered.select("offset", "id"), on="offset", maintain_order="left")
    broken = without_passed(broken, rows, pl.col("drop_reason")).drop("id")
    first = broken.unique("offset", keep="first", maintain_order=True)
    joined = numbered.join(first, on="offset", how="left", maintain_order="left")
    return joined.select(*rows.columns, "drop_reason", "evidence")


def _chars(*names: str) -> pl.Expr:
    return pl.sum_horizontal(pl.col(name).str.len_chars().fill_null(0) for name in names)


def where(broken: pl.Expr, evidence: pl.Expr = QUESTION) -> Find:
    """Return a rule that selects the rows for which ``broken`` holds."""
    return lambda rows, config: rows.filter(broken).select("offset", evidence=evidence)


def junk_question(rows: pl.DataFrame, config: Rules) -> Found:
    """Find questions that are on the junk list or ask nothing; only short ones are compared, as all junk is short."""
    short = rows.filter(QUESTION.str.len_bytes().is_between(1, 2 * max(map(len, JUNK_QUESTIONS))))
    verbatim = pl.col("task").is_in(VERBATIM_TASKS)
    no_question = pl.lit(matches(short["_question"], EMPTY_QUESTION)) & pl.col("context").is_null()
    empty = ~QUESTION.str.contains(ASCII_CONTENT) | no_question
    listed = pl.lit(is_listed(short["_question"], JUNK_QUESTIONS))
    return short.filter(listed | (empty & ~verbatim)).select("offset", evidence=QUESTION)


UNAIDED = (pl.col("options").list.len() == 0) & pl.col("context").is_null() & pl.col("rationale").is_null()
"""Answers without options, context or preceding reasons."""


def short_question(rows: pl.DataFrame, config: Rules) -> Found:
    """Find questions too short to ask anything."""
    return rows.filter(QUESTION.str.len_chars() < config.min_question_chars).select("offset", evidence=QUESTION)


def short_answer(rows: pl.DataFrame, config: Rules) -> Found:
    """Find answers without options or context that are too short; the limit is higher where an explanation is asked
    for.
    """
    expected = QUESTION.str.contains(EXPLAIN) & pl.col("task").is_in(PROSE_TASKS)
    least = pl.when(expected).then(config.min_prose_chars).otherwise(config.min_answer_chars)
    cut_off = ANSWER.str.ends_with(":") & (ANSWER.str.len_chars() < config.min_prose_chars)
    short = (ANSWER != "") & ((ANSWER.str.len_chars() < least) | cut_off) & ~pl.col("task").is_in(VERBATIM_TASKS)
    longest = max(config.min_prose_chars, config.min_answer_chars)
    return rows.filter(ANSWER.str.len_chars() < longest).filter(UNAIDED & short).select("offset", evidence=ANSWER)


EXPLAIN = (
    r"(?i)(?:^|[.?!\n]\s*)(?:please )?(?:why|explain|describe|discuss|how (?:to|can|could|should|does|did|is|are|"
    r"was|were)|"
    r"how do(?: you| we| i)? (?:treat|prevent|manage|diagnose|get|know|make|care|cope|deal)|"
    r"what (?:to do|(?:can|should|could|must) (?:i|you|we|one) do))\b|^what (?:are|is) the (?:symptoms|signs|"
    r"causes|complications|treatments?|outlook)|^what causes\b"
)
"""Questions whose answer needs more than a word."""
LETTER_OR_DIGIT = r"[\p{L}\p{N}]"
ASCII_CONTENT = r"[A-Za-z0-9+<=>|~$%#*]|[^\x00-\x7f¿]"
"""An ASCII letter, digit or sign, or any other character except the mark that opens a Spanish question."""
SIGN = r"[\p{Sm}\p{Sc}°%♀♂↑-⇿⏐#*†‡′″−–]"
LETTERED = (
    r"(?i)\b(?:groups?|types?|class(?:es)?|grades?|stages?|categor(?:y|ies)|vitamins?|hepatitis|influenza|factors?|"
    r"fib(?:er|re)s?|phases?|zones?|strains?|sero(?:groups?|types?)|subtypes?|schedules?|letters?|antigens?|genotypes?|"
    r"chromosomes?|symbols?|elements?|initials?|drives?|scores?)\b"
)
"""Questions that an option letter may answer."""


def gold_outside_options(rows: pl.DataFrame, config: Rules) -> Found:
    """Find questions whose correct option is not among the given ones."""
    options = rows.filter(pl.col("options").list.len() > 0)
    outside = (pl.col("gold").list.max() >= pl.col("options").list.len()) | (pl.col("gold").list.min() < 0)
    evidence = pl.format("{} of {} options", pl.col("gold").list.max() + 1, pl.col("options").list.len())
    return options.filter(outside).select("offset", evidence=evidence)


def empty_option(rows: pl.DataFrame, config: Rules) -> Found:
    """Find questions with a blank option, a wordless correct option, or the letters of a missing figure."""
    tiny = pl.col("options").list.eval(~pl.element().str.contains(r"[\p{L}\p{N}].*[\p{L}\p{N}]")).list.any()
    inside = pl.col("gold").list.max().fill_null(0) < pl.col("options").list.len()
    options = rows.filter(pl.col("options").list.len() > 0).filter(tiny & inside)
    positions = pl.int_range(pl.len()).replace_strict(dict(enumerate(LETTERS)), default=None, return_dtype=pl.String)
    own_letter = pl.element().str.strip_chars().str.to_uppercase() == positions
    blank = ~pl.element().str.contains(r"\S")
    wordless = ~pl.element().str.contains(LETTER_OR_DIGIT)
    dots = wordless & ~pl.element().str.contains(SIGN) & ~pl.element().str.contains(r"^\s*-+\s*$")
    signed = pl.col("options").list.eval(pl.element().str.contains(SIGN)).list.any()
    right = pl.col("options").list.gather(pl.col("gold"))
    # A dash alone is a sign among signs, and nothing among words.
    dash = right.list.eval(pl.element().str.contains(r"^\s*-+\s*$")).list.any() & ~signed
    letters = pl.col("options").list.eval(own_letter.fill_null(False)).list.all() & ~QUESTION.str.contains(LETTERED)
    broken = (
        letters
        | pl.col("options").list.eval(blank).list.any()
        | right.list.eval(dots).list.any()
        | pl.col("options").list.eval(dots).list.all()
        | dash
    )
    return options.filter(broken).select("offset", evidence=pl.col("options").list.join(" | "))


def single_option(rows: pl.DataFrame, config: Rules) -> Found:
    """Find questions with a single option."""
    return rows.filter(pl.col("options").list.len() == 1).select("offset", evidence=pl.col("options").list.join(" | "))


def echo(rows: pl.DataFrame, config: Rules) -> Found:
    """Find answers that only repeat the question, or the term it asks to explain."""
    question_words = _words(QUESTION.str.replace(QUESTION_LABEL, ""))
    answer_words = _words(ANSWER.str.replace(QUESTION_LABEL, ""))
    question_bytes, answer_bytes = QUESTION.str.len_bytes(), ANSWER.str.len_bytes()
    similar_length = (2 * answer_bytes >= question_bytes) & (answer_bytes <= 3 * question_bytes + 40)
    names = (answer_bytes < question_bytes) & QUESTION.str.head(24).str.contains_any(
        ["what is", "what are", "define", "explain"], ascii_case_insensitive=True
    )
    candidates = rows.filter((ANSWER != "") & (similar_length | (names & (pl.col("options").list.len() == 0)))).select(
        "offset", "_answer", "_question", "task", n=pl.col("options").list.len()
    )
    candidates = candidates.with_columns(question_words=question_words, answer_words=answer_words)
    term = pl.col("question_words").str.extract(r"^(?:what (?:is|are)|define|explain) (?:an? |the )?(.+)$")
    repeats = (
        (pl.col("answer_words") == pl.col("question_words"))
        | (pl.col("answer_words") == pl.concat_str("question_words", "question_words", separator=" "))
        | (pl.col("answer_words") == pl.concat_str("question_words", "question_words", "question_words", separator=" "))
    )
    defines_itself = (pl.col("n") == 0) & (pl.col("answer_words") == term) & pl.col("task").is_in(PROSE_TASKS)
    # A question of punctuation only leaves no words to compare.
    return candidates.filter((pl.col("question_words") != "") & (repeats | defines_itself)).select(
        "offset", evidence="_answer"
    )


QUESTION_LABEL = (
    r"(?i)^\s*(?:(?:your |the )?question(?: is| was)?|q|you asked|pregunta|frage)\s*:\s*|\s*\banswer\s*:\s*$"
)


def _words(text: pl.Expr) -> pl.Expr:
    """Return the text as echoes are compared: lower case, without punctuation, signs kept."""
    return (
        text.str.replace_all(QUESTION_LABEL, "")
        .str.to_lowercase()
        .str.replace_all(r"[\s.,;:!?¿¡\"'“”‘’()\[\]…]+", " ")
        .str.strip_chars(" -")
    )


def long_row(rows: pl.DataFrame, config: Rules) -> Found:
    """Find rows whose total text exceeds any model's context window."""
    return rows.filter(CHARS > config.max_row_chars).select("offset", evidence=pl.format("{} characters", CHARS))


def repeated_option(rows: pl.DataFrame, config: Rules) -> Found:
    """Find questions with two equal options, where no letter is the answer.

    The case of a word's first letter is ignored, that inside a symbol is not: Mg is not MG, and aa is not Aa.
    """
    same = (
        pl.element()
        .str.replace(OPTION_LETTER, "")
        .str.replace_all(r"\s+", " ")
        .str.strip_chars(' .,;:"“”')
        .str.replace_all(r"\b(\p{Lu})(\p{Ll}{2,})\b", "\u0001$1\u0002$2")
    )
    options = rows.filter(pl.col("options").list.len() > 1).select("offset", "options")
    loosely = pl.element().str.replace(OPTION_LETTER, "").str.to_lowercase().str.replace_all(r"[\s.,;:\"“”]+", "")
    nearly_equal = pl.col("options").list.eval(loosely).list.n_unique() < pl.col("options").list.len()
    options = options.filter(nearly_equal)
    exact = options.with_columns(same=pl.col("options").list.eval(same))
    lowered = pl.col("same").list.eval(_lower_marked())
    return exact.filter(lowered.list.n_unique() < pl.col("options").list.len()).select(
        "offset", evidence=pl.col("options").list.join(" | ")
    )


OPTION_LETTER = r"^\s*\(?[A-Ha-h][.):]\s+"


def _lower_marked() -> pl.Expr:
    """Return the elements with the letters between the marks in lower case and the marks removed."""
    lowered = pl.element()
    for upper in "ABCDEFGHIJKLMNOPQRSTUVWXYZÁÉÍÓÚÑÇÀÈÖÜÄ":
        lowered = lowered.str.replace_all(f"\u0001{upper}\u0002", upper.lower(), literal=True)
    return lowered


def repetition(rows: pl.DataFrame, config: Rules) -> Found:
    """Find answers that repeat a few words or one sentence many times."""
    long = rows.filter(ANSWER.str.len_bytes() > 3 * config.repetition_words).select(
        "offset", head=ANSWER.str.head(1600), repetition_requested=QUESTION.str.head(300).str.contains(ASKS_TO_REPEAT)
    )
    lowered = pl.col("head").str.to_lowercase()
    # As many different words as these are enough for any answer; the last one may be cut off.
    enough = config.min_distinct_words * REPETITION_WORDS + 1
    poor = _words_with_punctuation(lowered.str.head(OPENING_CHARS)).list.head(REPETITION_WORDS).list.n_unique() < enough
    marked = pl.col("head").str.count_matches(r"[.!?\n]") >= 5
    doubtful = long.with_columns(poor=poor, marked=marked).filter(pl.col("poor") | pl.col("marked"))
    words = doubtful.filter("poor").select("offset", words=_words_with_punctuation(lowered).list.head(REPETITION_WORDS))
    clauses = lowered.str.extract_all(r"[^.!?\n]*[\p{L}\p{N}][^.!?\n]*")
    parts = doubtful.filter("marked").select("offset", parts=clauses.list.eval(pl.element().str.strip_chars()))
    n, different = pl.col("words").list.len(), pl.col("words").list.n_unique()
    few = words.filter(different < config.min_distinct_words * n)
    many, other = pl.col("parts").list.len(), pl.col("parts").list.n_unique()
    listed = parts.filter(many >= 6)
    one, some = listed.filter(other * 4 <= many), listed.filter(other * 2 <= many)
    half = words.filter((n >= config.repetition_words) & (2 * different <= n))
    stuck = long.filter(pl.col("offset").is_in(pl.concat([half["offset"], some["offset"]]).implode()))
    stuck = stuck.filter(pl.Series([_loops(text) for text in stuck["head"]], dtype=pl.Boolean))
    repeating = long.filter(
        pl.col("offset").is_in(pl.concat([few["offset"], one["offset"], stuck["offset"]]).implode())
    )
    counted = repeating.filter(~(pl.col("head").str.contains(CODE) | pl.col("repetition_requested"))).select(
        "offset", words=_words_with_punctuation(lowered).list.head(REPETITION_WORDS)
    )
    evidence = pl.format("{} words, {} of them different", n, different)
    return counted.filter(n >= config.repetition_words).select("offset", evidence=evidence)


LOOP = re.compile(r"(?<!\S)(\S+(?:\s+\S+){1,24}?)(?:\s+\1){3,}(?!\w)", re.IGNORECASE)
"""Two or more words repeated at least four times in succession."""


def _loops(text: str) -> bool:
    """Return whether a text repeats the same words from some point on."""
    loop = LOOP.search(text)
    return loop is not None and re.search(r"[^\W\d_]{4}", loop[1]) is not None


def _words_with_punctuation(lowered: pl.Expr) -> pl.Expr:
    """Return the words of a text with their trailing punctuation."""
    return lowered.str.extract_all(r"[\p{L}\p{M}\p{N}][^\s]*")


REPETITION_WORDS = 200
"""Words at the start of an answer that are checked for repetition."""
OPENING_CHARS = 480
"""Characters after which most answers have shown enough different words."""
CODE = r"```|(?m)^\s*(?:def |class |import |#include|public |function |return\b)"


def wrong_language(rows: pl.DataFrame, config: Rules) -> Found:
    """Find rows whose question or answer is not in the corpus's language; a translation's answer may differ.

    Question and answer are also checked together where each alone is too short.
    """
    question = pl.concat_str(QUESTION.str.head(400), pl.col("options").list.join(" "), separator=" ")
    alone = (pl.col("options").list.len() == 0) & ~pl.col("task").is_in(TRANSLATING)
    answer = pl.when(alone).then(ANSWER.str.head(400)).otherwise(pl.lit(""))
    enough = 2 * config.language_letters
    short = (question.str.len_bytes() < enough) & (answer.str.len_bytes() < enough)
    both = pl.when(short).then(pl.concat_str(question, answer, separator=" ")).otherwise(pl.lit(""))
    texts = pl.concat([rows.select(offset="offset", declared="lang", text=text) for text in (question, answer, both)])
    texts = texts.filter(pl.col("text") != "")
    foreign_texts = foreign(
        texts["text"], texts["declared"], min_letters=config.language_letters, min_confidence=config.language_confidence
    )
    return (
        foreign_texts.with_columns(offset=texts["offset"].gather(foreign_texts["offset"]))
        .unique("offset", keep="first", maintain_order=True)
        .select("offset", evidence=pl.format("{} ({})", "lang", pl.col("confidence").round(3)))
    )


TRANSLATING = ("translation", *VERBATIM_TASKS)
"""Tasks whose answers may be in another language than their questions."""

MAX_REFUSAL_CHARS = 220


def refusal(rows: pl.DataFrame, config: Rules) -> Found:
    """Find answers that only decline to answer."""
    short = (ANSWER.str.len_chars() <= MAX_REFUSAL_CHARS) & ~pl.col("task").is_in(REFUSING_TASKS)
    candidates = rows.filter((pl.col("options").list.len() == 0) & short & (ANSWER != ""))
    declines = matches(candidates["_answer"], NO_REPLY) | pl.Series(
        [_declines(text) for text in candidates["_answer"]], dtype=pl.Boolean
    )
    return candidates.filter(declines).select("offset", evidence="_answer")


def _declines(answer: str) -> bool:
    """Return whether a reply declines without addressing the question."""
    if _REFUSAL.search(answer) and not _GOES_ON.search(_REFUSAL.sub("", answer, count=1)):
        return True
    lowered = SPECIALISTS.sub("doctor", answer.lower().replace("’", "'"))
    return consists_of(lowered, DECLINING) and DECLINES.search(lowered) is not None


_REFUSAL = re.compile(REFUSAL)
_GOES_ON = re.compile(r"(?i)\b(?:but|however|instead)\b[^.]{20,}")
SPECIALISTS = re.compile(r"\b[a-z]+(?:ologist|iatrist|ician)s?\b")


def no_answer(rows: pl.DataFrame, config: Rules) -> Found:
    """Find rows without an answer, except tasks whose rows are prompts only."""
    answerless = (ANSWER == "") & ~pl.col("task").is_in(ANSWERLESS_TASKS)
    return rows.filter(answerless).select("offset", evidence=QUESTION)


IMAGE = pl.col("meta").str.json_path_match("$.image").fill_null("")
SEEN_TASKS = ("mcqa", "qa", "explanation", "diagnosis", "treatment-planning")
"""Tasks whose questions the reader must answer; other tasks may mention pictures that the answer does not depend on."""
SEEN = pl.col("task").is_in(SEEN_TASKS)


def needs_image(rows: pl.DataFrame, config: Rules) -> Found:
    """Find questions that cannot be answered without a picture; an answer that mentions one is complete without it."""
    cued = QUESTION.str.contains_any(IMAGE_CUES, ascii_case_insensitive=True) & SEEN
    captioned = ANSWER.str.head(12).str.contains_any(CAPTION_CUES, ascii_case_insensitive=True)
    hinted = rows.select("offset", "_question", "_answer", to_answer=SEEN, hinted=cued | captioned, image=IMAGE)
    hinted = hinted.filter(pl.col("hinted") | (pl.col("image") != "")).drop("hinted")
    rows_found: dict[str, list[object]] = {"offset": [], "evidence": []}
    pointing = _pointing(hinted["_question"])
    for (at, question, answer, to_answer, image), pattern in zip(hinted.iter_rows(), pointing, strict=True):
        words = pattern and pattern.search(question)
        if image or (words and to_answer) or ONLY_AN_IMAGE.search(answer):
            rows_found["offset"].append(at)
            rows_found["evidence"].append(image or (words[1].strip() if words else answer))
    return pl.DataFrame(rows_found, schema={"offset": pl.UInt32, "evidence": pl.String})


def _pointing(questions: pl.Series) -> list[re.Pattern[str] | None]:
    """Return the first of ``IMAGE_WORDS`` that each question contains."""
    patterns: list[re.Pattern[str] | None] = [None] * questions.len()
    for pattern in reversed(IMAGE_WORDS):
        for at in matches(questions, pattern, anchored=False).arg_true():
            patterns[at] = pattern
    return patterns


CAPTION_CUES = ["figure", "image", "picture", "shown", "seen", "see "]
"""Words of which an answer that only points to a picture has one in its first characters."""


def junk_answer(rows: pl.DataFrame, config: Rules) -> Found:
    """Find answers without content: the text of an empty cell, a page error, keys pressed at random."""
    open_ended = rows.filter((pl.col("options").list.len() == 0) & (ANSWER.str.len_bytes() <= 120))
    answers = open_ended["_answer"]
    listed = pl.lit(is_listed(answers, JUNK_ANSWERS) | matches(answers, BROKEN_ANSWER))
    listed |= pl.lit(matches(answers, PLACEHOLDER)) & ~pl.col("task").is_in(VERBATIM_TASKS)
    marks = (ANSWER != "") & ~ANSWER.str.contains(LETTER_OR_DIGIT) & ~ANSWER.str.contains(f"{SIGN}|^-+$|[^\\x00-\\x7f]")
    return open_ended.filter(listed | marks).select("offset", evidence=ANSWER)


RULES: dict[str, Find] = {
    "no_question": where(QUESTION == ""),
    "no_answer": no_answer,
    "junk_question": junk_question,
    "junk_answer": junk_answer,
    "refusal": refusal,
    "needs_image": needs_image,
    "short_question": short_question,
    "short_answer": short_answer,
    "long_row": long_row,
    "single_option": single_option,
    "gold_outside_options": gold_outside_options,
    "empty_option": empty_option,
    "repeated_option": repeated_option,
    "echo": echo,
    "repetition": repetition,
    "wrong_language": wrong_language,
}
"""The rules, in the order in which they claim a row."""
