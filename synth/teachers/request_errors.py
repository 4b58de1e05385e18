"""What went wrong with one try of a request, and what to do about it."""

from __future__ import annotations

import random
import re
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from enum import Enum

from synth.teachers.chat_reply import BadReplyError
from synth.teachers.teacher import TeacherError, Usage

LONGEST_PAUSE_S = 60.0
LONGEST_ABSENCE_S = 5.0
"""Between tries to reach a server that is gone: they cost it nothing, and it may be back."""

BUSY = (425, 429, 503, 529)
"""Statuses that speak of the server, not of the request; 529 is what some hosted servers say when overloaded."""

TRY_AGAIN = (408, 409)

NOT_LET_IN = {
    401: "check the key in OPENAI_API_KEY",
    402: "its credit is used up",
    403: "check the key in OPENAI_API_KEY, and what it may use",
    404: "check the address, and the model's name after # in the teacher's spec",
}
"""Statuses after which no other request can succeed, and what to do about each."""

MOVED = (301, 302, 303, 307, 308)

NO_CREDIT = re.compile(
    r"insufficient_quota|insufficient.?credit|insufficient.?balance|billing_hard_limit", re.IGNORECASE
)
"""Servers say 429 of a used-up credit too, which no wait brings back."""

WITHHELD = re.compile(r"content_filter|content_policy|content management policy|moderation|flagged", re.IGNORECASE)
"""How a 400 or 403 says that a prompt was withheld by a filter, which is an answer and no failure."""

NOT_CONNECTED = {
    "httpx2.ConnectError",
    "httpcore2.ConnectError",
    "httpcore2.ConnectTimeout",
    "aiohttp.ClientConnectorError",
    "aiohttp.ConnectionTimeoutError",
}


class Kind(Enum):
    """Whose trouble it is: the network's, the server's, this try's, the request's, or that of key, address or model.

    A try that is ``SLOW`` came to no end in its time.
    """

    UNREACHABLE = "unreachable"
    BUSY = "busy"
    BROKEN = "broken"
    SLOW = "slow"
    REFUSED = "refused"
    DENIED = "denied"

    @property
    def final(self) -> bool:
        """Whether another try would bring the same."""
        return self in (Kind.REFUSED, Kind.DENIED)


@dataclass(frozen=True, kw_only=True)
class RequestError:
    """One try that brought no completion: whose trouble, its words, and how long the server asks to stay away.

    ``usage`` is what it took all the same, None where nothing was taken; ``hint`` says what to do, ``words`` is all
    that the server said.
    """

    kind: Kind
    error: str
    retry_after_s: float = 0.0
    hint: str = ""
    words: str = ""
    usage: Usage | None = None


def of_status(status: int, words: str, headers: Mapping[str, str]) -> RequestError:
    """Return what an HTTP status other than success means."""
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
    return RequestError(kind=Kind.REFUSED, error=error, words=words)


def of_reply(error: BadReplyError) -> RequestError:
    """Return what a reply means that is not what was asked for."""
    if error.status is not None:  # an error costs what it says, a reply that says nothing costs the most
        cost = error.usage if error.usage != Usage() else None
        return replace(of_status(error.status, str(error), {}), usage=cost)
    kind = Kind.REFUSED if error.final else Kind.BROKEN
    return RequestError(kind=kind, error=f"bad reply: {error}", usage=error.usage)


def of_connection(error: BaseException) -> RequestError:
    """Return what an error of the connection means, by the chain of its causes.

    The client wraps its transport's errors, and wraps one transport's as time-outs whatever they are: only what lies
    beneath tells a server that is gone from a connection that was cut.
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
    """Return the seconds that a server asks to wait (RFC 9110, 10.2.3: seconds or a date); 0 where it does not."""
    if (milliseconds := _number(headers.get("retry-after-ms"))) is not None:
        return milliseconds / 1000
    said = headers.get("retry-after")
    if said is None or (seconds := _number(said)) is not None:
        return 0.0 if said is None else seconds or 0.0
    try:
        return max(0.0, parsedate_to_datetime(said).timestamp() - time.time())
    except ValueError:
        return 0.0


def _number(said: str | None) -> float | None:
    try:
        return None if said is None else max(0.0, float(said))
    except ValueError:
        return None


def pause(tries: int, trouble: RequestError, backoff_s: float, longest_s: float) -> float:
    """Return the seconds to wait before the next try: doubling, wholly random ("full jitter"), at least as asked for.

    Jitter: M. Brooker, "Exponential backoff and jitter", AWS Architecture Blog, 2015. Requests that were told the same
    time to wait come back spread over a part of it.
    """
    longest = LONGEST_ABSENCE_S if trouble.kind is Kind.UNREACHABLE else LONGEST_PAUSE_S
    most = min(longest, backoff_s * 2.0 ** min(tries, 30))
    asked = trouble.retry_after_s * random.uniform(1.0, 1.25)
    return min(max(asked, random.uniform(0.0, most)), longest_s)


FIRST = {"refused": 20, "broken": 5, "slow": 2}
"""So many failures of a stage's first requests, by kind, with no answer among them, are the server's and not theirs.

A refusal costs one try, a request that breaks or gets no answer in its time as many as are allowed.
"""

FRUITLESS = 100
"""So many in a row are so even where answers came before."""

UNMET_PATIENCE_S = 30.0
"""A server that was never reached is more likely misspelt than starting up."""


class Health:
    """Whether a server still serves: ends the run with ``TeacherError`` rather than fail row after row.

    That is so when it cannot be reached, or turns all away, for as long as patience lasts or longer by its own words;
    when it rejects the key, the model or the account; when the first requests of a stage all fail (``FIRST``), and when
    ``FRUITLESS`` in a row break. One a teacher: a stage may ask in many calls.
    """

    def __init__(self, where: str, patience_s: float, timeout_s: float) -> None:
        self._where = where
        self._patience = {Kind.UNREACHABLE: patience_s, Kind.BUSY: max(patience_s, timeout_s)}
        self._answers: Counter[str] = Counter()
        self._failed_in_a_row: Counter[str] = Counter()
        self._since: dict[Kind, float] = {}

    def answered(self, stage: str) -> None:
        """Take in an answer: all is well."""
        self._answers[stage] += 1
        self._failed_in_a_row[stage] = 0
        self._since.clear()

    def troubled(self, trouble: RequestError, now: float) -> None:
        """Take in a try that the server did not serve."""
        if trouble.kind is Kind.DENIED:
            raise TeacherError(f"{self._where} rejected the request: {trouble.error}; {trouble.hint}{self._kept()}")
        if trouble.kind not in self._patience:
            return
        patience = self._patience[trouble.kind]
        if trouble.retry_after_s > patience:
            raise TeacherError(
                f"{self._where} wants to be left alone for {trouble.retry_after_s:,.0f} s, expected {patience:,.0f} s "
                f"at most: {trouble.error}{self._kept()}"
            )
        lasted = now - self._since.setdefault(trouble.kind, now)
        if trouble.kind is Kind.UNREACHABLE and not self._answers:
            patience = min(patience, UNMET_PATIENCE_S)
        if lasted >= patience:
            raise TeacherError(
                f"{self._where} is {trouble.kind.value} for {lasted:.0f} s, last error {trouble.error}{self._kept()}"
            )

    def failed(self, stage: str, trouble: RequestError, *, answered_before: bool = False) -> None:
        """Take in a request that was given up. One that is refused says nothing of others, where any was answered."""
        self._failed_in_a_row[stage] += 1
        failed, served = self._failed_in_a_row[stage], answered_before or self._answers[stage] > 0
        if served and trouble.kind is Kind.REFUSED:
            return
        if failed >= (FRUITLESS if served else FIRST.get(trouble.kind.value, FRUITLESS)):
            which = "requests in a row" if served else f"of the first requests of {stage}, and all of them"
            hint = f"; {trouble.hint}" if trouble.hint else ""
            raise TeacherError(f"{self._where} failed {failed} {which}, last error {trouble.error}{hint}{self._kept()}")

    def _kept(self) -> str:
        return f"; {self._answers.total():,} answers came before and are kept; see to the server, then run again"
