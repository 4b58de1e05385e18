"""Margins of preference pairs by a reward model, one scale for the pairs of all corpora."""

from __future__ import annotations

from dataclasses import replace

import orjson
import polars as pl
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass as checked

from quality.outcome import Outcome
from quality.scores.score_columns import Unscored, reward_scores
from sources.fields.names import portable_model
from sources.table import to_json
from synth.judges.score_models import shared_reward_model
from synth.preferences.propose_pairs import SCORES
from synth.teachers.model_files import model_name
from synth.teachers.stage import with_reasons

UNSCORED = "unscored_reward"


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class RewardMargins:
    """The reward model, a transformers folder or Hub id, with the hash of its files."""

    model: str
    revision: str = ""

    def portable(self) -> RewardMargins:
        """Return the settings with the model named as on any machine."""
        return replace(self, model=portable_model(self.model))


def add_reward_margins(rows: pl.DataFrame, config: RewardMargins) -> Outcome:
    """Return the rows, in order, with the rewards of their two answers in ``meta``, in place of the corpus's scores.

    Those are kept under ``source_scores``. A pair of which one answer cannot be scored is dropped (``unscored_reward``)
    with the reason as evidence; a row without two answers is kept as it is.
    """
    sides = [
        [
            [*((message["role"], message["content"]) for message in messages), ("assistant", text)]
            for text in (response, rejected)
        ]
        for messages, response, rejected in rows.select("messages", "response", "rejected").iter_rows()
        if response is not None and rejected is not None
    ]
    conversations = [one for pair in sides for one in pair]
    rewards = iter(reward_scores(conversations, shared_reward_model(config.model)) if conversations else ())
    metas, reasons = [], []
    for meta, response, rejected in rows.select("meta", "response", "rejected").iter_rows():
        reason: tuple[str | None, str | None] = (None, None)
        if response is not None and rejected is not None:
            scores = [next(rewards), next(rewards)]
            if unscored := [score.reason for score in scores if isinstance(score, Unscored)]:
                reason = (UNSCORED, unscored[0])
            else:
                facts = orjson.loads(meta)
                before = {name: facts[name] for name in SCORES if name in facts}
                kept = {"source_scores": before} if before else {}
                rewards_of_pair = {**dict(zip(SCORES, scores, strict=True)), "reward": model_name(config.model)}
                meta = to_json({**facts, **kept, **rewards_of_pair})
        metas.append(meta)
        reasons.append(reason)
    return Outcome(rows=with_reasons(rows.with_columns(pl.Series("meta", metas, pl.String)), reasons))
