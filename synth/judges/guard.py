"""A guard: a model that judges whether an answer is safe, in the reply format of its family (``guard_formats``)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

import polars as pl
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked

from quality.outcome import Outcome
from sources.record import Message
from synth.answers import json_reply
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
from synth.prompting import prompt_files
from synth.teachers.candidates import Author
from synth.teachers.stage import Reading, Stage
from synth.teachers.teacher import Completion, Request, Sampling

__all__ = ["ADVICE_ONLY", "CONTROVERSIAL", "SAFE", "STAGE", "UNPARSED", "UNSAFE", "Guard", "parse", "stage_name"]

PROMPT = "redteam/guard.jinja"
MISSING, NO_TEXT = "missing", "no_text"

OWN_FORMAT: FormatName = "llama-guard-3"
"""The format that our own prompt requests: its categories are numbered like those of Llama Guard 3."""

KINDS = {"verdict": str, "categories": list}
CATEGORY_NAMES = [f"S{number}" for number in range(1, FORMATS[OWN_FORMAT].categories + 1)]
MOST_CATEGORIES = 4
"""A small model that names one category after the other would be cut off, and its verdict would be unread."""

REPLY_SCHEMA = json_reply.object_schema(
    {
        "verdict": {"type": "string", "enum": [SAFE, UNSAFE]},
        "categories": {
            "type": "array",
            "items": {"type": "string", "enum": CATEGORY_NAMES},
            "maxItems": MOST_CATEGORIES,
        },
    }
)
"""The form of replies to our own prompt, where a server can hold them to it."""

Answer = Mapping[str, Any]
"""A row of a table of answers."""


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Guard:
    """The guard model and the format of its requests and replies.

    - ``protocol``: ``chat`` for models whose chat template is the guard's prompt, as Llama Guard's is; ``prompt`` sends
      any instructed model a prompt of ours, whose hash is ``prompts``
    - ``format``: the family of the guard, which determines its categories; by default found from the model's name

    Raises ``ValueError`` under ``chat`` for a model whose format is neither given nor known from its name.
    """

    generated_by: Author
    protocol: Literal["chat", "prompt"] = "chat"
    format: FormatName | None = None
    max_tokens: Annotated[int, Field(ge=4)] = 64
    prompts: str = Field(default_factory=lambda: prompt_files.digest(PROMPT))

    def __post_init__(self) -> None:
        """Refuse a guard whose categories are unknown: S6 is advice in one list and privacy in another."""
        if self.protocol == "chat" and self.format is None and format_of(self.generated_by.name) is None:
            raise ValueError(
                f"guard {self.generated_by.name!r} is of no family known by name, and families number their categories "
                f"differently; set its format to one of {', '.join(FORMATS)}, or its protocol to 'prompt'"
            )

    @property
    def reply_format(self) -> FormatName:
        """The format in which its replies are read."""
        own = OWN_FORMAT if self.protocol == "prompt" else format_of(self.generated_by.name)
        return self.format or own or OWN_FORMAT


def stage_name(answered_stage: str) -> str:
    """Return the name of the stage that judges the answers of another stage."""
    return f"guard/{answered_stage}"


def parse(text: str, config: Guard) -> Parsed:
    """Return (verdict, categories as ``S2,S7``) of a guard's reply, in its own format, that of our prompt, or JSON."""
    reply = json_reply.parse(text, KINDS) if config.protocol == "prompt" else None
    if reply:
        text = "\n".join((reply["verdict"], ",".join(map(str, reply["categories"]))))
    return parse_reply(text, config.reply_format)


def answers_with_text(answers: pl.DataFrame, config: Guard) -> Iterator[Answer]:
    """Yield the answers that have a text, of a table with id, stage, sample, ``prompt`` and text."""
    return answers.filter(pl.col("text").fill_null("") != "").iter_rows(named=True)


def guard_requests(answer: Answer, config: Guard) -> list[Request]:
    """Return the request for the verdict on one answer."""
    messages: tuple[Message, ...]
    if config.protocol == "chat":
        messages = (Message("user", answer["prompt"]), Message("assistant", answer["text"]))
    else:
        prompt = prompt_files.render(PROMPT, request=answer["prompt"], response=answer["text"])
        messages = (Message("user", prompt),)
    schema = REPLY_SCHEMA if config.protocol == "prompt" else None
    sampling = Sampling(temperature=0.0, max_tokens=config.max_tokens, json_schema=schema)
    facts = {"row": answer["id"], "stage": stage_name(answer["stage"]), "sample": answer["sample"]}
    return [Request(**facts, messages=messages, sampling=sampling, reads_text=True)]


def read_verdict(answer: Answer, request: Request, completion: Completion, config: Guard) -> Reading:
    """Return the guard's verdict and categories."""
    return Reading(*parse(completion.text, config)) if completion.readable else Reading(UNPARSED)


def add_verdicts(answers: pl.DataFrame, judged: list[Answer], candidates: pl.DataFrame, config: Guard) -> Outcome:
    """Return the answers with ``guard`` and ``categories``.

    ``guard`` is ``safe``, ``unsafe``, ``advice_only`` (specialised advice and nothing else), ``controversial``,
    ``unparsed``, ``failed`` (the request), ``missing`` (no reply) or ``no_text`` (the answer is empty).
    ``categories`` are those of an unsafe answer, where the guard names any.
    """
    verdicts = {
        (id, stage, sample): (verdict, categories)
        for id, stage, sample, verdict, categories in candidates.select(
            "id", "stage", "sample", "verdict", "parsed"
        ).iter_rows()
    }
    answer_verdicts = [
        verdicts.get((id, stage_name(stage), sample), (MISSING if text else NO_TEXT, None))
        for id, stage, sample, text in answers.select("id", "stage", "sample", "text").iter_rows()
    ]
    columns = pl.DataFrame(answer_verdicts, {"guard": pl.String, "categories": pl.String}, orient="row")
    return Outcome(rows=answers.hstack(columns))


STAGE = Stage(
    items=answers_with_text,
    requests_of=guard_requests,
    read=read_verdict,
    finish=add_verdicts,
    complete_only=False,
    readable=lambda text, config: parse(text, config)[0] != UNPARSED,
    hint="check that the server applies the guard's own chat template and judges the last assistant message (llama.cpp "
    "continues that message instead: set the guard's protocol to 'prompt'), and that its format is the guard's",
)
"""The stage over a table of answers; its outcome's rows are the answers with their verdicts."""
