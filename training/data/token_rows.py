"""Rows as tokens; rows that are too long are refused, dropped or cut at the end of a turn, and listed."""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from training.data.chat import Encoded, encode, encode_text, renderer, replace_control_tokens, spans, special_tokens
from training.settings import Data, Settings
from training.training_errors import TrainingError, UnfitRowError

IGNORED = -100
"""The label of a token excluded from the loss, in torch and in TRL."""

NOTED = {"unfit": "dropped", "special_as_text": "special tokens as text", "system_merged": "system put before user"}
"""The actions in the notes on rows, and their counts in a record."""

SEVERAL_PROCESSES_FROM = 5_000
"""Number of rows from which tokenising in several processes is faster."""


@dataclass(frozen=True, kw_only=True)
class TokenRows:
    """Rows ready for a trainer, and the counts of all rows read; lengths are in tokens.

    ``dataset`` has ``input_ids`` and ``labels`` for SFT (and ``seq_lengths`` when packed), ``prompt_ids``,
    ``chosen_ids`` and ``rejected_ids`` for DPO. ``tokens`` and ``learned`` count one pass over all rows, for pairs both
    answers. ``held_out`` are rows to evaluate on, excluded from the counts; ``notes`` lists the rows that were left out
    or otherwise changed, ``packing_off`` is why rows are not packed although the settings ask for it, ``template_date``
    is the date written by the chat template, if any.
    """

    dataset: Any
    read: int
    kept: int
    tokens: int
    label_tokens: int
    longest: int
    sum_squared_lengths: int
    too_long: list[dict[str, Any]]
    licenses: dict[str, int]
    sources: dict[str, int] = field(default_factory=dict)
    held_out: Any = None
    notes: list[dict[str, Any]] = field(default_factory=list)
    packing_off: str | None = None
    template_date: str | None = None

    def counts(self) -> dict[str, Any]:
        """Return the counts of rows and tokens for the record of a run."""
        return {
            "read": self.read,
            "kept": self.kept,
            "sequences": len(self.dataset),
            "too_long": len(self.too_long),
            "tokens": self.tokens,
            "label_tokens": self.label_tokens,
            "longest": self.longest,
            "licenses": self.licenses,
            "sources": self.sources,
            **{name: sum(note["done"] == done for note in self.notes) for name, done in NOTED.items()},
            "held_out": len(self.held_out) if self.held_out is not None else 0,
            "packing_off": self.packing_off,
            "template_date": self.template_date,
        }


def sft_rows(rows: Any, tokenizer: Any, embedded: int, settings: Settings) -> TokenRows:
    """Return conversations as tokens with labels for the assistant's text only, packed if so set.

    Raises ``TrainingError`` for a conversation without an answer, a template in which answers cannot be located, a
    token outside the ``embedded`` ones, or, by policy, a row that is too long.
    """
    policy, limit, special = settings.data.too_long, settings.batch.sequence, special_tokens(tokenizer)

    def coded(row: dict[str, Any]) -> dict[str, Any]:
        turns, left_out = row["messages"], 0
        try:
            turns, merged = fit_turns(tokenizer, turns, settings.data)
            done = _encoded(tokenizer, turns, special, settings.data)
            check_ids(done.ids, embedded, row["id"])
            while policy == "turns" and len(done.ids) > limit and (shorter := _one_answer_less(turns)):
                left_out += len(turns) - len(shorter)
                turns, done = shorter, _encoded(tokenizer, shorter, special, settings.data)
        except UnfitRowError as error:
            return {"input_ids": [], "labels": [], **_unfit(f"row {row['id']}", error, settings.data)}
        pairs = zip(done.ids, done.label_tokens, strict=True)
        labels = [token if is_label else IGNORED for token, is_label in pairs]
        sizes = {"length": len(labels), "tokens": len(labels), "learned": sum(done.label_tokens), "left_out": left_out}
        return {"input_ids": done.ids, "labels": labels, **sizes, **_noted(done.spelt, merged)}

    counted = _counted(_mapped(rows, coded), settings, ["input_ids", "labels"])
    return _packed(counted, limit) if settings.batch.packing else counted


def pair_rows(rows: Any, tokenizer: Any, embedded: int, settings: Settings) -> TokenRows:
    """Return checked preference pairs as tokens.

    Raises ``TrainingError`` for a pair whose sides do not share a prompt and have one answer each, or whose answers are
    equal; and, by policy, for one that is too long, or whose prompt a tokenizer joins to the answer.
    """
    special = special_tokens(tokenizer)

    def coded(row: dict[str, Any]) -> dict[str, Any]:
        try:
            check_pair(row)
        except TrainingError as error:
            raise TrainingError(f"pair {row['id']}: {error}") from error
        try:
            turns, merged = fit_turns(tokenizer, row["prompt"], settings.data)
            prompt, chosen, rejected, spelt = _pair_ids(tokenizer, {**row, "prompt": turns}, special, settings.data)
        except UnfitRowError as error:
            empty: dict[str, Any] = {"prompt_ids": [], "chosen_ids": [], "rejected_ids": []}
            return {**empty, **_unfit(f"pair {row['id']}", error, settings.data)}
        check_ids(prompt + chosen + rejected, embedded, row["id"])
        label_tokens = len(chosen) + len(rejected)
        sizes = {
            "length": len(prompt) + max(len(chosen), len(rejected)),
            "tokens": 2 * len(prompt) + label_tokens,
            "learned": label_tokens,
            "left_out": 0,
        }
        ids = {"prompt_ids": prompt, "chosen_ids": chosen, "rejected_ids": rejected}
        return {**ids, **sizes, **_noted(spelt, merged)}

    return _counted(_mapped(rows, coded), settings, ["prompt_ids", "chosen_ids", "rejected_ids"])


def fit_turns(tokenizer: Any, turns: list[dict[str, str]], data: Data) -> tuple[list[dict[str, str]], bool]:
    """Return turns that the chat template accepts, and whether the system turn was merged into the user's first.

    Raises ``UnfitRowError`` for turns that it refuses even then.
    """
    render = renderer(tokenizer, data.template_date)
    try:
        render(turns)
    except UnfitRowError:
        roles = [turn["role"] for turn in turns[:2]]
        if data.system == "keep" or roles != ["system", "user"]:
            raise
        joined = {**turns[1], "content": f"{turns[0]['content']}\n\n{turns[1]['content']}"}
        render([joined, *turns[2:]])
        return [joined, *turns[2:]], True
    return turns, False


def _encoded(tokenizer: Any, turns: list[dict[str, str]], special: Sequence[str], data: Data) -> Encoded:
    done = encode(tokenizer, turns, special, data.template_date)
    _check_special_tokens(done.spelt, data)
    return done


def _check_special_tokens(spelt: Sequence[str], data: Data) -> None:
    """Raise for a row that contains control tokens, unless the settings encode them as text."""
    if spelt and data.special_tokens != "text":
        problem = f"it spells control tokens of the tokenizer: {', '.join(sorted(set(spelt)))}"
        if data.special_tokens == "refuse":
            raise TrainingError(f"{problem}; set special_tokens to text or drop")
        raise UnfitRowError(problem)


def _unfit(row: str, error: UnfitRowError, data: Data) -> dict[str, Any]:
    """Return the counts of a dropped row; raise where the settings refuse it."""
    if data.unfit == "refuse":
        raise TrainingError(f"{row}: {error}; set unfit to drop to leave such rows out") from error
    return {"length": 0, "tokens": 0, "learned": 0, "left_out": 0, "unfit": str(error), "spelt": [], "merged": False}


def _noted(spelt: Sequence[str], merged: bool) -> dict[str, Any]:
    return {"unfit": "", "spelt": sorted(set(spelt)), "merged": merged}


def check_pair(row: dict[str, Any]) -> None:
    """Raise ``TrainingError`` unless a pair has one prompt that ends with a question, and two different one-turn
    answers.
    """
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


def save_notes(rows: TokenRows, path: Path) -> None:
    """Write one JSON line for every note on a row."""
    path.write_text("".join(json.dumps(note, ensure_ascii=False) + "\n" for note in rows.notes), encoding="utf-8")


def save_too_long(rows: TokenRows, path: Path) -> None:
    """Write one JSON line per row that was too long: id, length, limit, and action."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows.too_long), encoding="utf-8")


def _one_answer_less(turns: list[dict[str, str]]) -> list[dict[str, str]]:
    """Return a conversation without its last answer, empty where it has only one."""
    ends = [number for number, turn in enumerate(turns[:-1]) if turn["role"] == "assistant"]
    return turns[: ends[-1] + 1] if ends else []


def _pair_ids(
    tokenizer: Any, row: dict[str, Any], special: Sequence[str], data: Data
) -> tuple[list[int], list[int], list[int], list[str]]:
    """Return the tokens of a prompt and of both its answers, with the generation prompt in the prompt."""
    render = renderer(tokenizer, data.template_date)
    placeholder_turns, spelt = replace_control_tokens(row["prompt"], special)
    prompt = encode_text(tokenizer, render(placeholder_turns, prompt=True), spelt, special)
    sides, seen = [], list(spelt)
    for side in ("chosen", "rejected"):
        turns, spelt = replace_control_tokens(row["prompt"] + row[side], special)
        text, _ = spans(render, turns, special)
        ids = encode_text(tokenizer, text, spelt, special)
        if ids[: len(prompt)] != prompt:
            raise UnfitRowError(
                "the prompt alone and the prompt with its answer begin with different tokens: "
                "give a chat template, by chat_template, that ends its prompt on a token of its own"
            )
        sides.append(ids[len(prompt) :])
        seen += spelt
    _check_special_tokens(seen, data)
    return prompt, sides[0], sides[1], seen


def _mapped(rows: Any, coded: Any) -> Any:
    processes = (os.cpu_count() or 1) if len(rows) >= SEVERAL_PROCESSES_FROM else None
    return rows.map(coded, num_proc=processes, desc="Tokens", load_from_cache_file=False)


def _counted(coded: Any, settings: Settings, columns: list[str]) -> TokenRows:
    """Apply the policy on rows that are too long, and count."""
    limit = settings.batch.sequence
    lengths, unfit = coded["length"][:], coded["unfit"][:]
    over = [number for number, length in enumerate(lengths) if length > limit]
    cut = [number for number, turns in enumerate(coded["left_out"][:]) if turns and lengths[number] <= limit]
    if over and settings.data.too_long == "refuse":
        raise TrainingError(_refusal(coded, over, limit))
    left = [number for number, length in enumerate(lengths) if length <= limit and not unfit[number]]
    kept = coded.select(left) if len(left) < len(coded) else coded
    if not len(kept) and any(unfit):
        first = next(number for number, reason in enumerate(unfit) if reason)
        raise TrainingError(f"no row is left of {len(coded)}: {coded[first]['id']}: {unfit[first]}")
    if not len(kept):
        raise TrainingError(f"no row is left of {len(coded)}: each has more than {limit} tokens, raise sequence")
    kept, held_out = _split(kept, settings)
    return TokenRows(
        held_out=held_out.select_columns(columns) if held_out is not None else None,
        dataset=kept.select_columns(columns),
        read=len(coded),
        kept=len(kept),
        tokens=sum(kept["tokens"][:]),
        label_tokens=sum(kept["learned"][:]),
        longest=max(kept["length"][:]),
        sum_squared_lengths=sum(length * length for length in kept["length"][:]),
        too_long=[_listed(coded[number], limit) for number in sorted(over + cut)],
        licenses=_tally(kept["license"][:]),
        sources=_tally(kept["source"][:]),
        notes=_notes(coded, unfit),
    )


def _split(rows: Any, settings: Settings) -> tuple[Any, Any]:
    """Return the rows to train on and those to evaluate on, drawn by seed; None where none are held out."""
    share = settings.data.eval_share
    if not share:
        return rows, None
    count = max(1, round(share * len(rows)))
    if count >= len(rows):
        raise TrainingError(f"eval_share is {share:g}, expected one that leaves rows to train on of {len(rows)}")
    held_out = set(random.Random(settings.schedule.seed).sample(range(len(rows)), count))
    return rows.select([n for n in range(len(rows)) if n not in held_out]), rows.select(sorted(held_out))


def _notes(coded: Any, unfit: list[str]) -> list[dict[str, Any]]:
    """Return a note on each dropped or changed row: its id, the action and the reason."""
    ids, spelt, merged = coded["id"][:], coded["spelt"][:], coded["merged"][:]
    notes = [{"id": ids[n], "done": "dropped", "reason": reason} for n, reason in enumerate(unfit) if reason]
    notes += [
        {"id": ids[n], "done": "special tokens as text", "reason": ", ".join(tokens)}
        for n, tokens in enumerate(spelt)
        if tokens
    ]
    refused = "the chat template refuses a system turn"
    return notes + [
        {"id": ids[n], "done": "system put before user", "reason": refused} for n, yes in enumerate(merged) if yes
    ]


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
    return dict(sorted(Counter(values).items()))


def _packed(rows: TokenRows, sequence: int) -> TokenRows:
    """Return rows packed by best fit decreasing (arXiv 2404.10830), never split, with separate attention."""
    import dataclasses

    from trl import pack_dataset

    return dataclasses.replace(rows, dataset=pack_dataset(rows.dataset, sequence, "bfd"))
