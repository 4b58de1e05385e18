"""Scores as columns, each with the reason where it is missing, and the rows dropped by score.

A missing score is null with a reason; no number replaces it. Explicit rules decide about ties and rows without a
score.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple, TypeAlias, TypeVar

import polars as pl
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked

from quality.outcome import DROP_SCHEMA
from sources.errors import SabilaError

T = TypeVar("T")
U = TypeVar("U")


class ScorerFailedError(SabilaError, ValueError):
    """A scorer that gave no score to most rows: it failed, and not the rows."""


class Unscored(NamedTuple):
    """The reason for a missing score."""

    reason: str


Score: TypeAlias = float | Unscored
Rewards: TypeAlias = Callable[[Sequence[Sequence[tuple[str, str]]]], Sequence[Score]]
"""A reward model: conversations of (role, content) in, one number each out."""


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Lowest:
    """Drop the lowest ``share`` of the rows with a score in ``column``: ⌊share · rows⌋ of them, except ties.

    ``ties`` decides about equal scores on both sides of that limit: "keep" keeps them all, "drop" drops them all,
    "by_id" drops the exact number, first ids first. Rows without a score are dropped too, as in Aloe (arXiv
    2505.04388), or kept with ``unscored`` "keep". A share of them above ``most_unscored`` means that the scorer failed,
    and is an error.
    """

    column: str
    share: float = Field(default=0.1, gt=0, lt=1)
    ties: Literal["keep", "drop", "by_id"] = "keep"
    unscored: Literal["drop", "keep"] = "drop"
    most_unscored: float = Field(default=0.5, ge=0, le=1)


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Above:
    """Rows with a score in ``column`` above ``limit`` are dropped, as for an IFD above 1 (arXiv 2308.12032)."""

    column: str
    limit: float


def add_score(rows: pl.DataFrame, name: str, scores: Sequence[Score]) -> pl.DataFrame:
    """Return ``rows`` with ``name`` (Float64) and ``name_reason``: exactly one of the two is null in every row."""
    if len(scores) != len(rows):
        raise ValueError(f"{len(scores)} scores for {len(rows)} rows, expected one each")
    checked_scores = [finite(score) for score in scores]
    return rows.with_columns(
        pl.Series(name, [None if isinstance(s, Unscored) else s for s in checked_scores], pl.Float64),
        pl.Series(f"{name}_reason", [s.reason if isinstance(s, Unscored) else None for s in checked_scores], pl.String),
    )


def finite(score: Score) -> Score:
    """Return a score unchanged, or the reason why a NaN or an infinity is none."""
    if isinstance(score, Unscored) or math.isfinite(score):
        return score
    return Unscored(f"the score is {score}, expected a finite number")


def score_replies(model: Callable[[Sequence[T]], Sequence[U]], requests: Sequence[T]) -> list[U]:
    """Return one reply per request; ``ValueError`` where the model returned another number of them."""
    replies = list(model(requests)) if requests else []
    if len(replies) != len(requests):
        raise ValueError(f"{len(replies)} replies to {len(requests)} requests, expected one each")
    return replies


def ask_possible(model: Callable[[Sequence[T]], Sequence[U]], requests: Sequence[T | Unscored]) -> list[U | Unscored]:
    """Return one reply per request; a request that could not be made keeps its reason and is not sent."""
    possible = [request for request in requests if not isinstance(request, Unscored)]
    replies = iter(score_replies(model, possible))
    return [request if isinstance(request, Unscored) else next(replies) for request in requests]


def reward_scores(conversations: Sequence[Sequence[tuple[str, str]]], rewards: Rewards) -> list[Score]:
    """Return a reward model's number for each conversation, judged on its last reply.

    Rewards are relative: compare those of one model for replies to one prompt, not across models.
    """
    return ask_possible(rewards, [_judgeable(conversation) for conversation in conversations])


def add_reward(rows: pl.DataFrame, rewards: Rewards) -> pl.DataFrame:
    """Return ``rows`` (``messages``, ``response``) with ``reward`` and ``reward_reason``."""
    conversations = [
        [*((message["role"], message["content"]) for message in messages), ("assistant", response or "")]
        for messages, response in rows.select("messages", "response").iter_rows()
    ]
    return add_score(rows, "reward", reward_scores(conversations, rewards))


def drop_lowest(rows: pl.DataFrame, rule: Lowest) -> pl.DataFrame:
    """Return the rows to drop (``DROP_SCHEMA``), sorted by id: ``low_<column>`` and ``unscored_<column>``.

    ``rows`` has ``id``, the column and its ``_reason``. Raises ``ValueError`` where a score is NaN or infinite,
    ``ScorerFailedError`` where too many rows have none.
    """
    scored, missing = _scored_and_missing(rows, rule)
    ranked = scored.sort(rule.column, "id").with_row_index("rank", 1)
    count = math.floor(rule.share * len(ranked) + 1e-9)  # 0.29 · 100 is 28.999… in binary
    score = pl.col(rule.column)
    if count == 0:
        low = ranked.head(0)
    elif rule.ties == "by_id":
        low = ranked.head(count)
    elif rule.ties == "keep":
        low = ranked.filter(score < ranked[rule.column][count])
    else:
        low = ranked.filter(score <= ranked[rule.column][count - 1])
    seen = ({"score": value, "rank": rank, "of": len(ranked), "share": rule.share} for rank, value in _pairs(low, rule))
    gone = [_drop_table(low, f"low_{rule.column}", seen)]
    if rule.unscored == "drop":
        reasons = ({"reason": reason} for reason in missing[f"{rule.column}_reason"])
        gone.append(_drop_table(missing, f"unscored_{rule.column}", reasons))
    return pl.concat(gone).sort("id")


def drop_above(rows: pl.DataFrame, rule: Above) -> pl.DataFrame:
    """Return the rows to drop (``DROP_SCHEMA``), sorted by id: ``high_<column>``; rows without a score are kept."""
    high = rows.filter(pl.col(rule.column) > rule.limit).sort("id")
    evidence = ({"score": score, "limit": rule.limit} for score in high[rule.column])
    return _drop_table(high, f"high_{rule.column}", evidence)


def check_scores(scores: pl.Series) -> None:
    """Raise ``ValueError`` where a score is neither null nor a finite number."""
    if not scores.dtype.is_numeric():
        raise ValueError(f"column {scores.name!r} is {scores.dtype}, expected numbers")
    strange = scores.filter(scores.is_finite().not_().fill_null(False))
    if len(strange):
        raise ValueError(f"column {scores.name!r} holds {strange[0]}, expected finite numbers or null with a reason")


def _judgeable(conversation: Sequence[tuple[str, str]]) -> Sequence[tuple[str, str]] | Unscored:
    if not conversation or conversation[-1][0] != "assistant" or not conversation[-1][1].strip():
        return Unscored("the conversation does not end in a reply")
    if not any(text.strip() for _, text in conversation[:-1]):
        return Unscored("the row has no question")
    return conversation


def _scored_and_missing(rows: pl.DataFrame, rule: Lowest) -> tuple[pl.DataFrame, pl.DataFrame]:
    check_scores(rows[rule.column])
    has = pl.col(rule.column).is_not_null()
    scored, missing = rows.filter(has), rows.filter(~has)
    if len(missing) > rule.most_unscored * len(rows):
        reasons = missing[f"{rule.column}_reason"].value_counts(sort=True).head(3).rows()
        raise ScorerFailedError(
            f"{len(missing)} of {len(rows)} rows have no {rule.column}, expected {rule.most_unscored:.0%} at most: the "
            f"scorer failed, not the rows; the commonest reasons are {reasons}"
        )
    return scored, missing


def _pairs(low: pl.DataFrame, rule: Lowest) -> Iterator[tuple[int, float]]:
    return zip(low["rank"], low[rule.column], strict=True)


def _drop_table(rows: pl.DataFrame, reason: str, evidence: Iterable[Mapping[str, object]]) -> pl.DataFrame:
    texts = [json.dumps(seen, ensure_ascii=False) for seen in evidence]
    return pl.DataFrame({"id": rows["id"], "drop_reason": [reason] * len(rows), "evidence": texts}, DROP_SCHEMA)
