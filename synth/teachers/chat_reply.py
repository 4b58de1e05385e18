"""Parsing of replies of chat/completions servers, from bytes to a completion.

Servers answer 200 OK to requests whose ``n``, ``logprobs`` or ``response_format`` they ignore, and with an error
inside, so every part that a request relies on is checked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from synth.teachers.event_stream import StreamError, is_stream, join_chunks
from synth.teachers.finish_reasons import NOT_GIVEN, ended
from synth.teachers.teacher import Completion, Request, Usage
from synth.teachers.thinking import split_reasoning

SHOWN = 80


class BadReplyError(Exception):
    """A reply that does not fit its request.

    ``final`` where a repeated request would get the same reply; ``usage`` are the tokens it reports. ``status`` is that
    of an error inside a 200.
    """

    def __init__(self, what: str, *, final: bool = False, status: int | None = None) -> None:
        super().__init__(what)
        self.final = final
        self.status = status
        self.usage = Usage()


@dataclass(frozen=True, kw_only=True)
class Reply:
    """A completion, the model that the server names, and whether it was a stream of events."""

    completion: Completion
    model: str | None
    streamed: bool = False


def read_reply(content: bytes, request: Request, seconds: float) -> Reply:
    """Return the completion in a reply's body; ``BadReplyError`` names the part that does not fit the request."""
    streamed = is_stream(content)
    reply = _join_stream(content) if streamed else _json(content)
    usage = _usage(reply.get("usage"))
    try:
        completion = _completion(reply, usage, request, seconds)
    except BadReplyError as error:
        error.usage = usage
        raise
    model = reply.get("model")
    return Reply(completion=completion, model=model if isinstance(model, str) else None, streamed=streamed)


def usable(completion: Completion, request: Request) -> Completion:
    """Return a usable completion; ``BadReplyError`` for one without text, or without the requested JSON.

    Where log-probabilities are requested, they are the answer.
    """
    sampling = request.sampling
    if not completion.text.strip() and completion.ended in ("stop", "unknown") and sampling.logprobs is None:
        raise BadReplyError("reasoning without an answer" if completion.reasoning else "empty answer")
    if sampling.json_schema is not None and not request.reads_text and completion.ended == "stop":
        check_json(completion.text, sampling.json_schema)
    return completion


def check_json(text: str, schema: Mapping[str, Any]) -> None:
    """Raise ``BadReplyError`` for text without JSON of the schema's type with the fields it requires.

    A fence or words around it are allowed. Deeper levels of the schema are not checked: a server that ignores the
    schema fails at the first.
    """
    kinds: dict[object, type] = {"object": dict, "array": list, "string": str}
    expected = kinds.get(schema.get("type"), object)
    values = list(_values(text))
    fitting = [value for value in values if isinstance(value, expected)]
    if not values:
        raise BadReplyError(f"text is not JSON, expected JSON of the requested schema: {text[:SHOWN]!r}", final=True)
    if not fitting:
        raise BadReplyError(f"JSON is {values[0]!r:.80}, expected an {schema['type']} as the schema says", final=True)
    missing = [[name for name in schema.get("required", ()) if isinstance(v, dict) and name not in v] for v in fitting]
    if all(missing):
        lacks = ", ".join(missing[0])
        raise BadReplyError(f"JSON lacks {lacks}, which the schema requires: {text[:SHOWN]!r}", final=True)


FENCED = re.compile(r"```[a-z]*\s*\n(.*?)```", re.IGNORECASE | re.DOTALL)


def _values(text: str) -> list[Any]:
    """Return the JSON values of a reply: the whole of it, or those in fences, or from the first brace on."""
    brace = text.find("{")
    for parts in ([text], FENCED.findall(text), [text[brace:]] if brace >= 0 else []):
        values = []
        for part in parts:
            try:
                values.append(json.JSONDecoder().raw_decode(part.strip())[0] if part != text else orjson.loads(part))
            except (ValueError, RecursionError):
                continue
        if values:
            return values
    return []


# --- the parts of a reply ------------------------------------------------------------------------------------------


def _completion(reply: dict[str, Any], usage: Usage, request: Request, seconds: float) -> Completion:
    choice = _only_choice(reply)
    reason = _finish_reason(choice)
    if ended(reason) == "failed":
        raise BadReplyError(f"the server broke off with finish reason {reason!r}{_words_of(choice)}")
    message = choice.get("message")
    if not isinstance(message, dict):
        raise BadReplyError(f"choices[0].message is {message!r:.80}, expected dict")
    reasoning, text = _error_text(message, filtered=ended(reason) == "filtered")
    if isinstance(message.get("refusal"), str) and not text.strip():
        text, reason = message["refusal"], "refusal"
    logprobs = request.sampling.logprobs
    completion = Completion(
        text=text,
        reasoning=reasoning,
        finish_reason=_by_length(reason, usage, request),
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        logprobs=None if logprobs is None else _logprobs(choice, logprobs),
        seconds=seconds,
    )
    if completion.completion_tokens == 0 and (completion.text or completion.reasoning):
        completion = replace(completion, completion_tokens=None)  # a count of 0 with a text is unknown
    return usable(completion, request)


def _join_stream(content: bytes) -> dict[str, Any]:
    try:
        reply: dict[str, Any] = _without_surrogates(join_chunks(content))
    except StreamError as error:
        raise BadReplyError(f"reply is {error}") from error
    return reply


def _json(content: bytes) -> dict[str, Any]:
    """Return a reply's JSON; half a pair of surrogates, and bytes that are no UTF-8, become replacement characters."""
    try:
        reply = orjson.loads(content)
    except orjson.JSONDecodeError:
        try:
            reply = _without_surrogates(json.loads(content.decode("utf-8", "replace")))
        except (ValueError, RecursionError) as error:
            raise BadReplyError(_not_json(content)) from error
    if not isinstance(reply, dict):
        raise BadReplyError(f"reply is {content[:SHOWN]!r}, expected a JSON object")
    return reply


def _not_json(content: bytes) -> str:
    start = content.lstrip()[:SHOWN]
    if not start:
        return "reply is not JSON: it is empty"
    if start.startswith(b"<"):
        return f"reply is not JSON but a web page, {start!r}: the address may be that of a site and not of an API"
    return f"reply is not JSON: {start!r}"


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_without_surrogates(one) for one in value]
    if isinstance(value, dict):
        return {_without_surrogates(name): _without_surrogates(one) for name, one in value.items()}
    return value


def _only_choice(reply: dict[str, Any]) -> dict[str, Any]:
    choices = reply.get("choices")
    if not isinstance(choices, list):
        errors = [reply.get(name) for name in ("error", "detail", "base_resp")]
        errors += [reply[name] for name in ("message", "msg") if isinstance(reply.get(name), str)]
        if error := next(filter(None, errors), None):
            holder = error if isinstance(error, dict) else reply
            raise BadReplyError(f"an error inside a 200: {_text_of(error)}", status=_status(holder))
        raise BadReplyError(f"reply has no list of choices, but {', '.join(map(repr, reply)) or 'nothing'}")
    if len(choices) != 1 or not isinstance(choices[0], dict):
        raise BadReplyError(f"reply has {len(choices)} choices, expected 1")
    return choices[0]


STATUSES = (
    (re.compile(r"insufficient_quota|billing|insufficient.?(?:credit|balance)", re.IGNORECASE), 402),
    (re.compile(r"rate.?limit|too.?many|overloaded|busy|capacity", re.IGNORECASE), 429),
    (re.compile(r"api.?key|unauthori[sz]ed|authentication", re.IGNORECASE), 401),
    (re.compile(r"model.?not.?found|does not exist", re.IGNORECASE), 404),
)


def _status(error: dict[str, Any]) -> int:
    """Return the HTTP status of an error inside a reply; 500 where it has none."""
    for name in ("code", "status", "status_code", "type"):
        code = error.get(name)
        if isinstance(code, int | str) and str(code).isdigit() and 400 <= int(code) <= 599:
            return int(code)
    text = _text_of(error)
    return next((status for pattern, status in STATUSES if pattern.search(text)), 500)


def _text_of(error: object) -> str:
    return error if isinstance(error, str) else json.dumps(error, ensure_ascii=False)


def _words_of(choice: dict[str, Any]) -> str:
    return f": {_text_of(choice['error'])[:300]}" if choice.get("error") else ""


def _finish_reason(choice: dict[str, Any]) -> str:
    """Return a finish reason as text; SGLang's own is an object that names its type."""
    reason = choice.get("finish_reason")
    if isinstance(reason, dict):
        reason = reason.get("type")
    return NOT_GIVEN if reason is None or reason == "" else str(reason)


def _by_length(reason: str, usage: Usage, request: Request) -> str:
    """Return ``length`` for an unknown reason of a reply with all the tokens it was allowed."""
    no_reason = reason == NOT_GIVEN or ended(reason) == "unknown"
    return "length" if no_reason and (usage.completion_tokens or 0) >= request.sampling.max_tokens else reason


def _error_text(message: dict[str, Any], *, filtered: bool) -> tuple[str | None, str]:
    """Return (reasoning, answer), from the field that servers with a reasoning parser fill, or from the text's tags."""
    thought = message.get("reasoning_content") or message.get("reasoning")
    content, thought_in_parts = _content(message.get("content"))
    if isinstance(thought, str) or thought_in_parts:
        return thought if isinstance(thought, str) else thought_in_parts, content or ""
    if content is None:
        if filtered or isinstance(message.get("refusal"), str):
            return None, ""
        if message.get("tool_calls") or message.get("function_call"):
            raise BadReplyError("the model called a tool instead of answering")
        raise BadReplyError(f"empty answer: message.content is {message.get('content')!r:.80}, expected text")
    return split_reasoning(content)


def _content(content: object) -> tuple[str | None, str | None]:
    """Return (text, reasoning) of a message's content, which is a text or a list of parts."""
    if isinstance(content, str):
        return content, None
    if not isinstance(content, list):
        return None, None
    parts = [{"text": part} if isinstance(part, str) else part for part in content]
    blocks = [part for part in parts if isinstance(part, dict)]
    text = "".join(_part(part, "text") for part in blocks)
    return text, "".join(_part(part, name) for part in blocks for name in ("thinking", "reasoning")) or None


def _part(part: dict[str, Any], name: str) -> str:
    """Return a text of a part, which may be a list of parts again."""
    value = part.get(name)
    if isinstance(value, list):
        return "".join(_part(one, "text") for one in value if isinstance(one, dict))
    return value if isinstance(value, str) else ""


def _logprobs(choice: dict[str, Any], count: int) -> tuple[Mapping[str, float], ...]:
    logprobs = choice.get("logprobs")
    tokens = logprobs.get("content") if isinstance(logprobs, dict) else None
    if not isinstance(tokens, list):
        raise BadReplyError(f"reply has no logprobs, expected {count} for each token", final=True)
    try:
        return tuple(_alternatives(token) for token in tokens)
    except (KeyError, TypeError, ValueError) as error:
        raise BadReplyError(f"logprobs are not as expected: {error!r}", final=True) from error


def _alternatives(token: dict[str, Any]) -> dict[str, float]:
    """Return a token's alternatives, and the token itself where it is not among them.

    Of tokens with equal texts, such as parts of one character, the likeliest is kept.
    """
    logprobs: dict[str, float] = {}
    for other in (*(token.get("top_logprobs") or ()), token):
        text, logprob = str(other["token"]), float(other["logprob"])
        logprobs[text] = max(logprob, logprobs.get(text, logprob))
    return logprobs


def _usage(reported: object) -> Usage:
    """Return the tokens that a reply reports, including reasoning that is counted separately.

    A prompt of zero tokens is unknown.
    """
    counts = reported if isinstance(reported, dict) else {}
    prompt, written, total = (
        _count(counts.get(name)) for name in ("prompt_tokens", "completion_tokens", "total_tokens")
    )
    if not prompt or written is None:
        return Usage(prompt_tokens=prompt or None, completion_tokens=written or None)
    details = counts.get("completion_tokens_details")
    reasoning = _count(details.get("reasoning_tokens")) if isinstance(details, dict) else None
    if reasoning and reasoning > written:
        written += reasoning
    return Usage(prompt_tokens=prompt, completion_tokens=max(written, (total or 0) - prompt))


def _count(value: object) -> int | None:
    """Return a number of tokens, None for any other value."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
