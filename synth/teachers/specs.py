"""Teachers by a short name: ``openai:http://localhost:8000/v1#model``, ``vllm:model``, ``llamacpp:file``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from synth.teachers.options import TeacherOptions
from synth.teachers.replay import KIND, RecordedTeacher
from synth.teachers.teacher import Teacher, TeacherError

EXPECTED = (
    "expected openai:http://host:port/v1#model, llamacpp:file.gguf, vllm:folder-or-hub-id, "
    "transformers:folder-or-hub-id, or embedded"
)


ELSEWHERE = ("openai", "llamacpp", "vllm", "transformers")
"""Kinds of teachers whose specs contain an address, a file or a folder of this machine."""


SERVED = ("openai", "llamacpp")
"""Kinds of teachers with a chat interface that return log-probabilities of their likeliest tokens."""


def with_options(teacher: Teacher, changes: Mapping[str, Any]) -> Teacher:
    """Return a teacher with these fields of its options changed; one without options is returned as it is."""
    options = getattr(teacher, "options", None)
    if not changes or not isinstance(options, TeacherOptions):
        return teacher
    changed: Any = teacher
    configured: Teacher = replace(changed, options=replace(options, **changes))
    return configured


def teacher(
    spec: str, options: TeacherOptions | None = None, *, texts: Callable[[], Iterable[str]] | None = None
) -> Teacher:
    """Return the teacher that ``spec`` names; ``texts`` train the embedded teacher.

    Nothing is loaded and no request is sent yet. Raises ``TeacherError`` for an unknown spec.
    """
    kind, _, rest = spec.partition(":")
    chosen = options or TeacherOptions()
    if kind == "openai" and rest:
        return _openai(spec, rest, chosen)
    if kind == KIND and "@" in rest:
        name, _, revision = rest.rpartition("@")
        return RecordedTeacher(name=name, revision=revision, license=chosen.license)
    if kind == "llamacpp" and rest:
        from synth.teachers.llamacpp_model import llamacpp_teacher

        return llamacpp_teacher(rest, chosen)
    if kind == "vllm" and rest:
        from synth.teachers.vllm_model import VllmTeacher

        return VllmTeacher(model=rest, options=chosen)
    if kind == "transformers" and rest:
        from synth.teachers.transformers_model import TransformersTeacher

        return TransformersTeacher(model=rest, options=chosen)
    if spec == "embedded":
        return _embedded(texts)
    raise TeacherError(f"teacher is {spec!r}, {EXPECTED}")


def _openai(spec: str, rest: str, options: TeacherOptions) -> Teacher:
    from synth.teachers.openai_server import OpenAITeacher
    from synth.teachers.server_addresses import addresses

    url, _, model = rest.partition("#")
    servers = [urlsplit(one) for one in addresses(url)]
    if not model or any(one.scheme not in ("http", "https") or not one.hostname for one in servers):
        raise TeacherError(
            f"teacher is {spec!r}, expected openai:http://host:port/v1#model: the address of the server's API, or "
            "several joined by +, and after # the model as the server names it"
        )
    return OpenAITeacher(url=url, model=model, options=options)


def _embedded(texts: Callable[[], Iterable[str]] | None) -> Teacher:
    from synth.teachers.embedded import train

    if texts is None:
        raise TeacherError(
            "teacher is 'embedded', which is trained on the texts of a recipe such as demo, and none are given here; "
            "name another teacher"
        )
    return train(texts())
