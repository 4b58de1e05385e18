"""The formats in which trainers read rows: ShareGPT, Alpaca, and the chats of TRL, axolotl and OpenRLHF.

A format raises ``ValueError`` for a row that it cannot represent. axolotl, LLaMA-Factory and OpenRLHF read these
formats in versions 0.19.0, 0.9.5 and 0.11.2.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, Literal

from sources.record import Message, Record
from synth.formatting.other_formats import checkable, flat, tool_calls

SHAREGPT_SPEAKERS = {"system": "system", "user": "human", "assistant": "gpt"}

Chat = list[dict[str, str]]


def chat(record: Record) -> dict[str, Any]:
    """Return ``messages`` (``role``, ``content``), the response as the last: TRL's, axolotl's and OpenRLHF's form."""
    return {"messages": _chat((*record.messages, Message("assistant", _filled(record, "response"))))}


def preference(record: Record) -> dict[str, Chat]:
    """Return ``prompt``, ``chosen`` and ``rejected`` as lists of messages, as TRL and OpenRLHF read them."""
    replies = {"chosen": _filled(record, "response"), "rejected": _filled(record, "rejected")}
    sides = {side: _chat([Message("assistant", reply)]) for side, reply in replies.items()}
    return {"prompt": _chat(record.messages), **sides}


def axolotl_preference(record: Record) -> dict[str, Any]:
    """Return ``messages``, and ``chosen`` and ``rejected`` as one message each: axolotl's ``chat_template.default``."""
    pair = preference(record)
    return {"messages": pair["prompt"], "chosen": pair["chosen"][0], "rejected": pair["rejected"][0]}


def sharegpt(record: Record) -> dict[str, Any]:
    """Return a row of ``id`` and ``conversations`` (``from``, ``value``), the response as its last turn."""
    turns = (*record.messages, Message("assistant", _filled(record, "response")))
    return {"id": record.id, "conversations": [_turns(turn) for turn in turns]}


def sharegpt_preference(record: Record) -> dict[str, Any]:
    """Return ``id``, the prompt as ``conversations``, and ``chosen`` and ``rejected`` as one turn each."""
    sides = {"chosen": _filled(record, "response"), "rejected": _filled(record, "rejected")}
    replies = {side: _turns(Message("assistant", reply)) for side, reply in sides.items()}
    return {"id": record.id, "conversations": [_turns(turn) for turn in record.messages], **replies}


def llama_factory(record: Record) -> dict[str, Any]:
    """Return ``sharegpt``. ``ValueError`` where turns do not alternate: LLaMA-Factory would skip the row silently."""
    _alternating(record)
    return sharegpt(record)


def llama_factory_preference(record: Record) -> dict[str, Any]:
    """Return ``sharegpt_preference``, turns alternating as in ``llama_factory``."""
    _alternating(record)
    return sharegpt_preference(record)


def alpaca(record: Record) -> dict[str, Any]:
    """Return a row of ``id``, ``instruction``, ``input``, ``output`` and ``system``.

    The whole prompt is the instruction. Raises ``ValueError`` for a conversation of several turns.
    """
    return {**_one_turn(record), "output": _filled(record, "response")}


def alpaca_preference(record: Record) -> dict[str, Any]:
    """Return a row as ``alpaca`` does, with ``chosen`` and ``rejected`` texts in the place of ``output``."""
    return {**_one_turn(record), "chosen": _filled(record, "response"), "rejected": _filled(record, "rejected")}


Kind = Literal["sft", "dpo", "rl", "tools", "rows"]
Target = Literal[
    "sharegpt", "alpaca", "trl", "axolotl", "llama-factory", "openrlhf", "grpo", "tool-calls", "csv", "xlsx"
]
Shape = Callable[[Record], dict[str, Any]]

SHAPES: dict[Target, dict[Kind, Shape]] = {
    "sharegpt": {"sft": sharegpt, "dpo": sharegpt_preference},
    "alpaca": {"sft": alpaca, "dpo": alpaca_preference},
    "trl": {"sft": chat, "dpo": preference},
    "axolotl": {"sft": chat, "dpo": axolotl_preference},
    "llama-factory": {"sft": llama_factory, "dpo": llama_factory_preference},
    "openrlhf": {"sft": chat, "dpo": preference},
}
"""The format of a conversation and of a preference pair, by trainer."""

ONE_SHAPE: dict[Target, tuple[Kind, Shape]] = {
    "grpo": ("rl", checkable),
    "tool-calls": ("tools", tool_calls),
    "csv": ("rows", flat),
    "xlsx": ("rows", flat),
}
"""Formats in which all rows have one shape, with the name of their file."""


def kind_of(record: Record, to: Target) -> Kind:
    """Return the file that a row belongs to in the format of ``to``."""
    if to in ONE_SHAPE:
        return ONE_SHAPE[to][0]
    return "sft" if record.rejected is None else "dpo"


def shaped(record: Record, to: Target, kind: Kind) -> dict[str, Any]:
    """Return the row in the format of ``to``, with ``id``, ``source`` and ``license``, which name its terms."""
    named = {"id": record.id, "source": record.source, "license": record.license}
    return {**named, **(ONE_SHAPE[to][1] if to in ONE_SHAPE else SHAPES[to][kind])(record)}


def _chat(turns: Sequence[Message]) -> Chat:
    return [{"role": role, "content": content} for role, content in turns]


def _turns(turn: Message) -> dict[str, str]:
    return {"from": SHAREGPT_SPEAKERS[turn.role], "value": turn.content}


def _one_turn(record: Record) -> dict[str, Any]:
    roles = [message.role for message in record.messages]
    if roles not in (["user"], ["system", "user"]):
        raise ValueError(f"{record.id} has turns {', '.join(roles)}, expected one by the user: export it as ShareGPT")
    system = record.messages[0].content if len(roles) == 2 else ""
    return {"id": record.id, "instruction": record.messages[-1].content, "input": "", "system": system}


def _alternating(record: Record) -> None:
    roles = [message.role for message in record.messages]
    turns = roles[1:] if roles[:1] == ["system"] else roles
    strange = turns[:1] != ["user"] or turns[-1:] != ["user"] or "system" in turns
    if strange or any(one == other for one, other in pairwise(turns)):
        raise ValueError(
            f"{record.id} has turns {', '.join(roles)}, expected user and assistant by turns, the user first and last"
        )


def _filled(record: Record, field: str) -> str:
    text: str | None = getattr(record, field)
    if not text:
        raise ValueError(f"{record.id} has no {field}, expected a row that was kept with one")
    return text
