"""The request fields that a server accepts, determined by its refusals."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sources.record import Message
from synth.teachers.teacher import Request

OPTIONAL = ("temperature", "top_p", "max_tokens", "seed", "stop")
"""Fields of a request that may be left out."""

NO_SYSTEM = re.compile(
    r"system[ _-]?(?:role|message|prompt|instruction)s?\b.{0,60}?(?:not|n't|unsupported|only|must|cannot)"
    r"|(?:not|n't|unsupported|cannot|no).{0,60}?\bsystem[ _-]?(?:role|message|prompt|instruction)"
    r"|(?:role|roles).{0,80}?\bsystem\b|\bsystem\b.{0,40}?\brole|developer instruction"
    r"|'system'.{0,40}?'user'|roles must alternate|only user and assistant|should be 'user' or 'assistant'",
    re.IGNORECASE | re.DOTALL,
)
"""How templates and servers refuse a system message: Gemma, Mistral, vLLM, llama.cpp, Google, pydantic."""

STREAM_ONLY = re.compile(
    r"\bnon-?stream|\bstream(?:ing)?(?: mode)?\b.{0,40}?\b(?:must be|required|is required|cannot be|needs? to be)"
    r"|\b(?:only|requires?|must)\b.{0,40}?\bstream(?:ing)?\b|\bstream\W{1,3}false\b.{0,40}?not|\benable.{0,20}\bstream",
    re.IGNORECASE,
)
"""How servers refuse to answer in one piece."""

STREAM_NOTICE = "it answers only in streams of events, which are requested and joined"

NO_SCHEMA = re.compile(
    r"response_format|json_?schema|structured.?outputs?|guided.?(?:json|decoding)|\bgrammar\b", re.IGNORECASE
)
"""How servers name the schema of a reply that they refuse."""

SCHEMA_LEFT_OUT = "it refuses response_format, which is left out: only the prompt says the form of a reply"

NOT_TAKEN = re.compile(
    r"unsupported|not support|n't support|not permitted|not allowed|extra_forbidden|extra inputs|unknown"
    r"|unrecogni[sz]ed|unexpected|no longer|deprecated|cannot be used",
    re.IGNORECASE,
)


@dataclass
class Dialect:
    """The fields that one server's requests have: those of ``leave_out`` are missing, by setting or by experience."""

    leave_out: set[str] = field(default_factory=set)
    max_tokens: str = "max_tokens"
    system: bool = True
    schema: bool = True
    stream: bool = False
    stream_usage: bool = True

    def body(self, request: Request, model: str) -> dict[str, Any]:
        """Return the JSON of a request: one choice, and no field that is not needed."""
        sampling = request.sampling
        messages = request.messages if self.system else without_system(request.messages)
        sent: dict[str, Any] = {
            "model": model,
            "messages": [{"role": message.role, "content": message.content} for message in messages],
            "temperature": sampling.temperature,
            "max_tokens": sampling.max_tokens,
            "seed": request.seed,
        }
        if sampling.top_p != 1.0:  # the default of all, which some refuse all the same
            sent["top_p"] = sampling.top_p
        if sampling.stop:
            sent["stop"] = list(sampling.stop)
        sent = {name: value for name, value in sent.items() if name not in self.leave_out}
        if "max_tokens" in sent:
            sent[self.max_tokens] = sent.pop("max_tokens")
        if sampling.logprobs is not None:
            sent["logprobs"] = True
            sent["top_logprobs"] = sampling.logprobs
        if sampling.json_schema is not None and self.schema:
            schema = {"name": "answer", "strict": True, "schema": dict(sampling.json_schema)}
            sent["response_format"] = {"type": "json_schema", "json_schema": schema}
        if self.stream:
            sent["stream"] = True
            sent |= {"stream_options": {"include_usage": True}} if self.stream_usage else {}
        return sent

    def learn(self, sent: dict[str, Any], refusal: str) -> str | None:
        """Record a refusal; return the change to later requests, None where no change helps."""
        if "max_tokens" in sent and "max_completion_tokens" in refusal:
            self.max_tokens = "max_completion_tokens"
            return "it refuses max_tokens; max_completion_tokens is sent instead"
        if "top_p" in sent and _names(refusal, "top_p") and _names(refusal, "temperature"):
            self.leave_out.add("top_p")
            return f"it refuses temperature together with top_p; top_p, {sent['top_p']}, is left out"
        if "seed" in sent and _names(refusal, "seed") and NOT_TAKEN.search(refusal):
            self.leave_out.add("seed")
            return "it refuses seed, which is left out; the same request may be answered otherwise the next time"
        if "response_format" in sent and NO_SCHEMA.search(refusal):
            self.schema = False
            return SCHEMA_LEFT_OUT
        if "stream" not in sent and STREAM_ONLY.search(refusal):
            self.stream = True
            return STREAM_NOTICE
        if "stream_options" in sent and _names(refusal, "stream_options"):
            self.stream_usage = False
            return "it refuses stream_options, which is left out; what its answers take may not be known"
        if sent["messages"][0]["role"] == "system" and NO_SYSTEM.search(refusal):
            self.system = False
            return SYSTEM_MOVED
        return None


SYSTEM_MOVED = "it takes no system message; its text is put before the first user message"


def without_system(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Return the messages with the text of system messages put before the first one of the user."""
    system = "\n\n".join(message.content for message in messages if message.role == "system")
    others = [message for message in messages if message.role != "system"]
    if not system:
        return tuple(messages)
    first = next((n for n, message in enumerate(others) if message.role == "user"), None)
    if first is None:
        return Message("user", system), *others
    others[first] = Message("user", f"{system}\n\n{others[first].content}")
    return tuple(others)


def named_field(sent: Iterable[str], refusal: str) -> str | None:
    """Return the field of a request that a refusal names, if it may be left out."""
    return next((name for name in sent if name in OPTIONAL and _names(refusal, name)), None)


def _names(text: str, name: str) -> bool:
    return re.search(rf"(?<![a-z_]){name}(?![a-z_])", text) is not None
