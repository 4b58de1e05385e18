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
from synth.teachers.thinking import split_reasoning, without_end


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How a completion is sampled; every field is part of the request's key.

    ``max_tokens`` counts the completion alone. ``logprobs`` is the number of alternatives wanted at each token,
    ``json_schema`` the schema of a JSON reply.
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
    """Tokens that a reply reports; None where it reports none."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class Meter(Protocol):
    """The account of paid replies that cannot be used; called from any thread.

    ``answered_before`` if other requests of this kind were answered: a refusal then concerns this request alone.
    """

    answered_before: bool

    def charge(self, usage: Usage) -> None:
        """Enter the tokens of an unusable reply."""

    def renew(self) -> bool:
        """Reserve the cost of another try; False where the budget has no room for it and no try may follow."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """One requested completion: its row and stage, the messages, how to sample, and which of several samples it is.

    ``row``, ``stage`` and ``meter`` are not part of the key: two rows with the same prompt share one request. With
    ``reads_text`` a reply that is no JSON of the requested schema is read too, as of a server without schemas.
    """

    row: str
    stage: str
    messages: tuple[Message, ...]
    sampling: Sampling = field(default_factory=Sampling)
    sample: int = 0
    reads_text: bool = field(default=False, compare=False)
    meter: Meter | None = field(default=None, repr=False, compare=False)

    @property
    def identity(self) -> tuple[str, str, int, tuple[Message, ...]]:
        """What distinguishes the request from the others of its step: row, stage, sample and messages."""
        return self.row, self.stage, self.sample, self.messages

    def key(self, teacher: str, revision: str) -> str:
        """Return the hash under which the completion of this request by this teacher is stored."""
        identity = [teacher, revision, self.messages, vars(self.sampling), self.sample]
        return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()

    def key_of_any_limit(self, teacher: str, revision: str) -> str:
        """Return the hash that requests share which differ in ``max_tokens`` alone."""
        sampling = {name: value for name, value in vars(self.sampling).items() if name != "max_tokens"}
        identity = [teacher, revision, self.messages, sampling, self.sample]
        return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()

    @property
    def seed(self) -> int:
        """The seed of sampling, below 2**31, different for each prompt and sample.

        With one seed for all prompts, answers that begin with the same probabilities would begin with the same words.
        """
        digest = hashlib.sha256(json.dumps(self.messages).encode()).digest()
        return (int.from_bytes(digest[:8]) + self.sampling.seed + self.sample) % 2**31


@dataclass(frozen=True, kw_only=True)
class Completion:
    """A teacher's reply: text, reasoning, why it ended, and its tokens.

    ``finish_reason`` is the server's word, ``ended`` its meaning: only ``stop`` is a whole answer. ``text`` is parsed
    on creation: reasoning under any known mark moves into ``reasoning``, and control tokens such as ``<|im_end|>`` are
    cut. ``logprobs`` has for each token its alternatives with their log-probabilities. Unknown counts
    are None.
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
        """Whether a verdict in its first words is reliable: the reply was neither withheld nor broken off."""
        return self.ended in ("stop", "length")

    def __post_init__(self) -> None:
        """Separate reasoning from the answer, cut the control tokens at the end, and read the finish reason."""
        object.__setattr__(self, "ended", ended(self.finish_reason))
        thought, answer = split_reasoning(self.text)
        object.__setattr__(self, "text", without_end(answer))
        if thought is not None:
            both = "\n\n".join(filter(None, dict.fromkeys((self.reasoning, thought))))
            object.__setattr__(self, "reasoning", both if self.reasoning else thought)


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A request that failed in every try, and its last error."""

    error: str
    tries: int


Answered = tuple[Request, Completion | Failure]


Ask = Callable[[Iterable[Request]], Iterator[Answered]]
"""A function that yields a reply to every request: a teacher's ``complete``, or a store of completions before it."""


class Teacher(Protocol):
    """A language model. ``name`` and ``revision`` enter every key; every row it writes has its ``license``."""

    @property
    def name(self) -> str:
        """The model's name, such as ``openai:llama-3.1-70b-instruct``."""

    @property
    def revision(self) -> str:
        """The model's commit, file hash or served version; ``unpinned`` where it is unknown."""

    @property
    def license(self) -> str:
        """The licence of the model's texts: an SPDX id or ``LicenseRef-…``."""

    def complete(self, requests: Iterable[Request]) -> Iterator[Answered]:
        """Yield every request with its completion or failure as they arrive, in any order, each exactly once."""


class TeacherError(SabilaError):
    """A teacher that is not available or stopped answering; the run ends, and earlier answers are kept."""
