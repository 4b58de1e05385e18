"""Errors of one try of a request, and how to handle them."""

from __future__ import annotations

import random
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from enum import Enum

from synth.teachers.chat_reply import BadReplyError
from synth.teachers.teacher import TeacherError, Usage

LONGEST_PAUSE_S = 60.0
LONGEST_ABSENCE_S = 5.0
"""Seconds between tries to reach a server that does not answer; such tries cost it nothing."""

BUSY = (425, 429, 503, 529)
"""Statuses that concern the server and not the request; some hosted servers send 529 when overloaded."""

TRY_AGAIN = (408, 409)

NOT_LET_IN = {
    401: "check the key in OPENAI_API_KEY",
    402: "its credit is used up",
    403: "check the key in OPENAI_API_KEY, and what it may use",
    404: "check the address, and the model's name after # in its spec",
}
"""Statuses after which no other request can succeed, and what to do about each."""

MOVED = (301, 302, 303, 307, 308)

NO_CREDIT = re.compile(
    r"insufficient_quota|insufficient.?credit|insufficient.?balance|billing_hard_limit", re.IGNORECASE
)
"""Words of a 429 for a used-up credit, which a wait does not restore."""

WITHHELD = re.compile(r"content_filter|content_policy|content management policy|moderation|flagged", re.IGNORECASE)
"""Words of a 400 or 403 for a prompt withheld by a filter, which is an answer and no failure."""

TOO_LONG = re.compile(
    r"exceed_context_size|context_length_exceeded|maximum context length|available context size|prompt is too long"
    r"|too large to process",
    re.IGNORECASE,
)
"""Words of llama.cpp, vLLM and hosted servers for a text beyond the model's context."""

MORE_CONTEXT = "the text does not fit into the context: start the server with a larger one (llamacpp: --context-tokens)"
"""What to do about a text beyond the context."""

NOT_CONNECTED = {
    "httpx2.ConnectError",
    "httpcore2.ConnectError",
    "httpcore2.ConnectTimeout",
    "aiohttp.ClientConnectorError",
    "aiohttp.ConnectionTimeoutError",
}


class Kind(Enum):
    """The cause of an error: the network, the server, this try, the request, or key, address or model.

    A ``SLOW`` try timed out.
    """

    UNREACHABLE = "unreachable"
    BUSY = "busy"
    BROKEN = "broken"
    SLOW = "slow"
    REFUSED = "refused"
    DENIED = "denied"

    @property
    def final(self) -> bool:
        """Whether another try would have the same result."""
        return self in (Kind.REFUSED, Kind.DENIED)


@dataclass(frozen=True, kw_only=True)
class RequestError:
    """One try without a completion: its cause, its message, and the pause that the server requests.

    ``usage`` are the tokens charged all the same, None for none; ``hint`` is advice, ``words`` the server's whole
    message.
    """

    kind: Kind
    error: str
    retry_after_s: float = 0.0
    hint: str = ""
    words: str = ""
    usage: Usage | None = None


def error_of_status(status: int, words: str, headers: Mapping[str, str]) -> RequestError:
    """Return the error of an HTTP status other than success."""
    error = f"HTTP {status}: {' '.join(words.split())[:300]}"
    if NO_CREDIT.search(words):
        return RequestError(kind=Kind.DENIED, error=error, hint=NOT_LET_IN[402])
    if status in BUSY:
        return RequestError(kind=Kind.BUSY, error=error, retry_after_s=retry_after(headers))
    if status >= 500 or status in TRY_AGAIN:
        return RequestError(kind=Kind.BROKEN, error=error, retry_after_s=retry_after(headers), words=words)
    if status in MOVED:
        hint = f"it points to {headers.get('location', 'nowhere')!r:.200}; put the API's own address into the spec"
        return RequestError(kind=Kind.DENIED, error=error.rstrip(": "), hint=hint)
    if status in NOT_LET_IN:
        return RequestError(kind=Kind.DENIED, error=error, hint=NOT_LET_IN[status])
    hint = MORE_CONTEXT if TOO_LONG.search(words) else ""
    return RequestError(kind=Kind.REFUSED, error=error, words=words, hint=hint)


def error_of_reply(error: BadReplyError) -> RequestError:
    """Return the error of a reply that does not fit its request."""
    if error.status is not None:  # an error has its reported cost, a reply without one the highest
        cost = error.usage if error.usage != Usage() else None
        return replace(error_of_status(error.status, str(error), {}), usage=cost)
    kind = Kind.REFUSED if error.final else Kind.BROKEN
    return RequestError(kind=kind, error=f"bad reply: {error}", usage=error.usage)


def of_connection(error: BaseException) -> RequestError:
    """Return the error of a failed connection, by the chain of its causes.

    The client wraps its transport's errors, those of one transport always as time-outs: only the innermost cause
    distinguishes an unreachable server from a cut connection.
    """
    chain = [error]
    while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None and cause not in chain:
        chain.append(cause)
    kinds = {f"{kind.__module__.split('.')[0]}.{kind.__name__}" for one in chain for kind in type(one).__mro__}
    words = next((one for one in chain[1:] if str(one)), error)
    error_text = f"{type(words).__name__}: {words}".rstrip(": ")
    if kinds & NOT_CONNECTED:
        return RequestError(kind=Kind.UNREACHABLE, error=error_text)
    return RequestError(kind=Kind.BROKEN, error=error_text, usage=Usage())  # the server may have written all of a reply


def retry_after(headers: Mapping[str, str]) -> float:
    """Return the seconds that a server requests to wait (RFC 9110, 10.2.3: seconds or a date); 0 where it does not."""
    if (milliseconds := _number(headers.get("retry-after-ms"))) is not None:
        return milliseconds / 1000
    value = headers.get("retry-after")
    if value is None or (seconds := _number(value)) is not None:
        return 0.0 if value is None else seconds or 0.0
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return 0.0


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else max(0.0, float(text))
    except ValueError:
        return None


def pause(tries: int, error: RequestError, backoff_s: float, longest_s: float) -> float:
    """Return the seconds to wait before the next try: doubling, with full jitter, at least as the server requests.

    Jitter: M. Brooker, "Exponential backoff and jitter", AWS Architecture Blog, 2015. Requests with the
    same requested pause are spread over a part of it.
    """
    longest = LONGEST_ABSENCE_S if error.kind is Kind.UNREACHABLE else LONGEST_PAUSE_S
    most = min(longest, backoff_s * 2.0 ** min(tries, 30))
    requested = error.retry_after_s * random.uniform(1.0, 1.25)
    return min(max(requested, random.uniform(0.0, most)), longest_s)


FIRST = {"refused": 20, "broken": 5, "slow": 2}
"""Failures of a stage's first requests, by kind, after which the server is at fault if none was answered.

A refusal costs one try, a broken or slow request as many as are allowed.
"""

FRUITLESS = 100
"""Failures in a row after which the server is at fault even if some requests were answered."""

UNREACHED_S = 30.0
"""Seconds for a server that was never reached, whose address is more likely misspelt than starting up."""


class Health:
    """The health of a server: a run ends with ``TeacherError`` instead of a failure for every row.

    It ends when the server cannot be reached or rejects all requests for ``give_up_after_s`` or a longer requested
    pause, when ``gone`` returns why it will not answer any more, when it rejects the key, the model or the account,
    when the first requests of a stage all fail (``FIRST``), and when ``FRUITLESS`` in a row fail. Each teacher has one,
    since a stage may make many calls.
    """

    def __init__(self, where: str, give_up_after_s: float, timeout_s: float, gone: Callable[[], str] = str) -> None:
        self._where, self._gone = where, gone
        self._give_up_after = {Kind.UNREACHABLE: give_up_after_s, Kind.BUSY: max(give_up_after_s, timeout_s)}
        self._answers: Counter[str] = Counter()
        self._failed_in_a_row: Counter[str] = Counter()
        self._since: dict[Kind, float] = {}

    def answered(self, stage: str) -> None:
        """Record an answer, which ends all series of failures."""
        self._answers[stage] += 1
        self._failed_in_a_row[stage] = 0
        self._since.clear()

    def record_error(self, error: RequestError, now: float) -> None:
        """Record a try that the server did not serve."""
        if why := self._gone():
            raise TeacherError(f"{why}{self._kept_note()}")
        if error.kind is Kind.DENIED:
            raise TeacherError(f"{self._where} rejected the request: {error.error}; {error.hint}{self._kept_note()}")
        if error.kind not in self._give_up_after:
            return
        longest_s = self._give_up_after[error.kind]
        if error.retry_after_s > longest_s:
            raise TeacherError(
                f"{self._where} requests a pause of {error.retry_after_s:,.0f} s, expected {longest_s:,.0f} s "
                f"at most: {error.error}{self._kept_note()}"
            )
        lasted = now - self._since.setdefault(error.kind, now)
        if error.kind is Kind.UNREACHABLE and not self._answers:
            longest_s = min(longest_s, UNREACHED_S)
        if lasted >= longest_s:
            raise TeacherError(
                f"{self._where} is {error.kind.value} for {lasted:.0f} s, last error {error.error}{self._kept_note()}"
            )

    def failed(self, stage: str, error: RequestError, *, answered_before: bool = False) -> None:
        """Record a failed request. A refused one says nothing about others if any was answered."""
        self._failed_in_a_row[stage] += 1
        failed, served = self._failed_in_a_row[stage], answered_before or self._answers[stage] > 0
        if served and error.kind is Kind.REFUSED:
            return
        if failed >= (FRUITLESS if served else FIRST.get(error.kind.value, FRUITLESS)):
            which = "requests in a row" if served else f"of the first requests of {stage}, and all of them"
            hint = f"; {error.hint}" if error.hint else ""
            raise TeacherError(
                f"{self._where} failed {failed} {which}, last error {error.error}{hint}{self._kept_note()}"
            )

    def _kept_note(self) -> str:
        return f"; {self._answers.total():,} answers came before and are kept; see to the server, then run again"
