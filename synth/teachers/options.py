"""What a teacher costs, and how it is asked: the part of its settings that a spec does not name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sources.license import UNKNOWN


@dataclass(frozen=True, kw_only=True)
class Rates:
    """What a teacher takes: money for a million tokens read and written, and the watts it draws while it works."""

    prompt_price: float = 0.0
    completion_price: float = 0.0
    watts: float | None = None

    def cost(self, prompt_tokens: int, completion_tokens: int) -> float:
        """Return the price of so many tokens, in the prices' own currency."""
        return (prompt_tokens * self.prompt_price + completion_tokens * self.completion_price) / 1e6


@dataclass(frozen=True, kw_only=True)
class TeacherOptions:
    """What a spec does not say.

    ``license`` is that of what the model writes. ``revision`` is a Hub revision, or the server's own word for what it
    serves; the rest of an openai teacher's options bound how it asks:

    - ``concurrency``: most requests in flight; how many there are is found out as it goes
    - ``timeout_s``: of one request, from first byte sent to last byte received
    - ``max_tries``: after so many replies that went wrong a request is given up, and told as a failure
    - ``backoff_s``: the first pause after one that went wrong; it doubles from try to try
    - ``patience_s``: how long a server may refuse all requests before the run ends
    - ``leave_out``: fields of a request that are not sent, of ``dialect.OPTIONAL``

    ``batch`` is how many completions the transformers teacher writes at a time, and ``engine`` what vLLM's ``LLM``
    takes, such as ``tensor_parallel_size`` or ``max_model_len``.
    """

    license: str = UNKNOWN.id
    revision: str | None = None
    rates: Rates = field(default_factory=Rates)
    concurrency: int = 256
    timeout_s: float = 600.0
    max_tries: int = 5
    backoff_s: float = 0.5
    patience_s: float = 300.0
    leave_out: tuple[str, ...] = ()
    batch: int = 32
    engine: Mapping[str, Any] = field(default_factory=dict)
