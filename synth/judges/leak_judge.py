"""A model decides about matches of rows and benchmark items that words or vectors alone do not make certain.

The step before leaves such rows in the set, with their pairs in ``meta`` under ``LEFT_TO_JUDGE``. A pair is cleared by
a plain no alone: without a verdict the row counts as contaminated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, NamedTuple

import orjson
import polars as pl
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked

from quality.decontamination.find_leaks import LEAK_SCHEMA, Judge, drop_table, with_layer_of_judge
from quality.outcome import Outcome
from sources.table import to_json
from synth.answers import json_reply
from synth.answers.extractor import extract
from synth.prompting import prompt_files
from synth.prompting.turns import render_turns
from synth.teachers.candidates import UNPARSED, Author
from synth.teachers.stage import Reading, Stage
from synth.teachers.teacher import Ask, Completion, Request, Sampling, TeacherError

STAGE_NAME = "leak-judge"
PROMPT = "judges/leak.jinja"
YES_NO = ("yes", "no")
REPLY_SCHEMA = json_reply.choice_schema("answer", YES_NO)
SAME, OTHER = "same_question", "other_question"
LEFT_TO_JUDGE = "leak_pairs"
"""The field of ``meta`` with the pairs of a row that are to be judged; it is removed by this step."""

MOST_CHARS = 6000
MAX_TOKENS = 200

Pair = Mapping[str, Any]
"""A row of ``LEAK_SCHEMA``, without the id."""


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class LeakJudge:
    """The model that decides about the pairs of all rows."""

    generated_by: Author
    max_tokens: Annotated[int, Field(ge=8)] = MAX_TOKENS
    prompts: str = Field(default_factory=lambda: prompt_files.digest(PROMPT))


class JudgedPair(NamedTuple):
    """A pair of texts to judge: the row, its number among the row's pairs, the row's text and the item's."""

    id: str
    number: int
    texts: tuple[str, str]


def leave_to_judge(rows: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """Return the rows with their ``pairs`` (``LEAK_SCHEMA``) in ``meta``."""
    of_row: dict[str, list[Pair]] = {}
    for id, *values in pairs.iter_rows():
        of_row.setdefault(id, []).append(dict(zip(pairs.columns[1:], values, strict=True)))
    meta = [
        to_json({**orjson.loads(text), LEFT_TO_JUDGE: of_row[id]}) if id in of_row else text
        for id, text in rows.select("id", "meta").iter_rows()
    ]
    return rows.with_columns(meta=pl.Series(meta, dtype=pl.String))


def pairs_to_judge(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the pairs in ``meta`` (``LEAK_SCHEMA``), row by row."""
    marked = rows.filter(pl.col("meta").str.contains(f'"{LEFT_TO_JUDGE}"', literal=True))
    of_row = ((id, orjson.loads(meta).get(LEFT_TO_JUDGE, ())) for id, meta in marked.select("id", "meta").iter_rows())
    found = [{"id": id, **pair} for id, pairs in of_row for pair in pairs]
    return pl.DataFrame(found, LEAK_SCHEMA)


def texts_to_judge(rows: pl.DataFrame, config: LeakJudge) -> Iterator[JudgedPair]:
    """Yield the different texts that the pairs of a row consist of."""
    for (id,), pairs in pairs_to_judge(rows).group_by("id", maintain_order=True):
        for number, texts in enumerate(dict.fromkeys(map(_texts, pairs.iter_rows(named=True)))):
            yield JudgedPair(str(id), number, texts)


def _texts(pair: Pair) -> tuple[str, str]:
    """Return what of the row is compared, its passage if only that is similar, and the item's text."""
    return (pair["row_text"] if pair["passage"] is None else pair["passage"]), pair["item_text"]


def judge_requests(pair: JudgedPair, config: LeakJudge) -> list[Request]:
    """Return the request about one pair."""
    return [_request(pair, config.max_tokens)]


def _request(pair: JudgedPair, max_tokens: int) -> Request:
    text, item = (one[:MOST_CHARS] for one in pair.texts)
    sampling = Sampling(temperature=0.0, max_tokens=max_tokens, json_schema=REPLY_SCHEMA)
    messages = render_turns(PROMPT, text=text, item=item)
    return Request(row=pair.id, stage=STAGE_NAME, messages=messages, sampling=sampling, sample=pair.number)


def read_decision(pair: JudgedPair, request: Request, completion: Completion, config: LeakJudge) -> Reading:
    """Return whether a completion calls both texts one question."""
    answer = extract(completion.text, YES_NO)
    if answer.decision is None:
        return Reading(UNPARSED, None, answer.how)
    return Reading(SAME if answer.decision == "yes" else OTHER, answer.decision, answer.how)


def drop_judged(rows: pl.DataFrame, judged: list[JudgedPair], candidates: pl.DataFrame, config: LeakJudge) -> Outcome:
    """Return the rows without the pairs in ``meta``; rows with a pair that no verdict clears are dropped.

    The table ``leaks`` has these pairs. A pair that was only suspected has the layer ``judge``.
    """
    verdicts = {(id, sample): one for id, sample, one in candidates.select("id", "sample", "verdict").iter_rows()}
    by_texts = {(pair.id, pair.texts): verdicts.get((pair.id, pair.number)) for pair in judged}
    pairs = pairs_to_judge(rows)
    said = [by_texts[pair["id"], _texts(pair)] for pair in pairs.iter_rows(named=True)]
    agreed = pl.Series([None if one not in (SAME, OTHER) else one == SAME for one in said], dtype=pl.Boolean)
    left = with_layer_of_judge(pairs.with_columns(verdict=agreed).filter(agreed.fill_null(True)))
    drops = drop_table(left)
    plain = rows.with_columns(meta=pl.Series(map(_without_pairs, rows["meta"]), dtype=pl.String))
    return Outcome(rows=plain.join(drops, on="id", how="left", maintain_order="left"), tables={"leaks": left})


def _without_pairs(meta: str) -> str:
    if f'"{LEFT_TO_JUDGE}"' not in meta:
        return meta
    return to_json({name: value for name, value in orjson.loads(meta).items() if name != LEFT_TO_JUDGE})


STAGE = Stage(
    items=texts_to_judge,
    requests_of=judge_requests,
    read=read_decision,
    finish=drop_judged,
    readable=lambda text, config: bool(extract(text, YES_NO).decision),
    hint="expected a last line 'Answer: yes' or 'Answer: no'; use a model that follows its prompt",
)


def judge_of(ask: Ask) -> Judge:
    """Return a judge of pairs of any table; its verdict is None for a reply without a plain yes or no.

    Raises ``TeacherError`` where requests failed: rows would be dropped because a server did not answer.
    """

    def judge(pairs: Sequence[tuple[str, str]]) -> list[bool | None]:
        different = [JudgedPair(str(number), 0, texts) for number, texts in enumerate(dict.fromkeys(pairs))]
        requests = [_request(pair, MAX_TOKENS) for pair in different]
        failed: list[str] = []
        verdicts: dict[tuple[str, str], bool | None] = {}
        for request, reply in ask(requests):
            if isinstance(reply, Completion):
                verdicts[different[int(request.row)].texts] = _verdict(reply)
            else:
                failed.append(reply.error)
        if failed:
            raise TeacherError(
                f"{len(failed):,} of {len(requests):,} requests to the judge failed, the last one with: {failed[-1]}; "
                "call again to send them again, what was answered is kept"
            )
        return [verdicts[texts] for texts in pairs]

    return judge


def _verdict(reply: Completion) -> bool | None:
    decision = extract(reply.text, YES_NO).decision if reply.ended == "stop" else None
    return None if decision is None else decision == "yes"
