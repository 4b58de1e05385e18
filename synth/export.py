"""The shapes in which trainers read rows: ShareGPT, Alpaca, and TRL's conversational prompt, chosen and rejected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sources.record import ROLES, Message, Record

SHAREGPT_SPEAKERS = {"system": "system", "user": "human", "assistant": "gpt"}

Chat = list[dict[str, str]]


def sharegpt(record: Record) -> dict[str, Any]:
    """Return a row of ``id`` and ``conversations`` (``from``, ``value``), the response as its last turn."""
    turns = (*record.messages, Message("assistant", _filled(record, "response")))
    said = [{"from": SHAREGPT_SPEAKERS[role], "value": content} for role, content in turns]
    return {"id": record.id, "conversations": said}


def alpaca(record: Record) -> dict[str, Any]:
    """Return a row of ``id``, ``instruction``, ``input``, ``output`` and ``system``.

    The prompt is all instruction. ``ValueError`` for a conversation of several turns, which this shape cannot hold.
    """
    response = _filled(record, "response")
    roles = [message.role for message in record.messages]
    if roles not in (["user"], ["system", "user"]):
        raise ValueError(f"{record.id} has turns {', '.join(roles)}, expected one by the user: export it as ShareGPT")
    system = record.messages[0].content if len(roles) == 2 else ""
    prompt = record.messages[-1].content
    return {"id": record.id, "instruction": prompt, "input": "", "output": response, "system": system}


def preference(record: Record) -> dict[str, Chat]:
    """Return ``prompt``, ``chosen`` and ``rejected`` as lists of messages, as TRL's DPOTrainer reads them."""
    replies = {"chosen": _filled(record, "response"), "rejected": _filled(record, "rejected")}
    sides = {side: [{"role": "assistant", "content": reply}] for side, reply in replies.items()}
    return {"prompt": [{"role": role, "content": content} for role, content in record.messages], **sides}


def from_preference(row: Mapping[str, Sequence[Mapping[str, str]]]) -> tuple[tuple[Message, ...], str, str]:
    """Return the messages, the response and the rejected answer of a row that ``preference`` made.

    ``ValueError`` names a side that is not one message of the assistant, or a role that is none.
    """
    messages = tuple(Message(turn["role"], turn["content"]) for turn in row["prompt"])
    if unknown := [message.role for message in messages if message.role not in ROLES]:
        raise ValueError(f"role is {unknown[0]!r}, expected one of {', '.join(ROLES)}")
    return messages, _reply(row, "chosen"), _reply(row, "rejected")


def _reply(row: Mapping[str, Sequence[Mapping[str, str]]], side: str) -> str:
    roles = [turn["role"] for turn in row[side]]
    if roles != ["assistant"]:
        raise ValueError(f"{side} has turns {', '.join(roles) or 'none'}, expected one by the assistant")
    return row[side][0]["content"]


def _filled(record: Record, field: str) -> str:
    text: str | None = getattr(record, field)
    if not text:
        raise ValueError(f"{record.id} has no {field}, expected a row that was kept with one")
    return text
