"""Rows as tokens, with those that are too long refused, dropped or cut at a turn's end, and each of them listed."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.chat import encode, renderer, spans
from training.settings import Settings
from training.trouble import TrainingError

IGNORED = -100
"""The label of a token that adds nothing to the loss, in torch and in TRL."""

SEVERAL_PROCESSES_FROM = 5_000
"""Rows from which it pays to start processes that tokenise."""


@dataclass(frozen=True, kw_only=True)
class TokenRows:
    """Rows ready for a trainer, and what became of all that were read; lengths are in tokens.

    ``dataset`` has ``input_ids`` and ``labels`` for SFT (and ``seq_lengths`` when packed), ``prompt``, ``chosen`` and
    ``rejected`` for DPO. ``tokens`` and ``learned`` count one pass over all rows, for pairs both answers.
    ``packing_off`` says why rows are not packed although the settings ask for it.
    """

    dataset: Any
    read: int
    kept: int
    tokens: int
    learned: int
    longest: int
    square: int
    too_long: list[dict[str, Any]]
    licenses: dict[str, int]
    packing_off: str | None = None

    def counts(self) -> dict[str, Any]:
        """Return what a record says of the rows."""
        return {
            "read": self.read,
            "kept": self.kept,
            "sequences": len(self.dataset),
            "too_long": len(self.too_long),
            "tokens": self.tokens,
            "learned_tokens": self.learned,
            "longest": self.longest,
            "licenses": self.licenses,
            "packing_off": self.packing_off,
        }


def sft_rows(rows: Any, tokenizer: Any, embedded: int, settings: Settings) -> TokenRows:
    """Return conversations as tokens, of which the labels are the assistant's words alone, packed if so set.

    Raises ``TrainingError`` for a conversation without an answer, a template in which answers cannot be found, a token
    that is none of the ``embedded`` ones, or, by policy, a row that is too long.
    """
    policy, limit = settings.data.too_long, settings.batch.sequence

    def coded(row: dict[str, Any]) -> dict[str, Any]:
        turns, left_out = row["messages"], 0
        done = _coded_turns(tokenizer, turns, row["id"])
        check_ids(done.ids, embedded, row["id"])
        while policy == "turns" and len(done.ids) > limit and (shorter := _one_answer_less(turns)):
            left_out += len(turns) - len(shorter)
            turns, done = shorter, _coded_turns(tokenizer, shorter, row["id"])
        pairs = zip(done.ids, done.learned, strict=True)
        labels = [token if learned else IGNORED for token, learned in pairs]
        sizes = {"length": len(labels), "tokens": len(labels), "learned": sum(done.learned), "left_out": left_out}
        return {"input_ids": done.ids, "labels": labels, **sizes}

    counted = _counted(_mapped(rows, coded), settings, ["input_ids", "labels"])
    return _packed(counted, limit) if settings.batch.packing else counted


def pair_rows(rows: Any, tokenizer: Any, embedded: int, settings: Settings) -> TokenRows:
    """Return preference pairs as TRL reads them, each checked at the door.

    Raises ``TrainingError`` for a pair whose sides have not the same prompt and one answer each, whose answers are
    alike, or whose prompt a tokenizer joins to the answer; and, by policy, for one that is too long.
    """
    render = renderer(tokenizer)

    def coded(row: dict[str, Any]) -> dict[str, Any]:
        try:
            check_pair(row)
            prompt = tokenizer(render(row["prompt"], prompt=True), add_special_tokens=False)["input_ids"]
            sides = [_side_ids(tokenizer, row["prompt"] + row[side], prompt) for side in ("chosen", "rejected")]
        except TrainingError as error:
            raise TrainingError(f"pair {row['id']}: {error}") from error
        check_ids(sides[0] + sides[1], embedded, row["id"])
        lengths = [len(ids) for ids in sides]
        learned = sum(lengths) - 2 * len(prompt)
        return {"length": max(lengths), "tokens": sum(lengths), "learned": learned, "left_out": 0}

    return _counted(_mapped(rows, coded), settings, ["prompt", "chosen", "rejected"])


def check_pair(row: dict[str, Any]) -> None:
    """Raise ``TrainingError`` unless a pair has one prompt that asks, and two answers of one turn that differ."""
    prompt = row["prompt"]
    if not prompt or prompt[-1]["role"] == "assistant":
        raise TrainingError("its prompt does not end with a turn to answer, expected the user's last")
    for side in ("chosen", "rejected"):
        turns = row[side]
        if len(turns) > 1:
            same = turns[: len(prompt)] == prompt
            what = "the prompt is repeated in it" if same else "its prompt differs from the pair's"
            raise TrainingError(f"{side} has {len(turns)} turns, expected the answer alone: {what}")
        if not turns or turns[0]["role"] != "assistant" or not turns[0]["content"].strip():
            raise TrainingError(f"{side} has no answer, expected one turn of the assistant's")
    if row["chosen"][0]["content"].strip() == row["rejected"][0]["content"].strip():
        raise TrainingError("chosen and rejected are the same answer, expected two that differ")


def check_ids(ids: list[int], embedded: int, row_id: str) -> None:
    """Raise ``TrainingError`` where a row has a token without a row in the model's embedding."""
    if max(ids) >= embedded:
        raise TrainingError(
            f"row {row_id} has the token id {max(ids)}, expected below {embedded}, the rows of the model's embedding: "
            "take the tokenizer that belongs to it, or widen the embedding first"
        )


def save_too_long(found: TokenRows, path: Path) -> None:
    """Write one JSON line for every row that was too long: its id, length, limit, and what was done."""
    path.write_text("".join(json.dumps(row) + "\n" for row in found.too_long), encoding="utf-8")


def _coded_turns(tokenizer: Any, turns: list[dict[str, str]], row_id: str) -> Any:
    try:
        return encode(tokenizer, turns)
    except TrainingError as error:
        raise TrainingError(f"row {row_id}: {error}") from error


def _one_answer_less(turns: list[dict[str, str]]) -> list[dict[str, str]]:
    """Return a conversation up to the answer before its last, or nothing where there is none."""
    ends = [number for number, turn in enumerate(turns[:-1]) if turn["role"] == "assistant"]
    return turns[: ends[-1] + 1] if ends else []


def _side_ids(tokenizer: Any, turns: list[dict[str, str]], prompt: list[int]) -> list[int]:
    """Return the tokens of a prompt with an answer; what TRL trains must begin with what a model will be asked."""
    text, _ = spans(renderer(tokenizer), turns, tuple(tokenizer.all_special_tokens))
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    if ids[: len(prompt)] != prompt:
        raise TrainingError(
            "the prompt alone and the prompt with its answer begin with different tokens: "
            "give a chat template, by chat_template, that ends its prompt on a token of its own"
        )
    return ids


def _mapped(rows: Any, coded: Any) -> Any:
    processes = (os.cpu_count() or 1) if len(rows) >= SEVERAL_PROCESSES_FROM else None
    return rows.map(coded, num_proc=processes, desc="Tokens", load_from_cache_file=False)


def _counted(coded: Any, settings: Settings, columns: list[str]) -> TokenRows:
    """Apply the policy on rows that are too long, and count."""
    limit = settings.batch.sequence
    lengths = coded["length"][:]
    over = [number for number, length in enumerate(lengths) if length > limit]
    cut = [number for number, turns in enumerate(coded["left_out"][:]) if turns and lengths[number] <= limit]
    if over and settings.data.too_long == "refuse":
        raise TrainingError(_refusal(coded, over, limit))
    kept = coded.select(sorted(set(range(len(coded))) - set(over))) if over else coded
    if not len(kept):
        raise TrainingError(f"no row is left of {len(coded)}: each has more than {limit} tokens, raise sequence")
    return TokenRows(
        dataset=kept.select_columns(columns),
        read=len(coded),
        kept=len(kept),
        tokens=sum(kept["tokens"][:]),
        learned=sum(kept["learned"][:]),
        longest=max(kept["length"][:]),
        square=sum(length * length for length in kept["length"][:]),
        too_long=[_listed(coded[number], limit) for number in sorted(over + cut)],
        licenses=_tally(kept["license"][:]),
    )


def _refusal(coded: Any, over: list[int], limit: int) -> str:
    longest = max(over, key=lambda number: int(coded[number]["length"]))
    return (
        f"{len(over)} of {len(coded)} rows have more than {limit} tokens, the longest {coded[longest]['length']} "
        f"({coded[longest]['id']}): raise sequence, or set too_long to drop (or turns, for conversations)"
    )


def _listed(row: dict[str, Any], limit: int) -> dict[str, Any]:
    done = "shortened" if row["length"] <= limit else "dropped"
    return {"id": row["id"], "tokens": row["length"], "limit": limit, "done": done, "turns_left_out": row["left_out"]}


def _tally(values: list[str]) -> dict[str, int]:
    return {value: values.count(value) for value in sorted(set(values))}


def _packed(rows: TokenRows, sequence: int) -> TokenRows:
    """Return rows packed by best fit decreasing (arXiv 2404.10830), whole rows only, each blind to its neighbours."""
    import dataclasses

    from trl import pack_dataset

    return dataclasses.replace(rows, dataset=pack_dataset(rows.dataset, sequence, "bfd"))
