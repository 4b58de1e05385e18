"""Any server that speaks OpenAI's chat/completions: vllm serve, transformers serve, llama.cpp, Ollama, hosted ones.

An event loop in a thread of its own keeps the server busy while the caller works on what has come. Retries are ours:
the client's own would hide what the pace and the account must know. Requests go through the client's ``post`` and not
its ``create``, whose checks of the parameters' types and of the reply cost half of a millisecond each.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from queue import SimpleQueue
from threading import Thread
from typing import Any

from synth.chat_reply import BadReplyError, body, completion
from synth.pace import Pace, Slots
from synth.server_trouble import Health, Kind, Trouble, of_connection, of_reply, of_status, pause
from synth.specs import TeacherOptions
from synth.teacher import Answered, Completion, Failure, Request

AHEAD = 32
"""Most requests at hand beyond those in flight, so that a caller busy for a moment does not let the server idle."""

BURST_S = 0.01
"""Answers that come faster are handed over in bursts: to wake the caller for each costs more than the answer."""

CONNECT_S = 10.0


@dataclass(frozen=True, kw_only=True)
class OpenAITeacher:
    """The model that a server at ``url`` calls ``model``. The key, if it wants one, is read from OPENAI_API_KEY.

    What was found out about its pace is kept from one call to the next; calls side by side each keep to it.
    """

    url: str
    model: str
    options: TeacherOptions = field(default_factory=TeacherOptions)
    pace: Pace = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "pace", Pace(most=self.options.concurrency, timeout_s=self.options.timeout_s))

    @property
    def name(self) -> str:
        """The model's name, whoever serves it."""
        return f"openai:{self.model}"

    @property
    def revision(self) -> str:
        """What the options say: a server does not tell which weights it holds."""
        return self.options.revision or "unpinned"

    @property
    def license(self) -> str:
        """What the options say."""
        return self.options.license

    def complete(self, requests: Iterable[Request]) -> Iterator[Answered]:
        """Yield every request with its completion or failure as they arrive, each once.

        ``requests`` is drawn from in the caller's thread, as answers are taken, some ``AHEAD`` of what is in flight.
        An answer keeps its place in flight until then: who draws has stored what was yielded before, so that a process
        that is killed never loses more than ``concurrency`` answers.

        Raises ``TeacherError`` when the server does not serve any more; what came before has been yielded by then.
        """
        most = self.options.concurrency + min(AHEAD, self.options.concurrency)
        feed = iter(requests)
        flight = _Flight(self)
        try:
            out = flight.send(list(islice(feed, most)))
            while out:
                landed = flight.landed()
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
        self._places = asyncio.Semaphore(options.concurrency)
        self._health = Health(teacher.url, options.patience_s, options.timeout_s)
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
        """Hand requests to the loop, free the places of answers that were dealt with, and return how many went."""
        if requests or dealt_with:
            with contextlib.suppress(RuntimeError):  # the loop ended of an error, which the outbox holds
                self._loop.call_soon_threadsafe(self._take_in, requests, dealt_with)
        return len(requests)

    def landed(self) -> list[Answered]:
        """Wait for answers and return them; raise what ended the loop, once those before it were returned."""
        item = self._outbox.get()
        if isinstance(item, BaseException):
            raise item
        return item

    def close(self) -> None:
        """End the loop and what is in flight."""
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
            async with _client(self._teacher) as client, asyncio.TaskGroup() as group:
                for _ in range(self._options.concurrency):
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
        """Try until there is an answer, or no sense in another try: the server's own troubles are not the request's."""
        options, tries, broken, waited = self._options, 0, 0, 0.0
        while True:
            async with self._slots:
                outcome = await self._try(client, request)
            if isinstance(outcome, Completion):
                return outcome
            tries += 1
            broken += outcome.kind is Kind.BROKEN
            wait = pause(tries - 1, outcome, options.backoff_s, options.patience_s)
            turned_away = waited + wait > max(options.patience_s, options.timeout_s)
            if outcome.kind.final or broken >= options.max_tries or turned_away:
                self._health.failed(outcome)
                return Failure(error=outcome.error, tries=tries)
            waited += wait
            await asyncio.sleep(wait)

    async def _try(self, client: Any, request: Request) -> Completion | Trouble:
        since = time.monotonic()
        outcome = await self._send(client, request, since)
        now = time.monotonic()
        if isinstance(outcome, Completion):
            self._health.answered()
            self._teacher.pace.answered(since, now)
            return outcome
        if outcome.kind is Kind.BROKEN:
            self._teacher.pace.broke(since, now)
        elif not outcome.kind.final:
            self._teacher.pace.pushed_back(since, now)
        self._health.troubled(outcome, now)
        return outcome

    async def _send(self, client: Any, request: Request, since: float) -> Completion | Trouble:
        import httpx2
        import openai

        asked = body(request, self._teacher.model)
        try:
            async with asyncio.timeout(self._options.timeout_s):
                reply = await client.post("/chat/completions", cast_to=httpx2.Response, body=asked, options=_SECURITY)
        except TimeoutError:
            return Trouble(kind=Kind.BROKEN, error=f"no answer within {self._options.timeout_s:g} s")
        except openai.APIStatusError as error:
            return of_status(error.status_code, error.response.text, error.response.headers)
        except Exception as error:  # each transport has its own kinds for connections that fail
            return of_connection(error)
        try:
            return completion(reply.content, request, time.monotonic() - since)
        except BadReplyError as error:
            return of_reply(error)


_SECURITY = {"security": {"bearer_auth": True}}
"""What the client's own ``chat.completions.create`` says of its requests: the key goes with them."""


def _client(teacher: OpenAITeacher) -> Any:
    """Return the openai client, over aiohttp where that is installed: a request then costs half."""
    import httpx2
    import openai

    limits = httpx2.Limits(max_connections=teacher.options.concurrency, max_keepalive_connections=None)
    patience = httpx2.Timeout(None, connect=CONNECT_S)
    try:
        http = openai.DefaultAioHttpClient(limits=limits, timeout=patience)
    except RuntimeError:  # the client's way to say that aiohttp is missing
        http = openai.DefaultAsyncHttpxClient(limits=limits, timeout=patience)
    return openai.AsyncOpenAI(
        base_url=teacher.url,
        api_key=os.environ.get("OPENAI_API_KEY") or "none",
        max_retries=0,
        timeout=patience,
        http_client=http,
    )
