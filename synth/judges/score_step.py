"""Scores of rows by models: perplexity, instruction-following difficulty, DEITA and a reward model.

As a step of a recipe they are written to ``meta``, and later steps drop the lowest rows or choose a varied subset.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import orjson
import polars as pl
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass as checked

from quality.embeddings import Embed
from quality.outcome import DROP_SCHEMA, Decision, Outcome, Shards
from quality.scores.deita import PUBLISHED_COMPLEXITY, PUBLISHED_QUALITY, Scorer, add_deita
from quality.scores.digits import NextTokens
from quality.scores.diversity import Diversity, best_rows, select
from quality.scores.likelihood import Continuation, TokenLogprobs, add_ifd, add_perplexity
from quality.scores.score_columns import Above, Lowest, Unscored, add_reward, drop_above, drop_lowest
from sources.fields.names import portable_model
from sources.table import question_text, to_json
from synth.judges.score_models import shared_causal_model, shared_reward_model, teacher_next_tokens
from synth.teachers.embedders import loaded_embedder, revision_of
from synth.teachers.specs import SERVED, teacher
from synth.teachers.token_counts import quarter_of_characters

SCORES = ("perplexity", "ifd", "deita", "reward")
"""Scores of ``Scores``, by the name of their column."""

RUBRIC = "rubric"
"""The mean mark of ``synth.judges.rubric``, which can be ranked by as the other scores can."""


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Scores:
    """The model of each score: a transformers folder or Hub id, and none for scores that are not wanted.

    - ``perplexity``: of the response, given its question
    - ``ifd``: how little the question helps the model to foresee the response
    - ``deita``: complexity × quality; one model for both, or one for each
    - ``reward``: a sequence classifier with one label

    ``revisions`` are hashes of the models' files, in this order.
    """

    perplexity: str | None = None
    ifd: str | None = None
    deita: tuple[str, ...] = ()
    reward: str | None = None
    revisions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.deita) > 2:
            raise ValueError(
                f"deita: got {len(self.deita)} models, expected one, or one for complexity and one for quality"
            )

    @property
    def names(self) -> tuple[str, ...]:
        """The wanted scores, in the order of ``SCORES``."""
        return tuple(name for name in SCORES if getattr(self, name))

    def portable(self) -> Scores:
        """Return the settings with the models named as on any machine."""
        perplexity, ifd, reward = (spec and portable_model(spec) for spec in (self.perplexity, self.ifd, self.reward))
        deita = tuple(map(portable_model, self.deita))
        return replace(self, perplexity=perplexity, ifd=ifd, reward=reward, deita=deita)


def pinned_scores(
    *, perplexity: str | None, ifd: str | None, deita: Sequence[str], reward: str | None = None
) -> Scores:
    """Return the settings with the hashes of the models' files."""
    models = [perplexity, ifd, *deita, reward]
    return Scores(
        perplexity=perplexity,
        ifd=ifd,
        deita=tuple(deita),
        reward=reward,
        revisions=tuple(revision_of(model) for model in models if model),
    )


def add_scores(rows: pl.DataFrame, config: Scores) -> pl.DataFrame:
    """Return ``rows`` (``messages``, ``response``) with a column for each score, null with a ``NAME_reason``."""
    likelihood = remember(_logprobs(config.ifd)) if config.ifd and config.ifd == config.perplexity else None
    if config.perplexity:
        rows = add_perplexity(rows, likelihood or _logprobs(config.perplexity))
    if config.ifd:
        rows = add_ifd(rows, likelihood or _logprobs(config.ifd))
    if config.deita:
        complexity, quality = _next_tokens(config.deita[0]), _next_tokens(config.deita[-1])
        rows = add_deita(
            rows,
            Scorer(prompt=PUBLISHED_COMPLEXITY, next_tokens=complexity),
            Scorer(prompt=PUBLISHED_QUALITY, next_tokens=quality),
        )
    return add_reward(rows, shared_reward_model(config.reward)) if config.reward else rows


def remember(model: TokenLogprobs) -> TokenLogprobs:
    """Return ``model`` with its replies remembered, since perplexity and IFD ask for the same texts."""
    known: dict[Continuation, Sequence[float] | Unscored] = {}

    def ask(continuations: Sequence[Continuation]) -> list[Sequence[float] | Unscored]:
        new = [one for one in dict.fromkeys(continuations) if one not in known]
        known.update(zip(new, model(new) if new else (), strict=True))
        return [known[one] for one in continuations]

    return ask


def _logprobs(path: str) -> TokenLogprobs:
    return shared_causal_model(path).token_logprobs


def _next_tokens(spec: str) -> NextTokens:
    """Return a folder's or Hub id's model with all its logits, or a served one with its likeliest tokens."""
    return (
        teacher_next_tokens(teacher(spec))
        if spec.partition(":")[0] in SERVED
        else shared_causal_model(spec).next_digits
    )


# --- steps of a recipe ---------------------------------------------------------------------------------------------


def score_rows(rows: pl.DataFrame, config: Scores) -> Outcome:
    """Return the rows, in order, with ``scores`` in ``meta``: each score, or null and ``NAME_reason``."""
    scored = add_scores(rows, config)
    columns = [column for name in config.names for column in (name, f"{name}_reason")]
    metas = []
    for meta, scores in zip(scored["meta"], scored.select(columns).iter_rows(named=True), strict=True):
        values = {name: value for name, value in scores.items() if value is not None or name in config.names}
        metas.append(to_json({**orjson.loads(meta), "scores": values}))
    nothing = pl.lit(None, pl.String)
    return Outcome(rows=rows.with_columns(pl.Series("meta", metas, pl.String), drop_reason=nothing, evidence=nothing))


def score_columns(rows: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Return ``id`` and, for each score, its value and reason as ``meta`` has them; rubric marks as their mean."""
    read = []
    for id, meta in rows.select("id", "meta").iter_rows():
        facts = orjson.loads(meta)
        marks = facts.get("rubric")
        scores = {**facts.get("scores", {}), **({RUBRIC: sum(marks.values()) / len(marks)} if marks else {})}
        values = [scores.get(name) for name in names]
        reasons = [
            None if value is not None else scores.get(f"{name}_reason", "the row was not scored")
            for name, value in zip(names, values, strict=True)
        ]
        read.append((id, *values, *reasons))
    schema = {"id": pl.String, **dict.fromkeys(names, pl.Float64)}
    schema |= dict.fromkeys([f"{name}_reason" for name in names], pl.String)
    return pl.DataFrame(read, pl.Schema(schema), orient="row")


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class DropByScore:
    """The rules by which rows are dropped for their scores, one after the other."""

    rules: tuple[Lowest | Above, ...]


def drop_by_score(shards: Shards, config: DropByScore) -> Decision:
    """Name the rows that a rule drops, over all rows."""
    names = list(dict.fromkeys(rule.column for rule in config.rules))
    empty = score_columns(pl.DataFrame(schema={"id": pl.String, "meta": pl.String}), names)
    scored = pl.concat([empty, *(score_columns(rows, names) for rows in shards())])
    return Decision(drops=rows_to_drop(scored, config.rules), tables={"scores": scored.sort("id")})


def rows_to_drop(scored: pl.DataFrame, rules: Sequence[Lowest | Above]) -> pl.DataFrame:
    """Return the rows to drop (``DROP_SCHEMA``): each rule looks at the rows that those before it keep."""
    dropped = [pl.DataFrame(schema=DROP_SCHEMA)]
    for rule in rules:
        dropped.append(drop_lowest(scored, rule) if isinstance(rule, Lowest) else drop_above(scored, rule))
        scored = scored.join(dropped[-1], on="id", how="anti", maintain_order="left")
    return pl.concat(dropped).sort("id")


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class SelectRows:
    """The subset to keep: its score and size, and the embedding model (with the hash of its files) for variety."""

    rule: Diversity
    embedder: str | None = None
    revision: str = ""

    def portable(self) -> SelectRows:
        """Return the settings with the model named as on any machine."""
        return replace(self, embedder=self.embedder and portable_model(self.embedder))


def select_rows(shards: Shards, config: SelectRows) -> Decision:
    """Name the rows that are not in the subset. All texts and vectors are in memory."""
    score = config.rule.score
    parts = [_texts(rows).join(score_columns(rows, [score]), on="id", maintain_order="left") for rows in shards()]
    if not parts:
        return Decision(drops=pl.DataFrame(schema=DROP_SCHEMA))
    embed = loaded_embedder(config.embedder) if config.embedder else None
    return Decision(drops=selected_rows(pl.concat(parts), config, embed))


def selected_rows(rows: pl.DataFrame, config: SelectRows, embed: Embed | None) -> pl.DataFrame:
    """Return the rows to drop (``DROP_SCHEMA``) of a table of ``id``, ``text``, ``tokens`` and the score.

    With an embedding model rows are also compared by meaning; it is asked for the texts of the best rows alone.
    """
    if embed is None:
        return best_rows(rows, config.rule)
    return select(rows, lambda places: embed(rows["text"].gather(places).to_list()), config.rule).drops


def _texts(rows: pl.DataFrame) -> pl.DataFrame:
    """Return id, question with response, and the estimated tokens of both."""
    text = pl.concat_str(question_text(), pl.col("response").fill_null(""), separator="\n")
    read = rows.select("id", text=text)
    return read.with_columns(quarter_of_characters(read["text"]).alias("tokens"))


def drop_rules(lowest: Sequence[str], above: Sequence[str], scores: Sequence[str]) -> tuple[Lowest | Above, ...]:
    """Return the rules of texts such as ``deita=0.1`` and ``ifd=1``; a number alone is for the only score there is.

    Rows above a limit are dropped before the lowest share. Raises ``ValueError`` for a score that is not computed, and
    for a share that is not between 0 and 1.
    """
    limits = [
        Above(column=name, limit=value) for name, value in (_parse_limit("drop_above", one, scores) for one in above)
    ]
    shares = []
    for text in lowest:
        name, value = _parse_limit("drop_lowest", text, scores)
        if not 0 < value < 1:
            raise ValueError(f"drop_lowest: got {text!r}, expected a share between 0 and 1, as in {name}=0.1")
        shares.append(Lowest(column=name, share=value))
    return (*limits, *shares)


def _parse_limit(knob: str, text: str, scores: Sequence[str]) -> tuple[str, float]:
    name, _, number = text.rpartition("=")
    name = name or (scores[0] if len(scores) == 1 else "")
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if name not in scores or math.isnan(value):
        names = f"one of {', '.join(scores)}" if scores else "a score, of which none is computed"
        raise ValueError(f"{knob}: got {text!r}, expected NAME=NUMBER with NAME {names}")
    return name, value


def selection(by: str, rows: int | None, tokens: int | None, spec: str | None, most_similar: float) -> SelectRows:
    """Return the settings of a subset by score and size."""
    rule = Diversity(score=by, most_similar=most_similar, size=rows, budget_tokens=tokens)
    return SelectRows(rule=rule, embedder=spec, revision=revision_of(spec) if spec else "")
