"""Several answers of a model to each open question, and the preference pairs among them.

A judge compares two answers in both orders, or a reward model scores all of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated

import orjson
import polars as pl
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked

from quality.outcome import Outcome
from quality.scores.score_columns import Unscored, reward_scores
from sources.fields.names import portable_model
from sources.record import Message, Record
from sources.table import frame, records, to_json
from synth.judges.score_models import shared_reward_model
from synth.preferences.judged_pairs import PairJudge, pairwise_stage
from synth.preferences.pair_rows import pair_rows
from synth.preferences.pair_rules import PairRules, decide
from synth.preferences.propose_pairs import by_reward
from synth.prompting.generators import question_of
from synth.teachers.candidates import UNPARSED, Author
from synth.teachers.stage import DerivedStage, Reading, Stage, with_reasons
from synth.teachers.teacher import Completion, Request, Sampling
from synth.teachers.thinking import control_marks

STAGE_NAME = "answers"
ANSWERED, CONTROL_MARKS = "answered", "control_marks"
TOO_FEW = "too_few_answers"

FACTS = ("sample", "key", "text", "teacher", "revision")
"""The fields of each answer in ``meta["answers"]``."""


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Answers:
    """The model that answers each question ``samples`` times, the licence of its answers, and how."""

    generated_by: Author
    license: str | None = None
    samples: Annotated[int, Field(ge=2)] = 2
    temperature: Annotated[float, Field(ge=0)] = 0.8
    max_tokens: Annotated[int, Field(ge=16)] = 800
    seed: Annotated[int, Field(ge=0, lt=2**64)] = 0


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class JudgedAnswers:
    """The judge, the rules for a pair, and the licences of all models involved."""

    judge: PairJudge
    rules: PairRules = Field(default_factory=PairRules)
    licenses: tuple[str, ...] = ()


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class RewardedAnswers:
    """The reward model with the hash of its files, the rules for a pair, and the licences of the answers."""

    model: str
    revision: str = ""
    rules: PairRules = Field(default_factory=PairRules)
    licenses: tuple[str, ...] = ()

    def portable(self) -> RewardedAnswers:
        """Return the settings with the model named as on any machine."""
        return replace(self, model=portable_model(self.model))


def eligible_records(rows: pl.DataFrame, config: Answers) -> Iterator[Record]:
    """Yield all rows: the recipe chooses their sources."""
    return records(rows)


def answer_requests(record: Record, config: Answers) -> list[Request]:
    """Return the requests for the answers to one question, with its context before it."""
    question = "\n\n".join(filter(None, (record.context, question_of(record))))
    sampling = Sampling(temperature=config.temperature, max_tokens=config.max_tokens, seed=config.seed)
    return [
        Request(
            row=record.id, stage=STAGE_NAME, messages=(Message("user", question),), sampling=sampling, sample=sample
        )
        for sample in range(config.samples)
    ]


def read_answer(record: Record, request: Request, completion: Completion, config: Answers) -> Reading:
    """Return whether a completion is an answer: a text without control tokens."""
    if mark := control_marks(completion.text):
        return Reading(CONTROL_MARKS, None, mark)
    return Reading(ANSWERED if completion.text.strip() else UNPARSED)


def add_answers(rows: pl.DataFrame, eligible: list[Record], candidates: pl.DataFrame, config: Answers) -> Outcome:
    """Return the rows, in order, with their answers under ``answers`` in ``meta``.

    A row with fewer than two answers of different text is dropped (``too_few_answers``) with its verdicts as evidence.
    """
    answers_by_id: dict[str, list[dict[str, object]]] = {record.id: [] for record in eligible}
    verdicts: dict[str, Counter[str]] = {record.id: Counter() for record in eligible}
    for one in candidates.select("id", "verdict", *FACTS).iter_rows(named=True):
        verdicts[one["id"]][one["verdict"]] += 1
        if one["verdict"] == ANSWERED and one["text"] not in [other["text"] for other in answers_by_id[one["id"]]]:
            answers_by_id[one["id"]].append({name: one[name] for name in FACTS})
    written, reasons = [], []
    for record in records(rows):
        answers = answers_by_id.get(record.id, [])
        written.append(replace(record, meta={**record.meta, "answers": answers}))
        few = len(answers) < 2
        reasons.append((TOO_FEW, to_json(verdicts.get(record.id, {}))) if few else (None, None))
    return Outcome(rows=with_reasons(frame(written), reasons))


ANSWERS = Stage(items=eligible_records, requests_of=answer_requests, read=read_answer, finish=add_answers)


def answers_of(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the answers in ``meta`` as candidates for pairs."""
    candidates = [
        {"id": id, "stage": STAGE_NAME, "verdict": ANSWERED, **answer}
        for id, meta in rows.select("id", "meta").iter_rows()
        for answer in orjson.loads(meta).get("answers", ())
    ]
    names = ("id", "stage", "verdict", *FACTS)
    schema = {name: pl.Int64 if name == "sample" else pl.String for name in names}
    return pl.DataFrame(candidates, pl.Schema(schema))


EXPECTED_CHARS = 1_200
"""Characters of an answer that is not written yet, for forecasts."""


def with_expected_answers(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows, those that were not answered yet with two texts of usual length, for a forecast."""
    filler = [(n, str(n) * EXPECTED_CHARS) for n in (1, 2)]
    expected: list[dict[str, object]] = [
        {**dict.fromkeys(FACTS, ""), "sample": n, "key": str(n), "text": text} for n, text in filler
    ]
    metas = []
    for meta in rows["meta"]:
        facts = orjson.loads(meta)
        metas.append(meta if "answers" in facts else to_json({**facts, "answers": expected}))
    return rows.with_columns(pl.Series("meta", metas, pl.String))


def pair_judged_answers(rows: pl.DataFrame, judged: Outcome, config: JudgedAnswers) -> Outcome:
    """Return the rows with a chosen and a rejected answer; rows without a pair are dropped (``no_pair``)."""
    return _paired(rows, judged.tables["pairs"], config.rules, config.licenses)


JUDGED_ANSWERS = DerivedStage(
    stage=pairwise_stage(answers_of),
    derive=lambda rows, config: (with_expected_answers(rows), config.judge),
    finish=pair_judged_answers,
)


def pair_answers_by_reward(rows: pl.DataFrame, config: RewardedAnswers) -> Outcome:
    """Return the rows with the answers of higher and lower reward as a pair; the margin is the difference."""
    answers = answers_of(rows)
    prompts = {
        id: [(message["role"], message["content"]) for message in messages]
        for id, messages in rows.select("id", "messages").iter_rows()
    }
    conversations = [[*prompts[id], ("assistant", text)] for id, text in answers.select("id", "text").iter_rows()]
    rewards = reward_scores(conversations, shared_reward_model(config.model)) if conversations else []
    values = [None if isinstance(reward, Unscored) else reward for reward in rewards]
    scored = answers.with_columns(pl.Series("score", values, pl.Float64))
    return _paired(rows, by_reward(scored, seed=config.rules.seed), config.rules, config.licenses)


def _paired(rows: pl.DataFrame, pairs: pl.DataFrame, rules: PairRules, licenses: tuple[str, ...]) -> Outcome:
    decided = decide(pairs, rows, rules)
    metas = []
    for meta in rows["meta"]:
        facts = orjson.loads(meta)
        metas.append(to_json({name: value for name, value in facts.items() if name != "answers"}))
    plain = rows.with_columns(pl.Series("meta", metas, pl.String))
    return Outcome(rows=pair_rows(plain, decided, licenses), tables={"pairs": decided})
