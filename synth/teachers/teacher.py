"""Teachers: requests in, completions out, as they come. One protocol for every kind of language model."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from sources.errors import SabilaError
from sources.record import Message
from synth.teachers.finish_reasons import Ended, ended
from synth.teachers.thinking import parted, without_end


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How a completion is drawn; every field is part of the request's key.

    ``max_tokens`` counts the completion alone. ``logprobs`` asks for that many alternatives at each token.
    ``json_schema`` asks for JSON that fits it.
    """

    temperature: float = 0.7
    top_p: float = 1.0
    max_tokens: int = 1024
    stop: tuple[str, ...] = ()
    seed: int = 0
    logprobs: int | None = None
    json_schema: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Usage:
    """Tokens that a reply says it took; None where it does not say."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class Meter(Protocol):
    """What a teacher reports of replies that it paid for and cannot use; called from any thread.

    ``answered_before`` where others of the request's kind are known to be answered: a refusal is then of its own.
    """

    answered_before: bool

    def charge(self, usage: Usage) -> None:
        """Enter the tokens of an unusable reply."""

    def renew(self) -> bool:
        """Set the cost of another try aside; False where the budget has no room for it, and no try may follow."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """One completion wanted: for which row and stage, the messages, how to sample, and which of several samples it is.

    ``row``, ``stage`` and ``meter`` are not part of the key: two rows with the same prompt ask once.
    """

    row: str
    stage: str
    messages: tuple[Message, ...]
    sampling: Sampling = field(default_factory=Sampling)
    sample: int = 0
    meter: Meter | None = field(default=None, repr=False, compare=False)

    def key(self, teacher: str, revision: str) -> str:
        """Return the hash under which the completion of this request by this teacher is kept."""
        identity = [teacher, revision, self.messages, vars(self.sampling), self.sample]
        return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()

    @property
    def seed(self) -> int:
        """What the draw starts from, below 2**31: another for each prompt and sample.

        With one seed for all prompts every answer would begin alike: they begin with the same probabilities.
        """
        digest = hashlib.sha256(json.dumps(self.messages).encode()).digest()
        return (int.from_bytes(digest[:8]) + self.sampling.seed + self.sample) % 2**31


@dataclass(frozen=True, kw_only=True)
class Completion:
    """What a teacher answered: text, reasoning, why it ended, and what it cost.

    ``finish_reason`` is the server's word, ``ended`` what it means: only ``stop`` is a whole answer. ``text`` is
    parsed on creation, wherever it comes from: reasoning under any known mark is parted off into ``reasoning``, and
    control tokens such as ``<|im_end|>`` are cut from its end. ``logprobs`` holds for each token its alternatives:
    token to log-probability. Where a teacher does not say how many tokens it used, the counts are None.
    """

    text: str
    reasoning: str | None = None
    finish_reason: str
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    logprobs: tuple[Mapping[str, float], ...] | None = None
    seconds: float = 0.0
    ended: Ended = field(init=False)

    @property
    def readable(self) -> bool:
        """Whether a verdict that stands in its first words can be relied on: not withheld, nor broken off."""
        return self.ended in ("stop", "length")

    def __post_init__(self) -> None:
        """Part reasoning from the answer, cut the control tokens at the end, and read the finish reason."""
        object.__setattr__(self, "ended", ended(self.finish_reason))
        thought, answer = parted(self.text)
        object.__setattr__(self, "text", without_end(answer))
        if thought is not None:
            both = "\n\n".join(filter(None, dict.fromkeys((self.reasoning, thought))))
            object.__setattr__(self, "reasoning", both if self.reasoning else thought)


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A request that kept failing, and the last error: quarantined, never guessed."""

    error: str
    tries: int


Answered = tuple[Request, Completion | Failure]


Ask = Callable[[Iterable[Request]], Iterator[Answered]]
"""What stages ask with: a teacher's ``complete``, or that with a store of completions before it."""


class Teacher(Protocol):
    """A language model. ``name`` and ``revision`` enter every key; ``license`` travels with every row it writes."""

    @property
    def name(self) -> str:
        """The model's name, such as ``openai:llama-3.1-70b-instruct``."""

    @property
    def revision(self) -> str:
        """The model's commit, file hash or served version; what is unknown is said to be ``unpinned``."""

    @property
    def license(self) -> str:
        """The licence of what the model writes: an SPDX id or ``LicenseRef-…``."""

    def complete(self, requests: Iterable[Request]) -> Iterator[Answered]:
        """Yield every request with its completion or failure as they arrive, in any order, each exactly once."""


class TeacherError(SabilaError):
    """A teacher that cannot be had, or that stopped answering: the run ends, and what was answered stays."""
