"""Teachers by a short name: ``openai:http://localhost:8000/v1#model``, ``vllm:model``, ``transformers:model``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from sources.license import UNKNOWN
from synth.recorded import KIND, RecordedTeacher
from synth.teacher import Teacher, TeacherError

EXPECTED = (
    "expected openai:http://host:port/v1#model, vllm:folder-or-hub-id, transformers:folder-or-hub-id, or embedded"
)


ELSEWHERE = ("openai", "vllm", "transformers")
"""Kinds of teachers whose specs say where they are: an address or a folder of this machine."""


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


def with_options(teacher: Teacher, changes: Mapping[str, Any]) -> Teacher:
    """Return a teacher that asks otherwise, with these fields of its options changed; one without options as it is."""
    options = getattr(teacher, "options", None)
    if not changes or not isinstance(options, TeacherOptions):
        return teacher
    changed: Any = teacher
    made: Teacher = replace(changed, options=replace(options, **changes))
    return made


def teacher(
    spec: str, options: TeacherOptions | None = None, *, texts: Callable[[], Iterable[str]] | None = None
) -> Teacher:
    """Return the teacher that ``spec`` names; ``texts`` is what the embedded one is trained on.

    Nothing is loaded or asked yet. Raises ``TeacherError`` that names the spec and what was expected.
    """
    kind, _, rest = spec.partition(":")
    chosen = options or TeacherOptions()
    if kind == "openai" and rest:
        return _openai(spec, rest, chosen)
    if kind == KIND and "@" in rest:
        name, _, revision = rest.rpartition("@")
        return RecordedTeacher(name=name, revision=revision, license=chosen.license)
    if kind == "vllm" and rest:
        from synth.vllm_teacher import VllmTeacher

        return VllmTeacher(model=rest, options=chosen)
    if kind == "transformers" and rest:
        from synth.transformers_teacher import TransformersTeacher

        return TransformersTeacher(model=rest, options=chosen)
    if spec == "embedded":
        return _embedded(texts)
    raise TeacherError(f"teacher is {spec!r}, {EXPECTED}")


def _openai(spec: str, rest: str, options: TeacherOptions) -> Teacher:
    from synth.openai_teacher import OpenAITeacher

    url, _, model = rest.partition("#")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or not model:
        raise TeacherError(
            f"teacher is {spec!r}, expected openai:http://host:port/v1#model: the address of the server's API, and "
            "after # the model as the server names it"
        )
    return OpenAITeacher(url=url, model=model, options=options)


def _embedded(texts: Callable[[], Iterable[str]] | None) -> Teacher:
    from synth.embedded import train

    if texts is None:
        raise TeacherError("teacher is 'embedded', which learns from a recipe's own texts, and this one gives none")
    return train(texts())
