"""Teachers: requests in, completions out, as they come. One protocol for every kind of language model."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from sources.record import Message
from synth.thinking import parted, without_end


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
class Request:
    """One completion wanted: for which row and stage, the messages, how to sample, and which of several samples it is.

    ``row`` and ``stage`` say what it is for and are not part of the key: two rows with the same prompt ask once.
    """

    row: str
    stage: str
    messages: tuple[Message, ...]
    sampling: Sampling = field(default_factory=Sampling)
    sample: int = 0

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

    ``text`` is parsed on creation, wherever it comes from: reasoning under any known mark is parted off into
    ``reasoning``, and control tokens such as ``<|im_end|>`` are cut from its end. ``logprobs`` holds for each token its
    alternatives: token to log-probability. Where a teacher does not say how many tokens it used, the counts are None.
    """

    text: str
    reasoning: str | None = None
    finish_reason: str
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    logprobs: tuple[Mapping[str, float], ...] | None = None
    seconds: float = 0.0

    def __post_init__(self) -> None:
        """Part reasoning from the answer, and cut the control tokens at the end."""
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


class TeacherError(Exception):
    """A teacher that cannot be had, or that stopped answering: the run ends, and what was answered stays."""
