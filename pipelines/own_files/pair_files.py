"""Preference pairs from answers in any files, or from answers that a model writes, by a judge or a reward model."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import orjson
import polars as pl

from pipelines.build.progress import show_progress
from pipelines.completions.budget import Spending
from pipelines.completions.cached_teacher import GenerateProgress, cached_teacher
from pipelines.completions.completion_store import FILE
from pipelines.own_files.conversations import TextColumns, read_columns, records_of, without_question
from pipelines.own_files.file_tables import FileAccount, TableError
from pipelines.own_files.row_licenses import bind_licenses, license_column
from pipelines.own_files.score_files import open_rows, refuse_all_failed, write_kept_and_dropped
from sources.fields.names import portable_model
from sources.table import to_json
from synth.preferences.judged_pairs import PairJudge
from synth.preferences.model_answers import (
    ANSWERS,
    JUDGED_ANSWERS,
    TOO_FEW,
    Answers,
    JudgedAnswers,
    RewardedAnswers,
    pair_answers_by_reward,
)
from synth.preferences.pair_rows import keep_source_pairs
from synth.preferences.pair_rules import PairRules
from synth.preferences.reward_margins import RewardMargins, add_reward_margins
from synth.teachers.candidates import FAILED, author
from synth.teachers.embedders import revision_of
from synth.teachers.stage import with_reasons
from synth.teachers.teacher import Teacher

ANSWER_PAIRS = (("response_a", "response_b"), ("answer_a", "answer_b"), ("chosen", "rejected"))
ANSWER_LISTS = ("responses", "answers", "completions", "candidates")

ADDED = ("chosen", "rejected", "chosen_from", "rejected_from", "margin", "generated_by", "judged_by")
"""The columns of a pair, with ``judged_`` before a name that the table has already: the texts, where they are from, the
difference of their rewards, the model that wrote them, and the models that compared them."""

NO_QUESTION = "no_question"


@dataclass(frozen=True, kw_only=True)
class Pairing:
    """How answers are compared: by a judge in both orders, by a reward model, or by both, which must agree.

    ``answers`` are columns of texts, or one of lists; a ``writer`` writes ``samples`` answers in their place.
    """

    judge: Teacher | None = None
    reward: str | None = None
    writer: Teacher | None = None
    answers: Sequence[str] = ()
    samples: int = 2
    min_margin: float = 0.0
    max_length_ratio: float = 4.0
    store: Path = Path("store")
    spending: Spending = field(default_factory=Spending)

    @property
    def rules(self) -> PairRules:
        """The rules of a pair; a prompt of several rows gives one pair."""
        return PairRules(min_margin=self.min_margin, max_length_ratio=self.max_length_ratio)


def write_pairs(
    files: Sequence[Path], out: Path, *, columns: TextColumns, how: Pairing, overwrite: bool = False
) -> FileAccount:
    """Write the rows of ``files`` with a chosen and a rejected answer, and those without a pair, to ``out``.

    The licences of the models that wrote or judged a pair join that of its row. Raises ``TableError`` for a missing
    column.
    """
    rows, schema, number = open_rows(files, out, overwrite=overwrite)
    licenses = [model.license for model in (how.writer, how.judge) if model]
    license_name = license_column(schema, licenses)
    read = read_columns(schema, columns)
    answers = [] if how.writer else answer_columns(schema, how.answers)
    records = records_of(rows.collect(), TextColumns(question=read.question))
    with show_progress(1) as progress:
        if not how.writer:
            records = _with_answers(records, rows.select(answers).collect())
        outcome = _paired(records, how, progress)
    failed = pl.when(drop_reason=f"judge_{FAILED}").then(pl.col("drop_reason")).otherwise(pl.lit(""))
    refuse_all_failed(outcome.pairs.select(failed).to_series(), "the judge")
    names = {name: _free_name(name, schema) for name in ADDED}
    pairs = _pair_columns(outcome, answers, how).rename({"id": number, **names})
    written = rows.join(pairs.lazy(), on=number, how="left", maintain_order="left")
    written = bind_licenses(written, license_name, licenses, pl.col(names["chosen"]).is_not_null())
    drops = outcome.rows.filter(pl.col("drop_reason").is_not_null()).select("id", "drop_reason", "evidence")
    account = write_kept_and_dropped(out, written, drops, number)
    return {
        **account,
        **_without_pair(outcome),
        "question": ", ".join(read.question),
        "answers": ", ".join(answers) or f"{how.samples} of {how.writer.name if how.writer else ''}",
        "folder": str(out),
    }


def _free_name(name: str, taken: Collection[str]) -> str:
    """Return the name of an added column, with ``judged_`` before it until no column has it."""
    while name in taken:
        name = f"judged_{name}"
    return name


def answer_columns(schema: pl.Schema, named: Sequence[str]) -> list[str]:
    """Return the columns of the answers: those named, else those of usual names; one of lists, or two of texts.

    Raises ``TableError`` for a missing column, one of another type, or a single column of texts.
    """
    if missing := [name for name in named if name not in schema]:
        raise TableError(f"column {missing[0]!r} is not in the table; its columns are {', '.join(schema)}")
    lists = [[name] for name in ANSWER_LISTS if schema.get(name) == pl.List(pl.String)]
    pairs = [list(pair) for pair in ANSWER_PAIRS if all(schema.get(name) == pl.String for name in pair)]
    columns = list(named) or next(iter([*pairs, *lists]), [])
    kinds = [schema[name] for name in columns]
    if kinds == [pl.List(pl.String)] or (len(kinds) > 1 and set(kinds) == {pl.String}):
        return columns
    got = ", ".join(f"{name} ({schema[name]})" for name in columns) or "none"
    raise TableError(
        f"the columns of answers are {got}, expected one with lists of texts, or two or more with texts; name them "
        f"with --answer-column, or have answers written by --teacher; the columns are {', '.join(schema)}"
    )


def _with_answers(records: pl.DataFrame, answers: pl.DataFrame) -> pl.DataFrame:
    """Return the records with the answers of each row in ``meta``, equal ones once; the key is the answer's place."""
    metas = []
    for row in answers.iter_rows():
        texts = [text for value in row for text in (value or [] if isinstance(value, list) else [value])]
        places = [n for n, text in enumerate(texts) if (text or "").strip() and text not in texts[:n]]
        facts = [{"sample": n, "key": str(n), "text": texts[n], "teacher": "file", "revision": ""} for n in places]
        metas.append(to_json({"answers": facts}))
    return records.with_columns(pl.Series("meta", metas, pl.String))


class _Paired(NamedTuple):
    """All rows with drop reason and evidence, all proposed pairs, and the keys of the answers of each row's pair."""

    rows: pl.DataFrame
    pairs: pl.DataFrame
    keys: dict[str, tuple[str, str]]


def _paired(records: pl.DataFrame, how: Pairing, progress: GenerateProgress) -> _Paired:
    """Return the outcome of the pairs; rows without a question or two different answers are compared by no model."""
    blank = without_question(records)
    unasked = with_reasons(records.filter(blank), [(NO_QUESTION, None)] * int(blank.sum()))
    outcome = _paired_answers(records.filter(~blank), how, progress)
    return outcome._replace(rows=pl.concat([outcome.rows, unasked]))


def _paired_answers(records: pl.DataFrame, how: Pairing, progress: GenerateProgress) -> _Paired:
    """Return the outcome of the pairs of rows with a question."""
    if how.writer:
        config = Answers(generated_by=author(how.writer), samples=how.samples)
        ask = cached_teacher(how.store / FILE, how.writer, how.spending, progress)
        answered = ANSWERS.run(records, config, ask).rows
    else:
        counts = [len(orjson.loads(meta)["answers"]) for meta in records["meta"]]
        reasons = ((TOO_FEW, to_json({"answers": n})) if n < 2 else (None, None) for n in counts)
        answered = with_reasons(records, reasons)
    few, records = _parted(answered)
    if how.judge is None:
        assert how.reward is not None, "the verb asks for a judge or a reward model"
        rewarded = RewardedAnswers(model=how.reward, revision=revision_of(how.reward), rules=how.rules)
        outcome = pair_answers_by_reward(records, rewarded)
        return _Paired(pl.concat([outcome.rows, few]), outcome.tables["pairs"], _keys(outcome.rows))
    judging = JudgedAnswers(judge=PairJudge(generated_by=author(how.judge)), rules=how.rules)
    ask = cached_teacher(how.store / FILE, how.judge, how.spending, progress)
    outcome = JUDGED_ANSWERS.run(records, judging, ask)
    keys, pairs = _keys(outcome.rows), outcome.tables["pairs"]
    if how.reward is None:
        return _Paired(pl.concat([outcome.rows, few]), pairs, keys)
    undecided, kept = _parted(outcome.rows)
    margins = add_reward_margins(kept, RewardMargins(model=how.reward, revision=revision_of(how.reward))).rows
    unscored, scored = _parted(margins)
    checked = keep_source_pairs(scored, how.rules)
    pairs = pl.concat([pairs, checked.tables["pairs"]], how="diagonal")
    return _Paired(pl.concat([checked.rows, unscored, undecided, few]), pairs, keys)


def _parted(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the dropped rows, and the others without drop reason and evidence."""
    dropped = pl.col("drop_reason").is_not_null()
    return rows.filter(dropped), rows.filter(~dropped).drop("drop_reason", "evidence")


def _keys(rows: pl.DataFrame) -> dict[str, tuple[str, str]]:
    """Return the keys of the chosen and the rejected answer of each row with a pair."""
    kept = rows.filter(pl.col("drop_reason").is_null()).select("id", "meta")
    pairs = {id: orjson.loads(meta)["pair"] for id, meta in kept.iter_rows()}
    return {id: (pair["chosen_key"], pair["rejected_key"]) for id, pair in pairs.items()}


def _pair_columns(outcome: _Paired, answers: Sequence[str], how: Pairing) -> pl.DataFrame:
    """Return id and the columns of ``ADDED`` for the rows with a pair."""
    writer = how.writer.name if how.writer else None
    judges = ([how.judge.name] if how.judge else []) + ([portable_model(how.reward)] if how.reward else [])
    pairs = []
    kept = outcome.rows.filter(pl.col("drop_reason").is_null())
    for id, chosen, rejected, meta in kept.select("id", "response", "rejected", "meta").iter_rows():
        sides = [_origin(key, answers) for key in outcome.keys[id]]
        margin = orjson.loads(meta)["pair"].get("margin")
        pairs.append((id, chosen, rejected, *sides, margin, writer, ", ".join(judges)))
    schema = {"id": pl.String, **dict.fromkeys(ADDED, pl.String), "margin": pl.Float64}
    return pl.DataFrame(pairs, schema, orient="row")


def _origin(key: str, answers: Sequence[str]) -> str | None:
    """Return the column that an answer is from, or its number in a list, from 1; None for a written one."""
    if not answers:
        return None
    return answers[int(key)] if len(answers) > 1 else str(int(key) + 1)


def _without_pair(outcome: _Paired) -> dict[str, int]:
    """Return the reasons of proposed pairs that were dropped, counted."""
    pairs = outcome.pairs.drop_nulls("drop_reason")
    return {
        f"pairs {reason}": count for reason, count in pairs["drop_reason"].value_counts().sort("drop_reason").rows()
    }
