"""The last message of a row with another text."""

from __future__ import annotations

import polars as pl


def last_content() -> pl.Expr:
    """Return the text of a row's last message."""
    return pl.col("messages").list.last().struct.field("content")


def with_last_content(content: pl.Expr) -> pl.Expr:
    """Return a row's messages, the last one with ``content`` as its text."""
    messages = pl.col("messages")
    final = pl.struct(messages.list.last().struct.field("role"), content.alias("content"))
    return pl.concat_list(messages.list.head(messages.list.len() - 1), final)
