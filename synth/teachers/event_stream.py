"""Replies as a stream of server-sent events, assembled into the body of a reply that is not streamed.

Some servers always stream. A stream that ends early is no reply.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

TYPE = "text/event-stream"

END = re.compile(rb"(?:^|\n)data: ?\[DONE\]")
"""The end of a stream; JSON text cannot contain it, since it begins after a line break."""

TEXTS = ("content", "reasoning_content", "reasoning", "refusal")


class StreamError(ValueError):
    """A stream that holds no whole reply."""


def is_stream(content: bytes) -> bool:
    """Return whether the body of a reply is a stream of events."""
    return content.lstrip()[:6].startswith((b"data:", b"event:", b"id:", b":"))


def join_chunks(content: bytes) -> dict[str, Any]:
    """Return the reply that a stream's chunks make together; ``StreamError`` where it is cut off or holds none."""
    reply: dict[str, Any] = {}
    choices: dict[int, dict[str, Any]] = {}
    done = False
    for data in _events(content):
        if data == "[DONE]":
            done = True
            break
        chunk = _json(data)
        if chunk.get("error"):
            return chunk
        reply |= {name: chunk[name] for name in ("id", "model", "usage") if chunk.get(name) is not None}
        for part in chunk.get("choices") or ():
            if isinstance(part, dict):
                index = part.get("index")
                _add(choices.setdefault(index if isinstance(index, int) else 0, {"message": {}}), part)
    if not choices:
        raise StreamError("a stream of events without an answer")
    if not done and not all(choice.get("finish_reason") for choice in choices.values()):
        raise StreamError("a stream of events that ends before the answer does")
    return {**reply, "choices": [choices[index] for index in sorted(choices)]}


def _events(content: bytes) -> Iterator[str]:
    """Yield the data of each event (WHATWG HTML, 9.2.6)."""
    text = content.decode("utf-8", "replace").removeprefix("\ufeff")
    for event in re.split(r"(?:\r\n|\r|\n){2,}", text):
        lines = re.split(r"\r\n|\r|\n", event)
        data = [line.removeprefix("data:").removeprefix(" ") for line in lines if line.startswith("data:")]
        # Servers that leave out the empty line between events send one JSON text a line.
        yield from data if len(data) > 1 and all(line.startswith(("{", "[")) for line in data) else ["\n".join(data)]


def _json(data: str) -> dict[str, Any]:
    if not data.strip():
        return {}
    try:
        chunk = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise StreamError(f"a stream of events in which one is not JSON: {data[:80]!r}") from error
    return chunk if isinstance(chunk, dict) else {}


def _texts(parts: list[Any]) -> Iterator[str]:
    """Yield the texts of a content in parts, without thoughts."""
    for part in parts:
        if isinstance(part, str):
            yield part
        elif isinstance(part, dict) and isinstance(part.get("text"), str):
            yield part["text"]


def _add(choice: dict[str, Any], part: dict[str, Any]) -> None:
    """Add the content of a chunk to the choice so far."""
    content = part.get("delta") if isinstance(part.get("delta"), dict) else part.get("message")
    message = choice["message"]
    for name, value in (content if isinstance(content, dict) else {}).items():
        if name in TEXTS and isinstance(value, str):
            message[name] = (message.get(name) or "") + value
        elif name in TEXTS and isinstance(value, list):
            message[name] = (message.get(name) or "") + "".join(_texts(value))
        elif value is not None:
            message[name] = value
    if part.get("finish_reason") is not None:
        choice["finish_reason"] = part["finish_reason"]
    if part.get("error"):
        choice["error"] = part["error"]
    logprobs = part.get("logprobs")
    if isinstance(logprobs, dict) and isinstance(logprobs.get("content"), list):
        choice.setdefault("logprobs", {"content": []})["content"] += logprobs["content"]
