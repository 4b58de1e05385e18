"""What a chat/completions server sent back, taken at its word and not at what was asked for.

Servers answer 200 OK to requests whose ``n``, ``logprobs`` or ``response_format`` they ignore, so every part that a
request relies on is looked for in the reply.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from synth.teacher import Completion, Request
from synth.thinking import parted


class BadReplyError(Exception):
    """A reply that is not what was asked for; ``final`` where asking again would bring the same."""

    def __init__(self, what: str, *, final: bool = False) -> None:
        super().__init__(what)
        self.final = final


def body(request: Request, model: str) -> dict[str, Any]:
    """Return the JSON of a request: one choice, and no field that is not needed."""
    sampling = request.sampling
    asked: dict[str, Any] = {
        "model": model,
        "messages": [{"role": message.role, "content": message.content} for message in request.messages],
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "max_tokens": sampling.max_tokens,
        "seed": request.seed,
    }
    if sampling.stop:
        asked["stop"] = list(sampling.stop)
    if sampling.logprobs is not None:
        asked["logprobs"] = True
        asked["top_logprobs"] = sampling.logprobs
    if sampling.json_schema is not None:
        schema = {"name": "answer", "strict": True, "schema": dict(sampling.json_schema)}
        asked["response_format"] = {"type": "json_schema", "json_schema": schema}
    return asked


def completion(content: bytes, request: Request, seconds: float) -> Completion:
    """Return the completion in a reply's body; ``BadReplyError`` says what is not as asked."""
    reply = _json(content)
    choice = _only_choice(reply)
    message = _typed(choice, "message", dict, "choices[0].message")
    reason = _typed(choice, "finish_reason", str, "choices[0].finish_reason")
    reasoning, text = _said(message)
    if request.sampling.json_schema is not None and reason == "stop":
        check_json(text, request.sampling.json_schema)
    usage = reply.get("usage")
    counts = usage if isinstance(usage, dict) else {}
    return Completion(
        text=text,
        reasoning=reasoning,
        finish_reason=reason,
        prompt_tokens=_count(counts.get("prompt_tokens")),
        completion_tokens=_count(counts.get("completion_tokens")),
        logprobs=None if request.sampling.logprobs is None else _logprobs(choice, request.sampling.logprobs),
        seconds=seconds,
    )


def check_json(text: str, schema: Mapping[str, Any]) -> None:
    """Raise ``BadReplyError`` for text that is no JSON of the schema's type with the fields it requires.

    Deeper the schema is the server's to keep; a server that ignores it already fails here.
    """
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadReplyError(f"text is not JSON, a schema was asked for: {text[:80]!r}", final=True) from error
    kinds: dict[object, type] = {"object": dict, "array": list, "string": str}
    expected = kinds.get(schema.get("type"), object)
    if not isinstance(value, expected):
        raise BadReplyError(f"JSON is {value!r:.80}, expected an {schema['type']} as the schema says", final=True)
    missing = [name for name in schema.get("required", ()) if isinstance(value, dict) and name not in value]
    if missing:
        raise BadReplyError(f"JSON lacks {', '.join(missing)}, which the schema requires: {text[:80]!r}", final=True)


def _json(content: bytes) -> dict[str, Any]:
    try:
        reply = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise BadReplyError(f"reply is not JSON: {content[:80]!r}") from error
    if not isinstance(reply, dict):
        raise BadReplyError(f"reply is {content[:80]!r}, expected a JSON object")
    return reply


def _only_choice(reply: dict[str, Any]) -> dict[str, Any]:
    choices = reply.get("choices")
    if not isinstance(choices, list):
        raise BadReplyError(f"reply has no list of choices, but {', '.join(map(repr, reply)) or 'nothing'}")
    if len(choices) != 1 or not isinstance(choices[0], dict):
        raise BadReplyError(f"reply has {len(choices)} choices, expected 1")
    return choices[0]


def _said(message: dict[str, Any]) -> tuple[str | None, str]:
    """Return (reasoning, answer), from the field that servers with a reasoning parser fill, or from the text's tags."""
    thought = message.get("reasoning_content") or message.get("reasoning")
    content = message.get("content")
    if isinstance(thought, str):
        return thought, content if isinstance(content, str) else ""
    if not isinstance(content, str):
        refusal = message.get("refusal")
        raise BadReplyError(f"message.content is {content!r}, expected text; refusal is {refusal!r}")
    return parted(content)


def _logprobs(choice: dict[str, Any], wanted: int) -> tuple[Mapping[str, float], ...]:
    held = choice.get("logprobs")
    tokens = held.get("content") if isinstance(held, dict) else None
    if not isinstance(tokens, list):
        raise BadReplyError(f"reply has no logprobs, {wanted} a token were asked for", final=True)
    try:
        return tuple(_alternatives(token) for token in tokens)
    except (KeyError, TypeError, ValueError) as error:
        raise BadReplyError(f"logprobs are not as expected: {error!r}", final=True) from error


def _alternatives(token: dict[str, Any]) -> dict[str, float]:
    """Return a token's alternatives, and itself where it is none of the likeliest.

    Of tokens that read the same, parts of one character for instance, the likeliest stands.
    """
    found: dict[str, float] = {}
    for other in (*(token.get("top_logprobs") or ()), token):
        text, logprob = str(other["token"]), float(other["logprob"])
        found[text] = max(logprob, found.get(text, logprob))
    return found


def _typed(holder: dict[str, Any], name: str, kind: type, path: str) -> Any:
    value = holder.get(name)
    if not isinstance(value, kind):
        raise BadReplyError(f"{path} is {value!r:.80}, expected {kind.__name__}")
    return value


def _count(value: object) -> int | None:
    """Return a number of tokens; what is none is unknown."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
