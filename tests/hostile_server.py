"""A chat/completions server on loopback that answers at once, or behaves as badly as it is told to.

In a test: ``with serving(behaviour) as server``. A behaviour gets each request as ``Asked`` and returns a ``Reply``, a
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
class Asked:
    """A request's JSON, how often the same one came before, and its head in lower case."""

    body: dict
    before: int
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
        return f"HTTP/1.1 {self.status} Told\r\n{lines}\r\n".encode() + self.content


@dataclass(frozen=True)
class Cut:
    """The connection closes after so many bytes of a good reply."""

    after: int = 0


HANG = "never answers"


@dataclass(frozen=True)
class Endless:
    """A reply without an end: after ``first`` comes ``chunk`` again and again, every ``every_s`` seconds."""

    chunk: bytes = b" " * 65536
    every_s: float = 0.0
    first: bytes = b""
    kind: str = "application/json"


def chat(asked, text="Answer: B", **changed):
    """Return a good reply's JSON; ``changed`` replaces its fields, None takes one away."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": len(asked.prompt) // 4 + 8, "completion_tokens": 5, "total_tokens": 0}
    reply = {"id": "c", "object": "chat.completion", "model": "m", "choices": [choice], "usage": usage, **changed}
    return {name: value for name, value in reply.items() if value is not None}


def good(asked, text=None, **changed):
    """Return a good reply whose text is a function of the request alone."""
    said = f"{asked.prompt} / {asked.seed}: Answer: B" if text is None else text
    return Reply(json.dumps(chat(asked, said, **changed)).encode())


EVENTS = {"content-type": "text/event-stream"}


def stream(asked, said, *, keep=None, end=b"data: [DONE]\n\n"):
    """Return a good reply's events: a word each, then why it ended, then what it took; ``keep`` cuts them off."""
    whole = chat(asked, said)
    words = [said[n : n + 9] for n in range(0, len(said), 9)]
    deltas = [{"role": "assistant", "content": ""}, *({"content": word} for word in words)]
    choices = [[{"index": 0, "delta": delta, "finish_reason": None}] for delta in deltas]
    parts = [*choices, [{"index": 0, "delta": {}, "finish_reason": "stop"}]]
    chunks = [{"id": "c", "object": "chat.completion.chunk", "model": "m", "choices": part} for part in parts]
    if asked.body.get("stream_options"):
        chunks.append({"id": "c", "model": "m", "choices": [], "usage": whole["usage"]})
    events = [f"data: {json.dumps(chunk)}\n\n".encode() for chunk in chunks]
    return b"".join([b": keep alive\n\n", *events[:keep], *([end] if keep is None else [])])


def streams(asked, said):
    """Answer in a stream of events, whatever was asked for."""
    return Reply(stream(asked, said), headers=EVENTS)


def streams_alone(words):
    """Return the behaviour that refuses to answer in one piece, with these words."""
    return lambda asked, said: streams(asked, said) if asked.body.get("stream") else Reply(words.encode(), 400)


def failing(status, times, then=good, **more):
    """Return the behaviour that fails a request so many times with this status, then goes on as ``then``."""
    return lambda asked: Reply(b'{"error": "no"}', status, **more) if asked.before < times else then(asked)


# --- everything that servers were seen to do -----------------------------------------------------------------------


def ending(reason, text=None):
    """Return the behaviour that ends its answers with ``reason``, cut to ``text`` characters if that is given."""

    def behaviour(asked, said):
        message = {"role": "assistant", "content": said[:text]}
        return good(asked, choices=[{"index": 0, "message": message, "finish_reason": reason}])

    return behaviour


def message(asked, **fields):
    """Return a reply whose message has these fields."""
    return good(asked, choices=[{"index": 0, "message": {"role": "assistant", **fields}, "finish_reason": "stop"}])


def refusing(status, words, when=lambda body: True):
    """Return the behaviour that refuses bodies of a kind."""
    return lambda asked, said: Reply(words.encode(), status) if when(asked.body) else good(asked, said)


def at_first(behaviour):
    """Return the behaviour that goes wrong with every request once."""
    return lambda asked, said: behaviour(asked, said) if asked.before == 0 else good(asked, said)


def usage(**counts):
    return lambda asked, said: good(asked, said, usage=counts)


ERROR_IN_200 = b'{"error": {"code": 429, "message": "rate limit exceeded upstream"}, "user_id": "u"}'
HALF_A_PAIR = "\\ud83d "

ANSWERED = {
    "good": good,
    "ends with eos_token": ending("eos_token"),
    "ends with STOP": ending("STOP"),
    "ends with end_turn": ending("end_turn"),
    "ends with null": ending(None),
    "ends with an object": ending({"type": "stop", "matched": 2}),
    "content in parts": lambda asked, said: message(asked, content=[{"type": "text", "text": said}]),
    "thinking in parts": lambda asked, said: message(
        asked,
        content=[{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}, {"type": "text", "text": said}],
    ),
    "half a surrogate pair": lambda asked, said: (
        Reply(json.dumps(chat(asked, said)).replace('"content": "', f'"content": "{HALF_A_PAIR}').encode())
        if "response_format" not in asked.body
        else good(asked, said)
    ),
    "blank lines first": lambda asked, said: Reply(b"\n \n" + good(asked, said).content),
    "fenced": lambda asked, said: good(asked, f"```json\n{said}\n```" if "response_format" in asked.body else said),
    "packed": lambda asked, said: Reply(gzip.compress(good(asked, said).content), headers={"content-encoding": "gzip"}),
    "another model": lambda asked, said: good(asked, said, model="gemma-3-1b-it-qat:2"),
    "counts nothing": lambda asked, said: good(asked, said, usage=None),
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
    "error 500 once": at_first(lambda asked, said: Reply(b'{"error": "CUDA out of memory"}', 500)),
    "busy once": at_first(lambda asked, said: Reply(b"{}", 429)),
    "error in a 200 once": at_first(lambda asked, said: Reply(ERROR_IN_200)),
    "empty once": at_first(lambda asked, said: good(asked, "")),
    "cut off once": at_first(lambda asked, said: Cut(60)),
    "broke off once": at_first(ending("error", 20)),
    "streams": streams,
    "streams and never hangs up": lambda asked, said: Endless(
        b": more\n\n", 0.2, stream(asked, said), "text/event-stream"
    ),
    "streams alone": streams_alone('{"detail": "Stream must be set to true"}'),
    "streams alone, in other words": streams_alone(
        "This model only support stream mode, please enable the stream parameter to access the model."
    ),
    "streams without options": lambda asked, said: (
        Reply(b'{"error": "Unrecognized request argument supplied: stream_options"}', 400)
        if "stream_options" in asked.body
        else streams_alone("Non-streaming requests are not supported")(asked, said)
    ),
    "stream cut off once": at_first(lambda asked, said: Reply(stream(asked, said, keep=2), headers=EVENTS)),
    "moved on the same server": lambda asked, said: (
        Reply(b"", 308, {"location": "/v1/chat/completions?there"}) if asked.before == 0 else good(asked, said)
    ),
}
"""Modes in which every request gets its answer, by what is odd about the server."""

CUT_SHORT = {
    "ends with MAX_TOKENS": ending("MAX_TOKENS", 40),
    "ends with length": ending("length", 40),
    "withholds": ending("content_filter", 0),
    "withholds with a 400": refusing(
        400, '{"error": {"code": "content_filter", "message": "The response was filtered"}}'
    ),
    "ends with a word not known": ending("wobble"),
}
"""Modes in which every request gets an answer that is not whole."""

FAILED = {
    "error 500": (lambda asked, said: Reply(b'{"error": "CUDA out of memory"}', 500), "CUDA out of memory"),
    "refuses": (refusing(400, "prompt is too long"), "prompt is too long"),
    "empty": (lambda asked, said: good(asked, " "), "empty answer"),
    "null": (lambda asked, said: message(asked, content=None), "empty answer"),
    "reasoning alone": (
        lambda asked, said: message(asked, content=None, reasoning_content=said),
        "reasoning without an answer",
    ),
    "broke off": (ending("error", 20), "broke off with finish reason 'error'"),
    "called a tool": (ending("tool_calls", 0), "broke off with finish reason 'tool_calls'"),
    "two choices": (lambda asked, said: good(asked, choices=[{}, {}]), "2 choices"),
    "a web page": (lambda asked, said: Reply(b"<!DOCTYPE html><title>Sign in</title>"), "a web page"),
    "an empty stream": (lambda asked, said: Reply(b'data: {"choices": []}\n\ndata: [DONE]\n\n'), "without an answer"),
    "a stream cut off": (
        lambda asked, said: Reply(stream(asked, said, keep=2), headers=EVENTS),
        "a stream of events that ends before the answer does",
    ),
    "an error in a stream": (
        lambda asked, said: Reply(stream(asked, said, keep=2) + b'data: {"error": {"message": "out of memory"}}\n\n'),
        "an error inside a 200.*out of memory",
    ),
    "nothing": (lambda asked, said: Reply(b"\n\n"), "it is empty"),
    "error in a 200": (
        lambda asked, said: Reply(b'{"error": {"code": 500, "message": "no worker"}}'),
        "an error inside a 200.*no worker",
    ),
}
"""Modes in which no request gets an answer, and what is said of it."""

ENDS = {
    "no key": (refusing(401, "Incorrect API key"), "HTTP 401: Incorrect API key; check the key in OPENAI_API_KEY"),
    "no credit": (refusing(402, "Insufficient credits"), "HTTP 402: Insufficient credits; its credit is used up"),
    "no quota": (refusing(429, '{"code": "insufficient_quota"}'), "its credit is used up"),
    "no model": (
        refusing(404, "model not found"),
        "HTTP 404: model not found; check the address, and the model's name",
    ),
    "come back in an hour": (
        lambda asked, said: Reply(b"slow down", 429, {"retry-after": "3600"}),
        "requests a pause of 3,600 s",
    ),
    "moved elsewhere": (
        lambda asked, said: Reply(b"", 308, {"location": "http://elsewhere.example/v1/chat/completions"}),
        "it points to 'http://elsewhere.example/v1/chat/completions'; put the API's own address into the spec",
    ),
}
"""Modes that end the run, and what it ends with."""


class Server:
    """What the server saw: ``asked`` counts requests by (prompt, seed), ``most`` is the most at work at once."""

    def __init__(self, behaviour):
        self.behaviour = behaviour
        self.asked = Counter()
        self.at_work = self.most = 0
        self.url = ""
        self.open = set()

    @property
    def requests(self):
        return self.asked.total()


class Connection(asyncio.Protocol):
    def __init__(self, server):
        self._server = server
        self._held = b""

    def connection_made(self, transport):
        self._transport = transport
        self._server.open.add(transport)

    def connection_lost(self, error):
        self._server.open.discard(self._transport)

    def data_received(self, data):
        self._held += data
        while (end := self._held.find(b"\r\n\r\n")) >= 0:
            head = self._held[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n")[0]) if at >= 0 else 0
            if len(self._held) < end + 4 + length:
                return
            content, self._held = self._held[end + 4 : end + 4 + length], self._held[end + 4 + length :]
            self._serve(json.loads(content), head.decode())

    def _serve(self, body, head):
        server = self._server
        name = (body["messages"][-1]["content"], body.get("seed"))
        asked = Asked(body, server.asked[name], head)
        server.asked[name] += 1
        server.at_work += 1
        server.most = max(server.most, server.at_work)
        answer = server.behaviour(asked)
        if isinstance(answer, Reply) and answer.delay_s:
            asyncio.get_running_loop().call_later(answer.delay_s, self._send, answer, asked)
        else:
            self._send(answer, asked)

    def _send(self, answer, asked):
        if answer != HANG:
            self._server.at_work -= 1
        if self._transport.is_closing():
            return
        if isinstance(answer, Cut):
            self._transport.write(good(asked).raw()[: answer.after])
            self._transport.close()
        elif isinstance(answer, Reply):
            self._transport.write(answer.raw())
        elif isinstance(answer, Endless):
            head = f"HTTP/1.1 200 Told\r\ncontent-type: {answer.kind}\r\n\r\n"
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
    AT_ONCE = Reply(json.dumps(chat(Asked({"messages": [{"content": "?"}], "seed": 0}, 0))).encode())
    asyncio.run(_serve(Server(lambda asked: AT_ONCE), int(sys.argv[1]), Event(), asyncio.Event()))
