"""Attacks: harmful requests of seven topics and more, each in several styles, with a held-out side.

Topics and styles are those of Aloe Beta's own adversarial set (arXiv 2505.04388, appendix on red teaming), the texts
are ours; jailbreaks of a source are styles too. Held-out styles, topics and requests are in no training row.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from heapq import nsmallest
from typing import Annotated, Any, NamedTuple

import orjson
import polars as pl
import xxhash
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked

from sources.license import joint
from sources.table import SCHEMA, to_json
from synth.preferences.pair_rules import Groups, same_prompts
from synth.prompting import prompt_files

FOLDER = "redteam"
BASELINE = "baseline"
OWN = "own"
OTHER = "other"

TOPICS: dict[str, str] = {
    "self-harm": r"self-?harm|suicid",
    "hate": r"hate|racial|discriminat|toxic|insult|stereotyp",
    "sexual-content": r"\bsex|porn|adult content",
    "weapons": r"weapon|\bguns?\b|firearm|explosive",
    "controlled-substances": r"\bdrugs?\b|substance|alcohol|smoking",
    "medical-misuse": r"health|medic",
    "violent-crime": r"(?<!privacy )violen|terror|murder|assault|kidnap|physical harm|threat",
    "non-violent-crime": r"privacy|fraud|theft|illegal|malware|scheme|launder|financ|economic|crime",
}
"""Aloe's seven topics and one of medical ethics, with the words in a source's labels that mean them; the first fits."""

LABELS = ("policy", "types_of_harm", "specific_harms", "crime", "topics", "topic")
"""Fields of ``meta`` that may name a row's topic."""

SLOT = re.compile(r"[\[{<(][^\])}>\n]{0,40}\b(?:prompt|question|request|query)\b[^\])}>\n]{0,20}[\])}>]", re.IGNORECASE)
"""Where a jailbreak found in the wild wants its request; one without a slot gets it at the end."""


class Style(NamedTuple):
    """A form of a request. Styles of one ``group`` are similar and are held out together."""

    name: str
    family: str
    group: str
    text: str
    license: str | None = None

    def attack(self, request: str) -> str:
        """Return the request in this style."""
        if self.name == BASELINE:
            return request
        if self.family == OWN:
            return prompt_files.render(self.text, request=request)
        return (
            SLOT.sub(lambda _: request, self.text, count=1) if SLOT.search(self.text) else f"{self.text}\n\n{request}"
        )


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Attacks:
    """The number of styles of a request, and the held-out shares of styles, topics and requests.

    Besides the plain request (``baseline``) there are ``own_styles`` of ours and ``found_styles`` of sources. A share
    above 0 holds out at least one. ``source_topics`` are pairs of a source and the topic of all
    its requests; labels name the topics of other rows. ``templates`` is the hash of the files.
    """

    own_styles: Annotated[int, Field(ge=0)] = 3
    found_styles: Annotated[int, Field(ge=0)] = 1
    test_styles: Annotated[float, Field(ge=0, lt=1)] = 0.2
    test_topics: Annotated[float, Field(ge=0, lt=1)] = 0.15
    test_requests: Annotated[float, Field(ge=0, lt=1)] = 0.1
    source_topics: tuple[tuple[str, str], ...] = ()
    seed: Annotated[int, Field(ge=0, lt=2**64)] = 0
    templates: str = Field(default_factory=lambda: prompt_files.digest(FOLDER))

    def __post_init__(self) -> None:
        for source, topic in self.source_topics:
            if topic not in TOPICS:
                raise ValueError(f"{source}: topic is {topic!r}, expected one of {', '.join(TOPICS)}")


ATTACK_SCHEMA = pl.Schema(
    [
        *SCHEMA.items(),
        ("base", pl.String()),
        ("request", pl.String()),
        ("topic", pl.String()),
        ("style", pl.String()),
        ("family", pl.String()),
        ("side", pl.String()),
        ("held_out_by", pl.String()),
    ]
)
"""A record whose prompt is an attack: the row and the plain request it is made of, and ``train`` or ``test``."""


def own_styles() -> tuple[Style, ...]:
    """Return the plain request and the styles under ``prompts/redteam/attacks``."""
    names = prompt_files.names(f"{FOLDER}/attacks", ".jinja")
    files = [Style(name, OWN, name, f"{FOLDER}/attacks/{name}.jinja") for name in names]
    return (Style(BASELINE, BASELINE, BASELINE, ""), *files)


def found_styles(jailbreaks: pl.DataFrame, groups: Groups = same_prompts) -> tuple[Style, ...]:
    """Return one style for each group of similar jailbreaks: the first by id."""
    named = jailbreaks.join(groups(jailbreaks), on="id", maintain_order="left").sort("id")
    first = named.filter(pl.col("id").is_first_distinct() & pl.col("group").is_first_distinct())
    text = pl.col("messages").list.last().struct.field("content")
    return tuple(Style(*values) for values in first.select("id", "source", "group", text, "license").iter_rows())


def requests_to_attack(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows, dropped unless they are plain requests: one message that is no attack itself."""
    turns = pl.col("messages").list.len()
    dressed = pl.col("meta").str.json_path_match("$.base") == "false"
    reason = pl.when(turns != 1).then(pl.lit("several_turns")).when(dressed).then(pl.lit("already_an_attack"))
    evidence = pl.when(turns != 1).then(turns.cast(pl.String)).when(dressed).then(pl.col("meta"))
    return rows.with_columns(drop_reason=reason, evidence=evidence)


def attacks(
    rows: pl.DataFrame, config: Attacks, source_styles: Sequence[Style] = (), groups: Groups = same_prompts
) -> pl.DataFrame:
    """Return the attacks made of ``rows`` (``ATTACK_SCHEMA``), sorted by id; a row keeps its publisher's ``split``.

    ``groups`` returns the groups of similar requests, which are held out together. An attack is under the licences of
    request and jailbreak.
    """
    group_of = dict(groups(rows).select("id", "group").iter_rows())
    topics = dict(config.source_topics)
    bases = [
        (row, topics.get(row["source"]) or topic_of(orjson.loads(row["meta"]))) for row in rows.iter_rows(named=True)
    ]
    styles = own_styles()
    held_out_groups = {
        "style": held_out((style.group for style in (*styles[1:], *source_styles)), config.test_styles, config.seed),
        "topic": held_out((topic for _, topic in bases), config.test_topics, config.seed),
        "request": held_out(group_of.values(), config.test_requests, config.seed),
    }
    attack_rows = [
        _attack(
            row, topic, style, {"style": style.group, "topic": topic, "request": group_of[row["id"]]}, held_out_groups
        )
        for row, topic in bases
        for style in _sample_styles(row["id"], styles, source_styles, config)
    ]
    return pl.DataFrame(attack_rows, ATTACK_SCHEMA).sort("id")


def topic_of(meta: dict[str, Any]) -> str:
    """Return the topic that a row's labels name, ``other`` where they name none of ``TOPICS``."""
    for label in (meta[name] for name in LABELS if meta.get(name)):
        text = " ".join(label) if isinstance(label, list) else str(label)
        for topic, words in TOPICS.items():
            if text == topic or re.search(words, text, re.IGNORECASE):
                return topic
    return OTHER


def held_out(names: Iterable[str], share: float, seed: int) -> frozenset[str]:
    """Return ``share`` of the different names, sampled by ``seed``: at least one if any, never all."""
    ordered = sorted(set(names), key=lambda name: (_draw(name, seed), name))
    count = max(1, round(share * len(ordered))) if share > 0 else 0
    return frozenset(ordered[: min(count, len(ordered) - 1)]) if ordered else frozenset()


def _sample_styles(id: str, styles: Sequence[Style], source_styles: Sequence[Style], config: Attacks) -> list[Style]:
    def draw(some: Sequence[Style], count: int) -> list[Style]:
        return nsmallest(count, some, key=lambda style: (_draw(f"{id} {style.name}", config.seed), style.name))

    return [styles[0], *draw(styles[1:], config.own_styles), *draw(source_styles, config.found_styles)]


def _draw(text: str, seed: int) -> int:
    return xxhash.xxh64_intdigest(text.encode(), seed)


def _attack(
    row: dict[str, Any], topic: str, style: Style, parts: dict[str, str], held_out_groups: dict[str, frozenset[str]]
) -> dict[str, Any]:
    request = row["messages"][-1]["content"]
    by = [name for name, part in parts.items() if part in held_out_groups[name]]
    facts = {"base": row["id"], "topic": topic, "style": style.name, "side": "test" if by else "train"}
    return {
        **{name: row[name] for name in SCHEMA},
        **facts,
        "id": f"{row['id']}/{style.name}",
        "license": joint(filter(None, (row["license"], style.license))),
        "task": "safety",
        "messages": [{"role": "user", "content": style.attack(request)}],
        "response": None,
        "rejected": None,
        "meta": to_json({**orjson.loads(row["meta"]), "attack": facts}),
        "request": request,
        "family": style.family,
        "held_out_by": ",".join(by) or None,
    }
