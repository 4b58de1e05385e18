"""A model in a GGUF file, served by llama.cpp on this machine: for a laptop, and where there is no server."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from pathlib import Path

from synth.teachers.llamacpp_server import ServerSettings, check_installed, running_server
from synth.teachers.model_files import gguf_revision
from synth.teachers.openai_server import OpenAITeacher
from synth.teachers.options import TeacherOptions
from synth.teachers.request_errors import MORE_CONTEXT
from synth.teachers.teacher import Answered, Completion, Failure, Request, TeacherError, Usage

MAGIC = b"GGUF"

SLOTS = 8
"""Requests at a time unless ``concurrency`` says otherwise: more gain little on a CPU, and each takes its context."""


@dataclass(frozen=True, kw_only=True)
class LlamaCppTeacher:
    """The model in the GGUF file ``model``. Its server is started at the first request and stopped with this process.

    ``options.concurrency`` is the number of the server's slots, each with ``options.context`` tokens.
    """

    model: str
    options: TeacherOptions = field(default_factory=TeacherOptions)

    @property
    def name(self) -> str:
        """The file's name: its folder differs between machines."""
        return f"llamacpp:{Path(self.model).name}"

    @cached_property
    def revision(self) -> str:
        """The hash of the file's content."""
        return gguf_revision(Path(self.model))

    @property
    def license(self) -> str:
        """The licence of the options."""
        return self.options.license

    @cached_property
    def served(self) -> OpenAITeacher:
        """The running server, as the teacher that it is to a client."""
        slots = self.options.in_flight(SLOTS)
        server = running_server(server_settings(self.model, self.options, slots))
        return OpenAITeacher(
            url=server.url,
            model=Path(self.model).name,
            options=replace(self.options, concurrency=slots),
            key=server.key,
            gone=server.gone,
            known_slots=True,
        )

    def complete(self, requests: Iterable[Request]) -> Iterator[Answered]:
        """Yield every request with its completion or failure as they arrive, each once.

        A prompt or an answer for which the context is too small is a failure. Raises ``TeacherError`` where the server
        cannot be started, or ended too often.
        """
        feed = iter(requests)
        for first in feed:  # nothing is loaded for no request
            for request, outcome in self.served.complete(chain([first], feed)):
                yield request, self._within_context(request, outcome)

    def _within_context(self, request: Request, outcome: Completion | Failure) -> Completion | Failure:
        """Return a failure for an answer that the context cut, which a larger one would not."""
        remedy = f"a larger --context-tokens than {self.options.context} makes room"
        if isinstance(outcome, Failure):
            return replace(outcome, error=outcome.error.replace(MORE_CONTEXT, remedy))
        written = outcome.completion_tokens
        if outcome.ended != "length" or written is None or written >= request.sampling.max_tokens:
            return outcome
        if request.meter is not None:
            request.meter.charge(Usage(prompt_tokens=outcome.prompt_tokens, completion_tokens=written))
        error = f"the context was full after a prompt of {outcome.prompt_tokens} tokens and {written} of the answer"
        return Failure(error=f"{error}; {remedy}", tries=1)


def llamacpp_teacher(path: str, options: TeacherOptions) -> LlamaCppTeacher:
    """Return the teacher of a GGUF file.

    Raises ``TeacherError`` where the file is missing or is none, or llama.cpp is not installed.
    """
    check_gguf(path)
    check_installed(f"llamacpp:{path}")
    return LlamaCppTeacher(model=path, options=options)


def server_settings(model: str, options: TeacherOptions, slots: int, *, embedding: bool = False) -> ServerSettings:
    """Return what the server of a file is started with."""
    return ServerSettings(
        model=str(Path(model).resolve()),
        name=Path(model).name,
        context=options.context,
        slots=slots,
        threads=options.threads or os.cpu_count() or 1,
        embedding=embedding,
    )


def check_gguf(path: str) -> None:
    """Raise ``TeacherError`` for a path that is no GGUF file."""
    file = Path(path)
    if not file.is_file():
        what = "is a folder" if file.is_dir() else "does not exist"
        raise TeacherError(f"teacher is 'llamacpp:{path}', but {path} {what}; expected the path of a .gguf file")
    with file.open("rb") as content:
        magic = content.read(len(MAGIC))
    if magic != MAGIC:
        raise TeacherError(
            f"teacher is 'llamacpp:{path}', but {path} is not a GGUF file: it begins with {magic!r}, expected {MAGIC!r}"
        )
