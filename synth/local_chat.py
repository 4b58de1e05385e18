"""A conversation with a model in this process: the prompt as its template writes it, and what it wrote read back."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from synth.teacher import Request
from synth.thinking import OPEN, parted


def prompt_text(tokenizer: Any, request: Request) -> str:
    """Return the messages as the template of ``tokenizer`` writes them, up to where the model goes on."""
    messages = [{"role": message.role, "content": message.content} for message in request.messages]
    return str(tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False))


def prompt_tokens(tokenizer: Any, prompt: str) -> list[int]:
    """Return the tokens of a prompt, whose special ones the template has written."""
    tokens: list[int] = tokenizer(prompt, add_special_tokens=False)["input_ids"]
    return tokens


def reasoning_and_answer(prompt: str, written: str) -> tuple[str | None, str]:
    """Return what a model wrote as (reasoning, answer), also where its prompt has opened the reasoning already."""
    return parted(OPEN + written if prompt.rstrip().endswith(OPEN) else written)


def by_text(alternatives: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Return the alternatives at one token, (text, log-probability), by text; of those that read the same the best."""
    return dict(sorted(alternatives, key=lambda one: one[1]))


def loaded_at(model: str, revision: str) -> str | None:
    """Return the revision at which to load ``model``: none for a folder, whose revision is the hash of its files."""
    return None if Path(model).is_dir() else revision
