"""Any server with OpenAI's chat/completions API: vllm serve, transformers serve, llama.cpp, Ollama, hosted ones.

An event loop in its own thread keeps the server busy while the caller works on replies. Retries are ours: a client's
would hide failures that pace and budget need. Of the openai package only the HTTP client is used: its ``create`` takes
half of a millisecond to check every parameter and reply, and reads replies of any size.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from queue import SimpleQueue
from threading import Thread
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import orjson

from synth.teachers.chat_reply import BadReplyError, Reply, read_reply
from synth.teachers.concurrency import START, Pace, Slots
from synth.teachers.dialect import STREAM_NOTICE, Dialect, named_field
from synth.teachers.event_stream import END, TYPE
from synth.teachers.options import TeacherOptions
from synth.teachers.request_errors import (
    MORE_CONTEXT,
    WITHHELD,
    Health,
    Kind,
    RequestError,
    error_of_reply,
    error_of_status,
    of_connection,
    pause,
)
from synth.teachers.server_addresses import Addresses, addresses
from synth.teachers.teacher import Answered, Completion, Failure, Request, Usage
from synth.teachers.teacher_warnings import Notices

AHEAD = 32
"""Most requests at hand beyond those in flight, so that a caller busy for a moment does not let the server idle."""

BURST_S = 0.01
"""Faster answers are passed on in batches, since waking the caller for each costs more than the answer."""

CONNECT_S = 10.0

AZURE = (".openai.azure.com", ".openai.azure.us", ".cognitiveservices.azure.com", ".services.ai.azure.com")

END_BYTES = 32
"""Bytes of a stream that are looked at again with the next part, for an end that lies across two."""

LONGEST_REPLY = 16 << 20
"""Bytes of a reply's body: some thousand tokens with twenty alternatives each have two million."""


@dataclass(frozen=True, kw_only=True)
class OpenAITeacher:
    """The model that a server at ``url`` calls ``model``. A key is read from OPENAI_API_KEY, unless ``key`` is given.

    Several addresses joined by ``+`` are servers of the same model, among which the requests are spread. While
    one of them cannot be reached, the others take its share.

    At Azure it is read from AZURE_OPENAI_API_KEY where that is set, and sent as ``api-key``; the address ends in
    ``?api-version=...`` as Azure's own does.

    ``known_slots``: the server has as many slots as requests may be in flight, so that all are filled at once.
    ``gone`` returns why the server will not answer any more, "" while it may. The pace and the fields that it accepts
    are kept from one call to the next and shared by concurrent calls.
    """

    url: str
    model: str
    options: TeacherOptions = field(default_factory=TeacherOptions)
    key: str | None = field(default=None, repr=False, compare=False)
    gone: Callable[[], str] = field(default=str, repr=False, compare=False)
    known_slots: bool = field(default=False, repr=False, compare=False)
    addresses: Addresses = field(init=False, repr=False, compare=False)
    pace: Pace = field(init=False, repr=False, compare=False)
    health: Health = field(init=False, repr=False, compare=False)
    dialect: Dialect = field(init=False, repr=False, compare=False)
    notices: Notices = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        options = self.options
        start = options.in_flight() if self.known_slots else START
        state = {
            "addresses": Addresses(tuple(addresses(self.url))),
            "pace": Pace(most=options.in_flight(), timeout_s=options.timeout_s, start=start),
            "health": Health(self.url, options.give_up_after_s, options.timeout_s, self.gone),
            "dialect": Dialect(leave_out=set(options.leave_out)),
            "notices": Notices(f"{self.name} at {self.url}"),
        }
        for name, value in state.items():
            object.__setattr__(self, name, value)

    @property
    def name(self) -> str:
        """The model's name, without the server's address."""
        return f"openai:{self.model}"

    @property
    def revision(self) -> str:
        """The revision of the options, since a server does not report its weights."""
        return self.options.revision or "unpinned"

    @property
    def license(self) -> str:
        """The licence of the options."""
        return self.options.license

    def complete(self, requests: Iterable[Request]) -> Iterator[Answered]:
        """Yield every request with its completion or failure as they arrive, each once.

        ``requests`` is consumed in the caller's thread as answers are taken, some ``AHEAD`` of those in flight. An
        answer counts as in flight until the caller takes the next one, after storing it, so that a killed process
        never loses more than ``concurrency`` answers.

        Raises ``TeacherError`` when the server stops serving, after all earlier answers were yielded.
        """
        most = self.options.in_flight() + min(AHEAD, self.options.in_flight())
        feed = iter(requests)
        flight = _Flight(self)
        try:
            out = flight.send(list(islice(feed, most)))
            while out:
                landed = flight.finished()
                out -= len(landed)
                yield from landed
                out += flight.send(list(islice(feed, most - out)), dealt_with=len(landed))
        finally:
            flight.close()


class _Flight:
    """The requests of one call: an event loop in a thread, an inbox and an outbox."""

    def __init__(self, teacher: OpenAITeacher) -> None:
        options = teacher.options
        self._teacher, self._options = teacher, options
        self._slots = Slots(teacher.pace)
        self._places = asyncio.Semaphore(options.in_flight())
        self._inbox: asyncio.Queue[Request] = asyncio.Queue()
        self._outbox: SimpleQueue[list[Answered] | BaseException] = SimpleQueue()
        self._burst: list[Answered] = []
        self._handed_over = 0.0
        self._loop = asyncio.new_event_loop()
        self._main = self._loop.create_task(self._work_all())
        self._thread = Thread(target=self._run, name=f"teacher {teacher.model}", daemon=True)
        self._thread.start()

    # --- the caller's side ---

    def send(self, requests: list[Request], *, dealt_with: int = 0) -> int:
        """Hand requests to the loop, free the slots of answers that were taken, and return how many were sent."""
        if requests or dealt_with:
            with contextlib.suppress(RuntimeError):  # the loop ended of an error, which the outbox holds
                self._loop.call_soon_threadsafe(self._take_in, requests, dealt_with)
        return len(requests)

    def finished(self) -> list[Answered]:
        """Wait for answers and return them; raise the error that ended the loop after all answers were returned."""
        item = self._outbox.get()
        if isinstance(item, BaseException):
            raise item
        return item

    def close(self) -> None:
        """End the loop and the requests in flight."""
        with contextlib.suppress(RuntimeError):  # it ended by itself
            self._loop.call_soon_threadsafe(self._main.cancel)
        self._thread.join()

    # --- the loop's side ---

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._main)
        except asyncio.CancelledError:
            pass  # close() did that
        except BaseException as error:
            self._hand_over()
            self._outbox.put(error)
        finally:
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
            self._loop.close()

    def _take_in(self, requests: list[Request], dealt_with: int) -> None:
        for request in requests:
            self._inbox.put_nowait(request)
        for _ in range(dealt_with):
            self._places.release()

    async def _work_all(self) -> None:
        try:
            async with _client(self._options, self._teacher.addresses.urls) as client, asyncio.TaskGroup() as group:
                for _ in range(self._options.in_flight()):
                    group.create_task(self._work(client))
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None

    async def _work(self, client: Any) -> None:
        while True:
            await self._places.acquire()
            request = await self._inbox.get()
            answered = (request, await self._answer(client, request))
            if not self._burst:
                self._loop.call_at(self._handed_over + BURST_S, self._hand_over)
            self._burst.append(answered)

    def _hand_over(self) -> None:
        if self._burst:
            self._outbox.put(self._burst)
            self._burst = []
            self._handed_over = self._loop.time()

    async def _answer(self, client: Any, request: Request) -> Completion | Failure:
        """Try until there is an answer or another try is useless; errors of the server do not count against a request.

        A broken request keeps its slot until its next try; a rejected one gives it up.
        """
        options, tries, broken, waited = self._options, 0, 0, 0.0
        while True:
            async with self._slots:
                outcome = await self._adapting(client, request)
                while isinstance(outcome, RequestError) and outcome.kind in (Kind.BROKEN, Kind.SLOW):
                    tries, broken = tries + 1, broken + 1
                    if broken >= options.max_tries or not self._paid(request, outcome, again=True):
                        break
                    await asyncio.sleep(pause(tries - 1, outcome, options.backoff_s, options.give_up_after_s))
                    outcome = await self._adapting(client, request)
            if isinstance(outcome, Completion):
                return outcome
            if outcome.kind in (Kind.BROKEN, Kind.SLOW):
                break
            tries += 1
            self._paid(request, outcome, again=False)
            wait = pause(tries - 1, outcome, options.backoff_s, options.give_up_after_s)
            waited += wait
            if outcome.kind.final or waited > max(options.give_up_after_s, options.timeout_s):
                break
            self._report_wait(outcome, wait)
            await asyncio.sleep(wait)
        known = request.meter is not None and request.meter.answered_before
        self._teacher.health.failed(request.stage, outcome, answered_before=known)
        advice = f"; {MORE_CONTEXT}" if outcome.hint == MORE_CONTEXT else ""
        return Failure(error=f"{outcome.error}{advice}", tries=tries)

    def _report_wait(self, outcome: RequestError, wait: float) -> None:
        """Report that a server is waited for: at once the first time, then ever more rarely."""
        what = "cannot be reached" if outcome.kind is Kind.UNREACHABLE else "turns requests away"
        self._teacher.notices.log_rarely(
            outcome.kind.value,
            f"{what} ({outcome.error:.200}); waiting, {max(wait, 1):.0f} s to the next try of this request",
        )

    async def _adapting(self, client: Any, request: Request) -> Completion | RequestError:
        """Send a request, and again in another form as long as a refusal teaches one."""
        dialect, model = self._teacher.dialect, self._teacher.model
        while True:
            sent = dialect.body(request, model)
            outcome = await self._try(client, request, sent)
            if isinstance(outcome, Completion) or not outcome.words:
                return outcome
            if changed := dialect.learn(sent, outcome.words):
                self._teacher.notices.once(changed, changed)
            if dialect.body(request, model) == sent:
                name = named_field(sent, outcome.words)
                hint = f"where it refuses {name}, --leave-out {name} sends none" if name else outcome.hint
                return replace(outcome, hint=hint)

    def _paid(self, request: Request, request_error: RequestError, *, again: bool) -> bool:
        """Charge the tokens of an unusable reply; return whether the budget has room for another try."""
        if request.meter is None or request_error.usage is None:
            return True
        request.meter.charge(request_error.usage)
        return not again or request.meter.renew()

    async def _try(self, client: Any, request: Request, sent: dict[str, Any]) -> Completion | RequestError:
        teacher, since = self._teacher, time.monotonic()
        outcome = await self._send(client, request, sent, since)
        now = time.monotonic()
        if isinstance(outcome, Reply):
            self._notice(outcome)
            teacher.health.answered(request.stage)
            teacher.pace.answered(since, now)
            return outcome.completion
        if outcome.kind in (Kind.SLOW, Kind.BUSY, Kind.UNREACHABLE):
            teacher.pace.pushed_back(since, now)
        elif outcome.kind is Kind.BROKEN:
            teacher.pace.broke(since, now)
        teacher.health.record_error(outcome, now)
        return outcome

    def _notice(self, reply: Reply) -> None:
        """Warn of an answer from another model, or of an unknown finish reason."""
        expected, notices, reason = self._teacher.model, self._teacher.notices, reply.completion.finish_reason
        if reply.model and not same_model(expected, reply.model):
            notices.once(
                "model",
                f"answers as {reply.model!r:.100}, expected {expected!r}; rows name {self._teacher.name}. If the "
                "server holds another model, name it after # in the spec, or its weights with --teacher-revision",
            )
        if reply.streamed and not self._teacher.dialect.stream:  # a stream reports tokens only on request
            self._teacher.dialect.stream = True
            notices.once(STREAM_NOTICE, STREAM_NOTICE)
        if reply.completion.ended == "unknown":
            notices.once(
                f"reason {reason}",
                f"ends replies with finish reason {reason!r:.60}, which is not known here; they count as cut short",
            )

    async def _send(self, client: Any, request: Request, sent: dict[str, Any], since: float) -> Reply | RequestError:
        """Send a request to an address that can be reached, and read its reply."""
        while True:
            with self._teacher.addresses.least_busy() as url:
                outcome = await self._send_to(url, client, request, sent, since)
            if not isinstance(outcome, RequestError) or outcome.kind is not Kind.UNREACHABLE:
                return outcome
            if not self._teacher.addresses.unreachable(url):
                return outcome
            self._teacher.notices.log_rarely(url, f"{url} cannot be reached; the other addresses take its share")

    async def _send_to(
        self, url: str, client: Any, request: Request, sent: dict[str, Any], since: float
    ) -> Reply | RequestError:
        try:
            async with asyncio.timeout(self._options.timeout_s):
                status, headers, content = await _post(client, url, self._teacher.key, orjson.dumps(sent))
        except TimeoutError:
            error = f"no answer within {self._options.timeout_s:g} s"
            return RequestError(kind=Kind.SLOW, error=error, hint="--timeout gives it more", usage=Usage())
        except BadReplyError as error:
            return error_of_reply(error)
        except Exception as error:  # each transport has its own kinds for connections that fail
            return of_connection(error)
        seconds = time.monotonic() - since
        try:
            if 200 <= status < 300:
                return read_reply(content, request, seconds)
        except BadReplyError as error:
            return error_of_reply(error)
        words = content.decode("utf-8", "replace")
        if status in (400, 403) and WITHHELD.search(words):
            return Reply(completion=Completion(text="", finish_reason="content_filter", seconds=seconds), model=None)
        request_error = error_of_status(status, words, headers)
        return _at_azure(request_error, url) if is_azure(url) else request_error


async def _post(client: Any, url: str, key: str | None, content: bytes) -> tuple[int, Any, bytes]:
    """Return status, headers and body; ``BadReplyError`` for a body beyond ``LONGEST_REPLY``.

    A redirection is followed once where it leads to the same server, so that no other server gets the key.
    """
    where, headers = _endpoint(url), _headers(url, key)
    for _ in range(2):
        async with client.stream("POST", where, content=content, headers=headers) as reply:
            moved = reply.headers.get("location") if reply.status_code in (307, 308) else None
            to = str(reply.url.join(moved)) if moved else where
            if to == where or urlsplit(to)[:2] != urlsplit(where)[:2]:
                return reply.status_code, reply.headers, await _body(reply)
            where = to
    return reply.status_code, reply.headers, b""


def _at_azure(request_error: RequestError, url: str) -> RequestError:
    """Return an error with advice for Azure."""
    hint = request_error.hint.replace("OPENAI_API_KEY", "AZURE_OPENAI_API_KEY (or OPENAI_API_KEY)")
    if request_error.kind is Kind.DENIED and "api-version=" not in url and "/v1" not in url:
        hint += "; the address of a deployment ends in ?api-version=2024-10-21 or a later one"
    return replace(request_error, hint=hint)


def is_azure(url: str) -> bool:
    """Return whether an address is Azure's or of a gateway with its API, by host or by ``api-version``."""
    parts = urlsplit(url)
    return (parts.hostname or "").endswith(AZURE) or "api-version=" in parts.query


def _endpoint(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/chat/completions"))


def _headers(url: str, key: str | None = None) -> dict[str, str]:
    key = key or os.environ.get("OPENAI_API_KEY") or "none"
    authorised = {"authorization": f"Bearer {key}"}
    if is_azure(url):
        authorised = {"api-key": os.environ.get("AZURE_OPENAI_API_KEY") or key}
    return {
        **authorised,
        "content-type": "application/json",
        "accept": f"application/json, {TYPE}",
        "accept-encoding": "identity",
        "user-agent": "sabila",
    }


async def _body(reply: Any) -> bytes:
    """Read a reply's body as far as it may go, packed by gzip at most."""
    parts: list[bytes] = []
    size, tail = 0, b""
    streamed = TYPE in reply.headers.get("content-type", "").lower()
    async for part in reply.aiter_raw():
        parts.append(part)
        size += len(part)
        if size > LONGEST_REPLY:
            raise _too_long()
        tail = tail[-END_BYTES:] + part
        if streamed and END.search(tail):
            break  # some servers keep the connection open after it
    raw, encoding = b"".join(parts), reply.headers.get("content-encoding", "identity").lower()
    if encoding in ("", "identity"):
        return raw
    if encoding not in ("gzip", "deflate"):
        raise BadReplyError(f"reply is compressed as {encoding!r:.40}, expected an encoding of Accept-Encoding")
    try:
        unpacked = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32).decompress(raw, LONGEST_REPLY + 1)
    except zlib.error as error:
        raise BadReplyError(f"reply cannot be unpacked: {error}") from error
    if len(unpacked) > LONGEST_REPLY:
        raise _too_long()
    return unpacked


def _too_long() -> BadReplyError:
    return BadReplyError(f"reply is longer than {LONGEST_REPLY:,} bytes")


def same_model(expected: str, reported: str) -> bool:
    """Return whether two names may be of one model: a path, a date, a tag or a file's ending make no difference."""
    one, other = (
        re.sub(r"\.gguf$|:latest$", "", name.casefold()).rstrip("/").split("/")[-1] for name in (expected, reported)
    )
    return one == other or one.startswith(f"{other}-") or other.startswith((f"{one}-", f"{one}@", f"{one}:"))


def _client(options: TeacherOptions, urls: tuple[str, ...]) -> Any:
    """Return an HTTP client, over aiohttp where that is installed: a request then costs half."""
    import httpx2
    import openai

    limits = httpx2.Limits(max_connections=options.in_flight(), max_keepalive_connections=None)
    timeout = httpx2.Timeout(None, connect=CONNECT_S)
    settings: dict[str, Any] = {"limits": limits, "timeout": timeout, "follow_redirects": False}
    settings["trust_env"] = not all(map(is_loopback, urls))
    try:
        return openai.DefaultAioHttpClient(**settings)
    except RuntimeError:  # the client's way to say that aiohttp is missing
        return openai.DefaultAsyncHttpxClient(**settings)


def is_loopback(url: str) -> bool:
    """Return whether an address is of this machine, to which a proxy of the environment has no way."""
    host = urlsplit(url).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")
