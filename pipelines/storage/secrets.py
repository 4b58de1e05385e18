"""Secrets that must not be published: tokens, keys, passwords; reported by location, never by value."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import polars as pl

from sources.formats.literal import scan_parquet

SHAPES = {
    "a Hugging Face token": r"\bhf_[A-Za-z0-9]{30,}",
    "an API key": r"\bsk-[A-Za-z0-9_-]{20,}",
    "an AWS access key": r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    "a GitHub token": r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{40})",
    "a Google API key": r"\bAIza[A-Za-z0-9_-]{35}",
    "a Slack token": r"\bxox[abprs]-[A-Za-z0-9-]{10,}",
    "a signed web token": r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.",
    "a private key": r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----",
    "a password in an address": r"://[^/\s:@]+:[^/\s:@]{4,}@[A-Za-z0-9]",
}
"""Patterns of secrets, by the name used in messages."""

SECRET_NAMES = re.compile(r"TOKEN|API_?KEY|SECRET|PASSWORD|PASSWD|ACCESS_KEY")
"""Names of environment variables whose values are searched for literally."""

SHORTEST = 16
"""Least length of a secret value: shorter ones are switches, and occur in any text."""

NAMED = 20
"""Most locations that a message lists."""

TEXTS = (".md", ".json", ".html", ".txt", ".yaml", ".yml", ".jinja", ".csv", ".jsonl", ".toml")


def secrets(files: Iterable[tuple[str, Path]]) -> list[str]:
    """Return where the files, named as they will be published, contain likely secrets; ``NAMED`` at most.

    A location is a file with the line, or the row's id and column, and the kind of secret.
    """
    patterns = SHAPES | _own()
    places: list[str] = []
    for name, path in files:
        if path.suffix == ".parquet":
            places += [f"{name}, {place}" for place in _in_rows(path, patterns)]
        elif path.suffix in TEXTS:
            places += [f"{name}, {place}" for place in _in_lines(path, patterns)]
    return places[:NAMED]


def without_secrets(text: str, *own: str | None) -> str:
    """Return the text with likely secrets, and the process's ``own``, replaced by three stars."""
    for secret in filter(None, own):
        text = text.replace(secret, "***")
    return re.sub("|".join(SHAPES.values()), "***", text)


def own_secrets() -> dict[str, str]:
    """Return the secrets of this process by name: the Hub's token, and those in environment variables."""
    from huggingface_hub import get_token

    values = {f"the value of {name}": value for name, value in os.environ.items() if SECRET_NAMES.search(name)}
    values["the token for the Hub"] = get_token() or ""
    return {what: v for what, v in values.items() if len(v) >= SHORTEST and not set(v) & set(" /\\\n")}


def _own() -> dict[str, str]:
    """Return patterns for the secrets of this process."""
    return {what: re.escape(value) for what, value in own_secrets().items()}


def _in_lines(path: Path, patterns: dict[str, str]) -> Iterator[str]:
    with path.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, start=1):
            yield from (f"line {number}: {what}" for what, pattern in patterns.items() if re.search(pattern, line))


def _in_rows(path: Path, patterns: dict[str, str]) -> Iterator[str]:
    """Yield the rows with a secret; a row is named by its first column, the id of rows and the key of completions."""
    rows = scan_parquet(path)
    texts = _texts(rows.collect_schema())
    anything = pl.concat_str(*texts.values(), separator="\n", ignore_nulls=True)
    hits = rows.filter(anything.str.contains("|".join(patterns.values())))
    for row in (
        hits.select(place=pl.first().cast(pl.String), **texts).head(NAMED).collect(engine="streaming").rows(named=True)
    ):
        for column in texts:
            for what, pattern in patterns.items():
                if row[column] and re.search(pattern, row[column]):
                    yield f"row {without_secrets(row['place'])}, column {column}: {what}"


def _texts(schema: pl.Schema) -> dict[str, pl.Expr]:
    """Return every text column as one text per row."""
    texts: dict[str, pl.Expr] = {}
    for name, kind in schema.items():
        inner = kind.inner if isinstance(kind, pl.List) else None
        if kind == pl.String:
            texts[name] = pl.col(name)
        elif inner == pl.String:
            texts[name] = pl.col(name).list.join("\n", ignore_nulls=True)
        elif isinstance(inner, pl.Struct):
            turn = pl.concat_str(
                *(pl.element().struct.field(field.name) for field in inner.fields if field.dtype == pl.String),
                separator="\n",
                ignore_nulls=True,
            )
            texts[name] = pl.col(name).list.eval(turn).list.join("\n", ignore_nulls=True)
    return texts
