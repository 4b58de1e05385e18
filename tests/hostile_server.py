"""A chat/completions server on loopback that answers at once, or behaves as badly as it is told to.

In a test: ``with serving(behaviour) as server``. A behaviour gets each request as ``Asked`` and returns a ``Reply``, a
``Cut`` connection or ``HANG``. By itself (``python tests/hostile_server.py PORT``) it answers everything at once.
"""

import asyncio
import json
import sys
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread


@dataclass(frozen=True)
class Asked:
    """A request's JSON, and how often the same one came before."""

    body: dict
    before: int

    @property
    def prompt(self):
        return self.body["messages"][-1]["content"]

    @property
    def seed(self):
        return self.body["seed"]


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


def failing(status, times, then=good, **more):
    """Return the behaviour that fails a request so many times with this status, then goes on as ``then``."""
    return lambda asked: Reply(b'{"error": "no"}', status, **more) if asked.before < times else then(asked)


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
            self._serve(json.loads(content))

    def _serve(self, body):
        server = self._server
        name = (body["messages"][-1]["content"], body["seed"])
        asked = Asked(body, server.asked[name])
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
