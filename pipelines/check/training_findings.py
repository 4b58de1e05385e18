"""What training on the rows would supervise: tokens with loss, the end of each answer, and rows past the limit.

Rows are tokenised as ``sabila train`` does it (``training.data.chat``), by the model's own tokenizer and template.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import polars as pl

from pipelines.check.check_result import CheckError
from pipelines.check.set_findings import SET_FINDINGS
from sources.record import Record
from sources.table import SCHEMA
from sources.table import records as as_records
from training.data.chat import encode, special_tokens
from training.training_errors import UnfitRowError

NO_END = "writes no special token after an answer"


@dataclass(frozen=True, kw_only=True)
class Training:
    """The tokenizer of ``model`` (a folder or Hub id), the limit of a row in tokens, and the most rows to read."""

    model: str
    max_length: int = 4096
    rows: int = 2000

    @cached_property
    def tokenizer(self) -> Any:
        """The tokenizer; ``CheckError`` where it, its chat template or transformers is missing."""
        try:
            from transformers import AutoTokenizer
        except ImportError as error:
            raise CheckError(
                f"--model needs transformers ({error}); install the extra: pip install -e '.[local]'"
            ) from error
        try:
            tokenizer = AutoTokenizer.from_pretrained(self.model)
        except (OSError, ValueError, KeyError) as error:
            raise CheckError(f"--model {self.model} has no readable tokenizer: {str(error).splitlines()[0]}") from error
        if not tokenizer.chat_template:
            raise CheckError(
                f"--model {self.model} has no chat template, expected one; name the model after its tuning"
            )
        return tokenizer


def training_findings(rows: pl.DataFrame, training: Training) -> tuple[pl.DataFrame, dict[str, int]]:
    """Return the findings (``SET_FINDINGS``) in records with a ``number``, and counts of rows and tokens."""
    tokenizer = training.tokenizer
    special = special_tokens(tokenizer)
    counts = dict.fromkeys(("rows", "tokens", "supervised", "unfit", "truncated"), 0)
    findings: list[tuple[str, int, str]] = []
    rows = rows.sort("number")
    for number, record in zip(rows["number"], as_records(rows.select(SCHEMA.names())), strict=True):
        counts["rows"] += 1
        for turns in _conversations(record):
            try:
                coded = encode(tokenizer, turns, special)
            except UnfitRowError as error:
                kind = "no-end-of-turn" if NO_END in str(error) else "template-refuses-row"
                findings.append((kind, number, str(error)))
                counts["unfit"] += 1
                continue
            counts["tokens"] += len(coded.ids)
            counts["supervised"] += sum(coded.label_tokens)
            if not any(coded.label_tokens):
                findings.append(("no-supervised-token", number, "no token of its answer is supervised"))
            if len(coded.ids) > training.max_length:
                counts["truncated"] += 1
                lost = sum(coded.label_tokens[training.max_length :])
                size = f"{len(coded.ids):,} tokens, limit {training.max_length:,}"
                detail = f"{size}: {lost:,} supervised tokens are beyond it"
                findings.append(("truncated-row", number, detail))
            if coded.spelt:
                findings.append(("control-token-as-text", number, ", ".join(sorted(set(coded.spelt)))))
    table = pl.DataFrame(findings, SET_FINDINGS, orient="row")  # a pair may have the same finding in both answers
    return table.unique(["kind", "number"], keep="first", maintain_order=True), counts


def _conversations(record: Record) -> Iterator[list[dict[str, str]]]:
    """Yield the conversations that a row trains on: its own, and that with the rejected answer."""
    prompt = [{"role": role, "content": content} for role, content in record.messages]
    for reply in (record.response or record.answer, record.rejected):
        if reply and prompt:
            yield [*prompt, {"role": "assistant", "content": reply}]
