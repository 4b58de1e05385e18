"""Does a selected subset teach more than a random one of equal size? Held-out loss of a small model tuned on either.

    sabila score rows.parquet --out scored --perplexity MODEL --ifd MODEL ...
    python tests/measure_selection.py scored/kept.parquet heldout.parquet MODEL --by ifd --by=-perplexity --seeds 3

Both files have columns ``prompt`` and ``response``. A subset holds the rows with the highest score (the lowest with a
minus), or random ones, up to ``--tokens`` tokens of answers. Each seed orders the rows, and chooses the random ones.
The loss is the mean over the tokens of all held-out answers. Not collected by pytest.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time

import polars as pl
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

IGNORED = -100
Example = tuple[list[int], list[int]]


def examples(rows: pl.DataFrame, tokenizer, longest: int) -> list[Example]:
    """Return the tokens of each row's chat, and its labels: the answer alone counts."""
    made = []
    for prompt, response in rows.select("prompt", "response").iter_rows():
        turns = [{"role": "user", "content": prompt}]
        before = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        asked = tokenizer(before, add_special_tokens=False)["input_ids"]
        answer = tokenizer(response, add_special_tokens=False)["input_ids"] + [tokenizer.eos_token_id]
        made.append(((asked + answer)[:longest], ([IGNORED] * len(asked) + answer)[:longest]))
    return made


def batches(made: list[Example], size: int, pad: int):
    """Yield batches of examples as tensors: tokens, attention and labels."""
    for start in range(0, len(made), size):
        some = made[start : start + size]
        width = max(len(tokens) for tokens, _ in some)
        tokens = torch.tensor([tokens + [pad] * (width - len(tokens)) for tokens, _ in some])
        labels = torch.tensor([labels + [IGNORED] * (width - len(labels)) for _, labels in some])
        lengths = torch.tensor([len(tokens) for tokens, _ in some])
        yield tokens, (torch.arange(width)[None] < lengths[:, None]).long(), labels


def held_out_loss(model, made: list[Example], pad: int) -> float:
    """Return the mean loss over all answer tokens."""
    model.eval()
    total, count = 0.0, 0
    with torch.no_grad():
        for tokens, attention, labels in batches(sorted(made, key=lambda one: len(one[0])), 8, pad):
            answers = int((labels[:, 1:] != IGNORED).sum())
            total += float(model(input_ids=tokens, attention_mask=attention, labels=labels).loss) * answers
            count += answers
    return total / count


def tune(model, made: list[Example], pad: int, rate: float) -> None:
    """Tune the model for one epoch with AdamW, eight rows a step, the rate falling to zero."""
    model.train()
    steps = (len(made) + 7) // 8
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / steps)
    for tokens, attention, labels in batches(made, 8, pad):
        model(input_ids=tokens, attention_mask=attention, labels=labels).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()


def subset(rows: pl.DataFrame, by: str, tokens: int, seed: int) -> pl.DataFrame:
    """Return the best rows by a score, or random ones, until their answers have so many tokens."""
    if by == "random":
        ordered = rows.sample(fraction=1, shuffle=True, seed=seed)
    else:
        name = by.lstrip("-")
        ordered = rows.filter(pl.col(name).is_not_null()).sort(name, descending=not by.startswith("-"))
        ordered = ordered.filter(pl.col(name) <= 1) if name == "ifd" else ordered  # above 1 the question misleads
    chosen = ordered.filter(pl.col("tokens").cum_sum() <= tokens)
    return chosen.sample(fraction=1, shuffle=True, seed=seed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scored")
    parser.add_argument("held_out")
    parser.add_argument("model")
    parser.add_argument("--by", action="append", required=True, help="Score by which to select; a minus: the lowest.")
    parser.add_argument("--tokens", type=int, default=20_000, help="Tokens of answers in a subset.  [default: 20000]")
    parser.add_argument("--seeds", type=int, default=3, help="Runs of each.  [default: 3]")
    parser.add_argument("--rate", type=float, default=1e-4, help="Learning rate.  [default: 1e-4]")
    parser.add_argument("--held-out-rows", type=int, default=150, help="Rows of the held-out file.  [default: 150]")
    given = parser.parse_args()
    torch.set_num_threads(1)
    tokenizer = AutoTokenizer.from_pretrained(given.model)
    pad = tokenizer.pad_token_id or tokenizer.eos_token_id
    rows = pl.read_parquet(given.scored)
    lengths = [len(tokenizer(text)["input_ids"]) for text in rows["response"]]
    rows = rows.with_columns(tokens=pl.Series(lengths))
    held = examples(pl.read_parquet(given.held_out).head(given.held_out_rows), tokenizer, 512)
    model = AutoModelForCausalLM.from_pretrained(given.model, dtype=torch.float32)
    print(f"untuned: held-out loss {held_out_loss(model, held, pad):.4f}", flush=True)
    for by in ("random", *given.by):
        losses = []
        for seed in range(given.seeds):
            began = time.monotonic()
            random.seed(seed)
            torch.manual_seed(seed)
            chosen = subset(rows, by, given.tokens, seed)
            model = AutoModelForCausalLM.from_pretrained(given.model, dtype=torch.float32)
            tune(model, examples(chosen, tokenizer, 512), pad, given.rate)
            losses.append(held_out_loss(model, held, pad))
            size = f"{chosen.height} rows, {chosen['tokens'].sum():,} tokens of answers"
            print(f"{by}, seed {seed}: {losses[-1]:.4f} ({size}; {time.monotonic() - began:.0f} s)", flush=True)
        print(f"{by}: mean {statistics.mean(losses):.4f}, from {min(losses):.4f} to {max(losses):.4f}", flush=True)


if __name__ == "__main__":
    main()
