"""The prompts of the red team: held-out harmful requests in every style, and benign look-alikes.

Requests are those of the catalog's safety benchmarks, which no recipe trains on. Each is sent plainly and in the
styles of ``synth/redteam``; benign prompts are XSTest's and a medical set of this project.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import orjson
import polars as pl

from sources.catalog import BENCHMARKS, SOURCES
from sources.errors import SabilaError
from sources.record import Record
from synth.prompting import prompt_files
from synth.redteam.attacks import BASELINE, OTHER, Style, own_styles, topic_of
from training.evaluation.corpus_rows import CorpusPlace, by_hash

MEDICAL_SET = "overrefusal/medical.jsonl"
MEDICAL, XSTEST_SAFE, XSTEST_UNSAFE = "medical_overrefusal", "xstest_safe", "xstest_unsafe"

PROMPT_SCHEMA = pl.Schema(
    {
        "id": pl.String(),
        "set": pl.String(),
        "base": pl.String(),
        "topic": pl.String(),
        "style": pl.String(),
        "messages": pl.List(pl.Struct({"role": pl.String, "content": pl.String})),
    }
)
"""A prompt: the set that it belongs to, the request it is made of, its topic, and its style (``baseline`` if plain)."""

ATTACKS = "attacks"


class RedTeamError(SabilaError):
    """A red team without prompts: no safety corpus is available, or an unknown style."""


def attack_prompts(
    requests: Sequence[Record], styles: Sequence[Style], topics: Mapping[str, str], limit: int, seed: int
) -> pl.DataFrame:
    """Return ``limit`` requests in every style, as many of each topic as there are; the same for the same ``seed``.

    A larger limit holds all prompts of a smaller one. ``topics`` are those of whole corpora; labels name others.
    """
    place: dict[str, int] = {}
    in_turn = []
    for row in by_hash(requests, seed):
        topic = topics.get(row.source) or _topic(row)
        place[topic] = place.get(topic, -1) + 1
        in_turn.append((place[topic], topic, row))
    in_turn.sort(key=lambda one: (one[0], one[1]))
    prompts = [
        _prompt(f"{row.id}/{style.name}", ATTACKS, row.id, topic, style.name, style.attack(row.messages[-1].content))
        for _, topic, row in in_turn[:limit]
        for style in styles
    ]
    return pl.DataFrame(prompts, PROMPT_SCHEMA)


def _topic(row: Record) -> str:
    """Return the topic that a row's labels or its category name, or ``other``."""
    topic = topic_of(dict(row.meta))
    if topic == OTHER and row.meta.get("category"):
        return topic_of({"topic": str(row.meta["category"])})
    return topic


def chosen_styles(names: Sequence[str]) -> tuple[Style, ...]:
    """Return the plain request and the styles of these names, all without any name."""
    known = {style.name: style for style in own_styles()}
    if unknown := [name for name in names if name not in known]:
        raise RedTeamError(f"style is {unknown[0]!r}, expected some of {', '.join(known)}")
    chosen = {BASELINE, *names} if names else known.keys()
    return tuple(style for name, style in known.items() if name in chosen)


def harmful_requests(place: CorpusPlace) -> list[Record]:
    """Return the plain requests of the safety benchmarks that are available.

    A request of several turns, one that comes with a text to work on, a prompt that is an attack already and one that
    the corpus calls safe are left out.
    """
    safety = (corpus for corpus in BENCHMARKS.values() if corpus.task == "safety")
    return [row for corpus in safety for row in place.rows(corpus) if _is_plain_request(row)]


def corpus_topics() -> dict[str, str]:
    """Return the topic of every held-out corpus whose training part names one for all of its requests."""
    by_folder = {source.folder: source.attack_topic for source in SOURCES.values() if source.attack_topic}
    return {corpus.name: topic for corpus in BENCHMARKS.values() if (topic := by_folder.get(corpus.folder))}


def xstest_prompts(place: CorpusPlace) -> pl.DataFrame:
    """Return XSTest's prompts in two sets, the safe ones and the unsafe ones that look like them."""
    prompts = []
    for row in place.rows(BENCHMARKS["xstest"]):
        name = XSTEST_SAFE if row.meta["label"] == "safe" else XSTEST_UNSAFE
        topic = str(row.meta["type"]).removeprefix("contrast_")
        prompts.append(_prompt(row.id, name, row.id, topic, BASELINE, row.messages[-1].content))
    return pl.DataFrame(prompts, PROMPT_SCHEMA)


def medical_prompts() -> pl.DataFrame:
    """Return the benign questions of clinicians that a model tends to refuse; each has a note why it is benign."""
    entries = [orjson.loads(line) for line in prompt_files.lines(MEDICAL_SET)]
    prompts = [
        _prompt(f"{MEDICAL}:{one['id']}", MEDICAL, one["id"], one["topic"], BASELINE, one["prompt"]) for one in entries
    ]
    return pl.DataFrame(prompts, PROMPT_SCHEMA)


def benign_answers(corpus: str, place: CorpusPlace, count: int, seed: int) -> pl.DataFrame:
    """Return ``count`` questions of a training corpus with their answers, which a guard should find safe."""
    if corpus not in SOURCES:
        raise RedTeamError(f"corpus is {corpus!r}, expected a source that `sabila sources` lists")
    rows = by_hash((row for row in place.rows(SOURCES[corpus]) if row.answer and len(row.messages) == 1), seed)
    table = [(row.id, row.messages[-1].content, row.answer) for row in rows[:count]]
    return pl.DataFrame(table, {"id": pl.String, "prompt": pl.String, "text": pl.String}, orient="row")


def _prompt(id: str, group: str, base: str, topic: str, style: str, text: str) -> dict[str, object]:
    messages = [{"role": "user", "content": text}]
    return {"id": id, "set": group, "base": base, "topic": topic, "style": style, "messages": messages}


def _is_plain_request(row: Record) -> bool:
    dressed = row.meta.get("base") is False or row.meta.get("text_type") not in (None, "user_message")
    called_safe = row.meta.get("prompt_label") == "safe"
    return not (row.options or row.context or "label" in row.meta or dressed or called_safe or len(row.messages) != 1)
