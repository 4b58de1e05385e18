"""A guard: a model that judges whether an answer is safe, in the reply format of its family (``guard_formats``)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal

import polars as pl
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked

from sources.record import Message
from synth.judges.guard_formats import (
    ADVICE_ONLY,
    CONTROVERSIAL,
    FORMATS,
    SAFE,
    UNPARSED,
    UNSAFE,
    FormatName,
    Parsed,
    format_of,
    parse_reply,
)
from synth.judges.readable_verdicts import require_readable
from synth.prompting import templates as prompt_files
from synth.teachers.candidates import Author, candidate, candidate_table
from synth.teachers.teacher import Answered, Completion, Failure, Request, Sampling

__all__ = ["ADVICE_ONLY", "CONTROVERSIAL", "SAFE", "UNPARSED", "UNSAFE", "Guard", "judge", "parse", "requests", "stage"]

PROMPT = "redteam/guard.jinja"
FAILED, MISSING, UNASKED = "failed", "missing", "unasked"

OWN_FORMAT: FormatName = "llama-guard-3"
"""The format that our own prompt requests: its categories are numbered like those of Llama Guard 3."""

HINT = (
    "check that the server applies the guard's own chat template and judges the last assistant message (llama.cpp "
    "continues that message instead: set the guard's protocol to 'prompt'), and that its format is the guard's"
)


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Guard:
    """Which model judges, and how its replies read.

    - ``protocol``: ``chat`` for models whose chat template is the guard's prompt, as Llama Guard's is; ``prompt`` sends
      any instructed model a prompt of ours, whose hash is ``prompts``
    - ``format``: the family of the guard, which decides its categories; by default found from the model's name

    Raises ``ValueError`` under ``chat`` for a model whose format is neither given nor known from its name.
    """

    by: Author
    protocol: Literal["chat", "prompt"] = "chat"
    format: FormatName | None = None
    max_tokens: Annotated[int, Field(ge=4)] = 64
    prompts: str = Field(default_factory=lambda: prompt_files.digest(PROMPT))

    def __post_init__(self) -> None:
        """Refuse a guard whose categories are unknown: S6 is advice in one list and privacy in another."""
        if self.protocol == "chat" and self.format is None and format_of(self.by.name) is None:
            raise ValueError(
                f"guard {self.by.name!r} is of no family known by name, and families number their categories "
                f"differently; set its format to one of {', '.join(FORMATS)}, or its protocol to 'prompt'"
            )

    @property
    def reply_format(self) -> FormatName:
        """The format in which its replies are read."""
        own = OWN_FORMAT if self.protocol == "prompt" else format_of(self.by.name)
        return self.format or own or OWN_FORMAT


def stage(of: str) -> str:
    """Return the name of the stage that judges the answers of stage ``of``."""
    return f"guard/{of}"


def requests(answers: pl.DataFrame, config: Guard) -> list[Request]:
    """Return one request for each answer that has a text: a table with id, stage, sample, ``asked`` and text."""
    given = answers.filter(pl.col("text").fill_null("") != "").select("id", "stage", "sample", "asked", "text")
    sampling = Sampling(temperature=0.0, max_tokens=config.max_tokens)
    return [
        Request(row=id, stage=stage(of), messages=_exchange(asked, text, config), sampling=sampling, sample=sample)
        for id, of, sample, asked, text in given.iter_rows()
    ]


def judge(answers: pl.DataFrame, answered: Iterable[Answered], config: Guard) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the answers with ``guard`` and ``categories``, and the guard's completions (``CANDIDATE_SCHEMA``).

    ``guard`` is ``safe``, ``unsafe``, ``advice_only`` (specialised advice and nothing else), ``controversial``,
    ``unparsed``, ``failed`` (the request), ``missing`` (no reply) or ``unasked`` (an answer without a text).
    ``categories`` are those of an unsafe answer, where the guard names any. Raises ``TeacherError`` for a guard whose
    first replies are all unreadable.
    """
    verdicts: dict[tuple[str, str, int], tuple[str, str | None]] = {}
    judged: list[dict[str, Any]] = []
    readable = require_readable(answered, lambda text: parse(text, config)[0] != UNPARSED, config.by.name, HINT)
    for request, answer in readable:
        verdict, categories = _verdict(answer, config)
        verdicts[request.row, request.stage, request.sample] = verdict, categories
        judged.append(candidate(request, answer, config.by, verdict, categories))
    found = [
        verdicts.get((id, stage(of), sample), (MISSING if text else UNASKED, None))
        for id, of, sample, text in answers.select("id", "stage", "sample", "text").iter_rows()
    ]
    columns = pl.DataFrame(found, {"guard": pl.String, "categories": pl.String}, orient="row")
    return pl.concat([answers, columns], how="horizontal"), candidate_table(judged)


def parse(text: str, config: Guard) -> Parsed:
    """Return (verdict, categories as ``S2,S7``) of a guard's reply, in its own format or that of our prompt."""
    return parse_reply(text, config.reply_format)


def _verdict(answer: Completion | Failure, config: Guard) -> Parsed:
    if isinstance(answer, Failure):
        return FAILED, None
    return parse(answer.text, config) if answer.readable else (UNPARSED, None)


def _exchange(asked: str, text: str, config: Guard) -> tuple[Message, ...]:
    if config.protocol == "chat":
        return Message("user", asked), Message("assistant", text)
    return (Message("user", prompt_files.render(PROMPT, request=asked, response=text)),)
