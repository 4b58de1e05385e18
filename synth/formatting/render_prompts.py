"""Prompts and responses as a model sees them: options listed in the prompt, reasons and answer as the response."""

from __future__ import annotations

import polars as pl

from quality.outcome import Outcome
from sources.shapes.row_shapes import LETTERS
from sources.table import SCHEMA


def render_prompts(rows: pl.DataFrame, config: None) -> Outcome:
    """Add context and options to the last message, and fill an empty ``response`` from rationale and answer.

    The context comes before the question, the options after it as lines ``A. …``. The response of a multiple-choice
    row ends in ``Answer: X``, several letters separated by commas.
    """
    written = rows.with_columns(messages=_messages(), response=response_text())
    return Outcome(
        rows=written.select(*SCHEMA.names(), drop_reason=pl.lit(None, pl.String), evidence=pl.lit(None, pl.String))
    )


def last_content() -> pl.Expr:
    """Return the text of a row's last message."""
    return pl.col("messages").list.last().struct.field("content")


def with_last_content(content: pl.Expr) -> pl.Expr:
    """Return a row's messages, the last one with ``content`` as its text."""
    messages = pl.col("messages")
    final = pl.struct(messages.list.last().struct.field("role"), content.alias("content"))
    return pl.concat_list(messages.list.head(messages.list.len() - 1), final)


def _messages() -> pl.Expr:
    content = pl.concat_str(
        pl.when(_has_text("context")).then(pl.col("context") + "\n\n").otherwise(pl.lit("")),
        last_content(),
        pl.when(_has_options()).then("\n" + _option_lines()).otherwise(pl.lit("")),
    )
    return with_last_content(content)


def response_text() -> pl.Expr:
    """Return the response of a row: its own, or one made of its rationale and answer; null without either."""
    letters = (
        pl.col("gold").list.eval(pl.element().replace_strict(dict(enumerate(LETTERS)), default=None)).list.join(", ")
    )
    reasons = pl.when(_has_text("rationale")).then(pl.col("rationale") + "\n\n").otherwise(pl.lit(""))
    chosen = pl.concat_str(reasons, pl.lit("Answer: "), letters)
    assembled = (
        pl.when(_has_options() & (pl.col("gold").list.len() > 0)).then(chosen).otherwise(reasons + pl.col("answer"))
    )
    return pl.coalesce("response", assembled)


def _option_lines() -> pl.Expr:
    letter = pl.int_range(pl.len()).replace_strict(dict(enumerate(LETTERS)), return_dtype=pl.String)
    return pl.col("options").list.eval(pl.concat_str(letter, pl.lit(". "), pl.element())).list.join("\n")


def _has_options() -> pl.Expr:
    return pl.col("options").list.len() > 0


def _has_text(name: str) -> pl.Expr:
    return pl.col(name).fill_null("") != ""
