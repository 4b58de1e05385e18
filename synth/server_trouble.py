"""What went wrong with one try of a request, and what to do about it."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import Enum

from synth.chat_reply import BadReplyError
from synth.teacher import TeacherError

LONGEST_PAUSE_S = 60.0
LONGEST_ABSENCE_S = 5.0
"""Between tries to reach a server that is gone: they cost it nothing, and it may be back."""

BUSY = (425, 429, 503, 529)
"""Statuses that speak of the server, not of the request; 529 is what some hosted servers say when overloaded."""

TRY_AGAIN = (408, 409)

NOT_LET_IN = (401, 403, 404)

NOT_CONNECTED = {
    "httpx2.ConnectError",
    "httpcore2.ConnectError",
    "httpcore2.ConnectTimeout",
    "aiohttp.ClientConnectorError",
    "aiohttp.ConnectionTimeoutError",
}


class Kind(Enum):
    """Whose trouble it is: the network's, the server's, this try's, the request's, or that of key, address or model."""

    UNREACHABLE = "unreachable"
    BUSY = "busy"
    BROKEN = "broken"
    REFUSED = "refused"
    DENIED = "denied"

    @property
    def final(self) -> bool:
        """Whether another try would bring the same."""
        return self in (Kind.REFUSED, Kind.DENIED)


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """One try that brought no completion: whose trouble, its words, and how long the server asks to stay away."""

    kind: Kind
    error: str
    retry_after_s: float = 0.0


def of_status(status: int, words: str, headers: Mapping[str, str]) -> Trouble:
    """Return what an HTTP status other than success means."""
    error = f"HTTP {status}: {' '.join(words.split())[:300]}"
    if status in BUSY:
        return Trouble(kind=Kind.BUSY, error=error, retry_after_s=retry_after(headers))
    if status >= 500 or status in TRY_AGAIN:
        return Trouble(kind=Kind.BROKEN, error=error, retry_after_s=retry_after(headers))
    return Trouble(kind=Kind.DENIED if status in NOT_LET_IN else Kind.REFUSED, error=error)


def of_reply(error: BadReplyError) -> Trouble:
    """Return what a reply means that is not what was asked for."""
    return Trouble(kind=Kind.REFUSED if error.final else Kind.BROKEN, error=f"bad reply: {error}")


def of_connection(error: BaseException) -> Trouble:
    """Return what an error of the connection means, by the chain of its causes.

    The client wraps its transport's errors, and wraps one transport's as time-outs whatever they are: only what lies
    beneath tells a server that is gone from a connection that was cut.
    """
    chain = [error]
    while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None and cause not in chain:
        chain.append(cause)
    kinds = {f"{kind.__module__.split('.')[0]}.{kind.__name__}" for one in chain for kind in type(one).__mro__}
    words = next((one for one in chain[1:] if str(one)), error)
    return Trouble(
        kind=Kind.UNREACHABLE if kinds & NOT_CONNECTED else Kind.BROKEN,
        error=f"{type(words).__name__}: {words}".rstrip(": "),
    )


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


def pause(tries: int, trouble: Trouble, backoff_s: float, longest_s: float) -> float:
    """Return the seconds to wait before the next try: doubling, wholly random ("full jitter"), at least as asked for.

    Jitter: M. Brooker, "Exponential backoff and jitter", AWS Architecture Blog, 2015. Requests that were told the same
    time to wait come back spread over a part of it.
    """
    longest = LONGEST_ABSENCE_S if trouble.kind is Kind.UNREACHABLE else LONGEST_PAUSE_S
    most = min(longest, backoff_s * 2.0 ** min(tries, 30))
    asked = trouble.retry_after_s * random.uniform(1.0, 1.25)
    return min(max(asked, random.uniform(0.0, most)), longest_s)


FRUITLESS = 100
"""So many failures in a row, with no answer between them, are the server's and not the requests'."""

UNMET_PATIENCE_S = 30.0
"""A server that was never reached is more likely misspelt than starting up."""


class Health:
    """Whether a server still serves: ends the run with ``TeacherError`` rather than fail row after row.

    That is so when it cannot be reached, or turns all away, for as long as patience lasts, when the first request is
    not let in, when nothing of the first ``FRUITLESS`` requests succeeds, and when so many in a row break.
    """

    def __init__(self, where: str, patience_s: float, timeout_s: float) -> None:
        self._where = where
        self._patience = {Kind.UNREACHABLE: patience_s, Kind.BUSY: max(patience_s, timeout_s)}
        self._answers = 0
        self._failed_in_a_row = 0
        self._since: dict[Kind, float] = {}

    def answered(self) -> None:
        """Take in an answer: all is well."""
        self._answers += 1
        self._failed_in_a_row = 0
        self._since.clear()

    def troubled(self, trouble: Trouble, now: float) -> None:
        """Take in a try that the server did not serve."""
        if trouble.kind not in self._patience:
            return
        lasted = now - self._since.setdefault(trouble.kind, now)
        patience = self._patience[trouble.kind]
        if trouble.kind is Kind.UNREACHABLE and not self._answers:
            patience = min(patience, UNMET_PATIENCE_S)
        if lasted >= patience:
            raise TeacherError(
                f"{self._where} is {trouble.kind.value} for {lasted:.0f} s, last error {trouble.error}; {self._kept()}"
            )

    def failed(self, trouble: Trouble) -> None:
        """Take in a request that was given up. One that the server refused says nothing of others, once one went."""
        if trouble.kind.final and self._answers:
            return
        if trouble.kind is Kind.DENIED:
            raise TeacherError(
                f"{self._where} lets nobody in: {trouble.error}; check the address, the model's name after # in the "
                "teacher's spec, and the key in OPENAI_API_KEY"
            )
        self._failed_in_a_row += 1
        if self._failed_in_a_row >= FRUITLESS:
            raise TeacherError(
                f"{self._where} failed {self._failed_in_a_row} requests in a row, last error {trouble.error}; "
                f"{self._kept()}"
            )

    def _kept(self) -> str:
        return f"{self._answers} answers came before and are kept; see to the server, then run again"
