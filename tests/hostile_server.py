"""A chat/completions server on loopback that replies at once, or misbehaves as its behaviour says.

In a test: ``with serving(behaviour) as server``. A behaviour gets a ``ChatRequest`` and returns a ``Reply``, a
``Cut`` connection or ``HANG``. By itself (``python tests/hostile_server.py PORT``) it answers everything at once.
"""

import asyncio
import gzip
import json
import sys
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread


@dataclass(frozen=True)
class ChatRequest:
    """A request's JSON, how often the same request came before, and its HTTP head in lower case."""

    body: dict
    times_seen: int
    head: str = ""

    @property
    def prompt(self):
        return self.body["messages"][-1]["content"]

    @property
    def seed(self):
        return self.body.get("seed")


@dataclass(frozen=True)
class Reply:
    """An HTTP reply, sent after ``delay_s``."""

    content: bytes
    status: int = 200
    headers: dict = field(default_factory=dict)
    delay_s: float = 0.0

    def raw(self):
        head = {"content-type": "application/json", "content-length": len(self.content), **self.headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
        return f"HTTP/1.1 {self.status} Status\r\n{lines}\r\n".encode() + self.content


@dataclass(frozen=True)
class Cut:
    """Close the connection after ``after`` bytes of a good reply."""

    after: int = 0


HANG = "never answers"


@dataclass(frozen=True)
class Endless:
    """A reply that never ends: ``first``, then ``chunk`` every ``every_s`` seconds."""

    chunk: bytes = b" " * 65536
    every_s: float = 0.0
    first: bytes = b""
    kind: str = "application/json"


def chat(request, text="Answer: B", **changed):
    """Return a good reply's JSON; ``changed`` replaces its fields, None removes one."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": len(request.prompt) // 4 + 8, "completion_tokens": 5, "total_tokens": 0}
    reply = {"id": "c", "object": "chat.completion", "model": "m", "choices": [choice], "usage": usage, **changed}
    return {name: value for name, value in reply.items() if value is not None}


def good(request, text=None, **changed):
    """Return a good reply whose text is a function of the request alone."""
    reply_text = f"{request.prompt} / {request.seed}: Answer: B" if text is None else text
    return Reply(json.dumps(chat(request, reply_text, **changed)).encode())


EVENTS = {"content-type": "text/event-stream"}


def stream(request, text, *, keep=None, end=b"data: [DONE]\n\n"):
    """Return a good reply's events: pieces of text, finish reason, usage; only the first ``keep`` if that is set."""
    reply = chat(request, text)
    words = [text[n : n + 9] for n in range(0, len(text), 9)]
    deltas = [{"role": "assistant", "content": ""}, *({"content": word} for word in words)]
    choices = [[{"index": 0, "delta": delta, "finish_reason": None}] for delta in deltas]
    parts = [*choices, [{"index": 0, "delta": {}, "finish_reason": "stop"}]]
    chunks = [{"id": "c", "object": "chat.completion.chunk", "model": "m", "choices": part} for part in parts]
    if request.body.get("stream_options"):
        chunks.append({"id": "c", "model": "m", "choices": [], "usage": reply["usage"]})
    events = [f"data: {json.dumps(chunk)}\n\n".encode() for chunk in chunks]
    return b"".join([b": keep alive\n\n", *events[:keep], *([end] if keep is None else [])])


def streams(request, text):
    """Reply in a stream of events, even if none was requested."""
    return Reply(stream(request, text), headers=EVENTS)


def streams_alone(words):
    """Return the behaviour that replies only in streams and refuses other requests with this message."""
    return lambda request, text: streams(request, text) if request.body.get("stream") else Reply(words.encode(), 400)


def failing(status, times, then=good, **more):
    """Return the behaviour that fails each request ``times`` times with this status, then behaves as ``then``."""
    return lambda request: Reply(b'{"error": "no"}', status, **more) if request.times_seen < times else then(request)


# --- faults and oddities seen in real servers -----------------------------------------------------------------------


def ending(reason, max_chars=None):
    """Return the behaviour that ends its answers with finish reason ``reason``, cut to ``max_chars`` if that is set."""

    def behaviour(request, text):
        message = {"role": "assistant", "content": text[:max_chars]}
        return good(request, choices=[{"index": 0, "message": message, "finish_reason": reason}])

    return behaviour


def message(request, **fields):
    """Return a reply whose message has these fields."""
    return good(request, choices=[{"index": 0, "message": {"role": "assistant", **fields}, "finish_reason": "stop"}])


def refusing(status, words, when=lambda body: True):
    """Return the behaviour that refuses requests whose body satisfies ``when``."""
    return lambda request, text: Reply(words.encode(), status) if when(request.body) else good(request, text)


def at_first(behaviour):
    """Return the behaviour that fails the first attempt of every request and replies well to the next."""
    return lambda request, text: behaviour(request, text) if request.times_seen == 0 else good(request, text)


def usage(**counts):
    return lambda request, text: good(request, text, usage=counts)


ERROR_IN_200 = b'{"error": {"code": 429, "message": "rate limit exceeded upstream"}, "user_id": "u"}'
HALF_A_PAIR = "\\ud83d "

ANSWERED = {
    "good": good,
    "ends with eos_token": ending("eos_token"),
    "ends with STOP": ending("STOP"),
    "ends with end_turn": ending("end_turn"),
    "ends with null": ending(None),
    "ends with an object": ending({"type": "stop", "matched": 2}),
    "content in parts": lambda request, text: message(request, content=[{"type": "text", "text": text}]),
    "thinking in parts": lambda request, text: message(
        request,
        content=[{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}, {"type": "text", "text": text}],
    ),
    "half a surrogate pair": lambda request, text: (
        Reply(json.dumps(chat(request, text)).replace('"content": "', f'"content": "{HALF_A_PAIR}').encode())
        if "response_format" not in request.body
        else good(request, text)
    ),
    "blank lines first": lambda request, text: Reply(b"\n \n" + good(request, text).content),
    "fenced": lambda request, text: good(
        request, f"```json\n{text}\n```" if "response_format" in request.body else text
    ),
    "packed": lambda request, text: Reply(
        gzip.compress(good(request, text).content), headers={"content-encoding": "gzip"}
    ),
    "another model": lambda request, text: good(request, text, model="gemma-3-1b-it-qat:2"),
    "counts nothing": lambda request, text: good(request, text, usage=None),
    "counts zeros": usage(prompt_tokens=0, completion_tokens=0, total_tokens=0),
    "counts reasoning apart": usage(prompt_tokens=40, completion_tokens=9, total_tokens=349),
    "no system message": refusing(
        400, '{"message": "System role not supported"}', lambda body: body["messages"][0]["role"] == "system"
    ),
    "no max_tokens": refusing(
        400,
        "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.",
        lambda body: "max_tokens" in body,
    ),
    "no seed": refusing(
        422, '{"detail": [{"type": "extra_forbidden", "loc": ["body", "seed"]}]}', lambda body: "seed" in body
    ),
    "error 500 once": at_first(lambda request, text: Reply(b'{"error": "CUDA out of memory"}', 500)),
    "busy once": at_first(lambda request, text: Reply(b"{}", 429)),
    "error in a 200 once": at_first(lambda request, text: Reply(ERROR_IN_200)),
    "empty once": at_first(lambda request, text: good(request, "")),
    "cut off once": at_first(lambda request, text: Cut(60)),
    "broke off once": at_first(ending("error", 20)),
    "streams": streams,
    "streams and never hangs up": lambda request, text: Endless(
        b": more\n\n", 0.2, stream(request, text), "text/event-stream"
    ),
    "streams alone": streams_alone('{"detail": "Stream must be set to true"}'),
    "streams alone, in other words": streams_alone(
        "This model only support stream mode, please enable the stream parameter to access the model."
    ),
    "streams without options": lambda request, text: (
        Reply(b'{"error": "Unrecognized request argument supplied: stream_options"}', 400)
        if "stream_options" in request.body
        else streams_alone("Non-streaming requests are not supported")(request, text)
    ),
    "stream cut off once": at_first(lambda request, text: Reply(stream(request, text, keep=2), headers=EVENTS)),
    "moved on the same server": lambda request, text: (
        Reply(b"", 308, {"location": "/v1/chat/completions?there"}) if request.times_seen == 0 else good(request, text)
    ),
}
"""Modes in which every request gets its answer, named by what is odd about the server."""

CUT_SHORT = {
    "ends with MAX_TOKENS": ending("MAX_TOKENS", 40),
    "ends with length": ending("length", 40),
    "withholds": ending("content_filter", 0),
    "withholds with a 400": refusing(
        400, '{"error": {"code": "content_filter", "message": "The response was filtered"}}'
    ),
    "ends with a word not known": ending("wobble"),
}
"""Modes in which every request gets a truncated or withheld answer."""

FAILED = {
    "error 500": (lambda request, text: Reply(b'{"error": "CUDA out of memory"}', 500), "CUDA out of memory"),
    "refuses": (refusing(400, "prompt is too long"), "prompt is too long"),
    "empty": (lambda request, text: good(request, " "), "empty answer"),
    "null": (lambda request, text: message(request, content=None), "empty answer"),
    "reasoning alone": (
        lambda request, text: message(request, content=None, reasoning_content=text),
        "reasoning without an answer",
    ),
    "broke off": (ending("error", 20), "broke off with finish reason 'error'"),
    "called a tool": (ending("tool_calls", 0), "broke off with finish reason 'tool_calls'"),
    "two choices": (lambda request, text: good(request, choices=[{}, {}]), "2 choices"),
    "a web page": (lambda request, text: Reply(b"<!DOCTYPE html><title>Sign in</title>"), "a web page"),
    "an empty stream": (lambda request, text: Reply(b'data: {"choices": []}\n\ndata: [DONE]\n\n'), "without an answer"),
    "a stream cut off": (
        lambda request, text: Reply(stream(request, text, keep=2), headers=EVENTS),
        "a stream of events that ends before the answer does",
    ),
    "an error in a stream": (
        lambda request, text: Reply(
            stream(request, text, keep=2) + b'data: {"error": {"message": "out of memory"}}\n\n'
        ),
        "an error inside a 200.*out of memory",
    ),
    "nothing": (lambda request, text: Reply(b"\n\n"), "it is empty"),
    "error in a 200": (
        lambda request, text: Reply(b'{"error": {"code": 500, "message": "no worker"}}'),
        "an error inside a 200.*no worker",
    ),
}
"""Modes in which no request gets an answer, with the error expected."""

ENDS = {
    "no key": (refusing(401, "Incorrect API key"), "HTTP 401: Incorrect API key; check the key in OPENAI_API_KEY"),
    "no credit": (refusing(402, "Insufficient credits"), "HTTP 402: Insufficient credits; its credit is used up"),
    "no quota": (refusing(429, '{"code": "insufficient_quota"}'), "its credit is used up"),
    "no model": (
        refusing(404, "model not found"),
        "HTTP 404: model not found; check the address, and the model's name",
    ),
    "come back in an hour": (
        lambda request, text: Reply(b"slow down", 429, {"retry-after": "3600"}),
        "requests a pause of 3,600 s",
    ),
    "moved elsewhere": (
        lambda request, text: Reply(b"", 308, {"location": "http://elsewhere.example/v1/chat/completions"}),
        "it points to 'http://elsewhere.example/v1/chat/completions'; put the API's own address into the spec",
    ),
}
"""Modes that end the run, with the error expected."""


class Server:
    """State of the server: requests counted by (prompt, seed); ``most`` is the largest number in flight at once."""

    def __init__(self, behaviour):
        self.behaviour = behaviour
        self.request_counts = Counter()
        self.at_work = self.most = 0
        self.url = ""
        self.open = set()

    @property
    def requests(self):
        return self.request_counts.total()


class Connection(asyncio.Protocol):
    def __init__(self, server):
        self._server = server
        self._buffer = b""

    def connection_made(self, transport):
        self._transport = transport
        self._server.open.add(transport)

    def connection_lost(self, error):
        self._server.open.discard(self._transport)

    def data_received(self, data):
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n")[0]) if at >= 0 else 0
            if len(self._buffer) < end + 4 + length:
                return
            content, self._buffer = self._buffer[end + 4 : end + 4 + length], self._buffer[end + 4 + length :]
            self._serve(json.loads(content), head.decode())

    def _serve(self, body, head):
        server = self._server
        name = (body["messages"][-1]["content"], body.get("seed"))
        request = ChatRequest(body, server.request_counts[name], head)
        server.request_counts[name] += 1
        server.at_work += 1
        server.most = max(server.most, server.at_work)
        answer = server.behaviour(request)
        if isinstance(answer, Reply) and answer.delay_s:
            asyncio.get_running_loop().call_later(answer.delay_s, self._send, answer, request)
        else:
            self._send(answer, request)

    def _send(self, answer, request):
        if answer != HANG:
            self._server.at_work -= 1
        if self._transport.is_closing():
            return
        if isinstance(answer, Cut):
            self._transport.write(good(request).raw()[: answer.after])
            self._transport.close()
        elif isinstance(answer, Reply):
            self._transport.write(answer.raw())
        elif isinstance(answer, Endless):
            head = f"HTTP/1.1 200 OK\r\ncontent-type: {answer.kind}\r\n\r\n"
            self._transport.write(head.encode() + answer.first)
            self._more(answer)

    def _more(self, endless):
        if not self._transport.is_closing():
            if self._transport.get_write_buffer_size() < 1 << 20:
                self._transport.write(endless.chunk)
            asyncio.get_running_loop().call_later(endless.every_s, self._more, endless)


async def _serve(server, port, ready, ended):
    loop = asyncio.get_running_loop()
    async with await loop.create_server(lambda: Connection(server), "127.0.0.1", port) as listening:
        server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1"
        ready.set()
        await ended.wait()
    accepted = asyncio.all_tasks() - {asyncio.current_task()}  # connections that are open soon, and must be closed
    await asyncio.gather(*accepted, return_exceptions=True)
    for transport in tuple(server.open):
        transport.abort()
    while server.open:
        await asyncio.sleep(0)


@contextmanager
def serving(behaviour=good, port=0):
    """Run the server in a thread; at the end every connection is closed."""
    server, ready = Server(behaviour), Event()
    loop, ended = asyncio.new_event_loop(), asyncio.Event()
    thread = Thread(target=loop.run_until_complete, args=(_serve(server, port, ready, ended),), daemon=True)
    thread.start()
    ready.wait()
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()
        loop.close()


if __name__ == "__main__":
    AT_ONCE = Reply(json.dumps(chat(ChatRequest({"messages": [{"content": "?"}], "seed": 0}, 0))).encode())
    asyncio.run(_serve(Server(lambda request: AT_ONCE), int(sys.argv[1]), Event(), asyncio.Event()))
