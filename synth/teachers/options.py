"""Settings of a teacher that its spec does not name: its costs, limits and fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sources.license import UNKNOWN


@dataclass(frozen=True, kw_only=True)
class Rates:
    """The cost of a teacher: money for a million tokens read and written, and watts while it works."""

    prompt_price: float = 0.0
    completion_price: float = 0.0
    watts: float | None = None

    def cost(self, prompt_tokens: int, completion_tokens: int) -> float:
        """Return the price of so many tokens, in the prices' own currency."""
        return (prompt_tokens * self.prompt_price + completion_tokens * self.completion_price) / 1e6


IN_FLIGHT = 256
"""Requests in flight to a server or vLLM at most, unless ``concurrency`` says otherwise."""


@dataclass(frozen=True, kw_only=True)
class TeacherOptions:
    """Settings of a teacher beyond its spec.

    ``license`` is that of the model's texts. ``revision`` is a Hub revision, or the user's name of the weights that a
    server has. Further options of an openai teacher:

    - ``concurrency``: most requests in flight, whose number adapts to the server; None for the teacher's own default
    - ``timeout_s``: of one request, from first byte sent to last byte received
    - ``max_tries``: tries of a request before it counts as failed
    - ``backoff_s``: the first pause after a failed try; it doubles from try to try
    - ``give_up_after_s``: how long a server may refuse all requests before the run ends
    - ``leave_out``: fields of a request that are not sent, of ``dialect.OPTIONAL``

    ``context`` is the number of tokens of prompt and answer that llama.cpp holds for each request, ``threads`` that of
    its threads, None for one a core. ``batch`` is the number of completions that the transformers teacher writes at a
    time, ``engine`` the arguments of vLLM's ``LLM``, such as ``tensor_parallel_size`` or ``max_model_len``.
    """

    license: str = UNKNOWN.id
    revision: str | None = None
    rates: Rates = field(default_factory=Rates)
    concurrency: int | None = None
    timeout_s: float = 600.0
    max_tries: int = 5
    backoff_s: float = 0.5
    give_up_after_s: float = 300.0
    leave_out: tuple[str, ...] = ()
    context: int = 4096
    threads: int | None = None
    batch: int = 32
    engine: Mapping[str, Any] = field(default_factory=dict)

    def in_flight(self, default: int = IN_FLIGHT) -> int:
        """Return the most requests in flight: ``concurrency``, or the default of a kind of teacher."""
        return self.concurrency or default
