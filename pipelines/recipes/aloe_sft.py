"""The supervised fine-tuning set of Aloe Beta (arXiv 2505.04388), from the Hub or from a mirror."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pipelines.step import Step, await_teacher, each_shard, read, whole_set
from quality.clean import Clean, clean
from quality.decontaminate import Decontaminate
from quality.exact import Exact, exact_duplicates
from quality.leaking_rows import drop_leaks
from quality.license_gate import LicenseGate, license_gate
from quality.near_records import NearRecords, near_duplicate_records
from quality.near_rules import SINGLE_TURN, NearRules
from quality.normalise import Normalise
from quality.privacy import Privacy, screen
from quality.rules import Rules
from sources.catalog import BENCHMARKS, SOURCES
from sources.license import Use
from sources.source import Source
from synth.compose import compose

KINDS = ("training", "general")


def recipe(
    *,
    sources: Annotated[tuple[str, ...], Field(min_length=1)] = ("available",),
    license: Use = "any",
    limit: Annotated[int, Field(ge=1, le=1_000_000_000)] | None = None,
    max_row_chars: Annotated[int, Field(ge=100, le=1_000_000_000)] = 60_000,
    min_answer_chars: Annotated[int, Field(ge=1, le=10_000)] = 3,
    language_confidence: Annotated[float, Field(gt=0, le=1)] = 0.8,
    near_threshold: Annotated[float, Field(gt=0, le=1)] = SINGLE_TURN,
) -> Step:
    """Build Aloe's supervised set: medical and general rows, cleaned, without duplicates, ready to tune on.

    ``sources`` is "available" for all that can be read, "all" to insist on every one, or names; ``license`` is the
    use every row must allow; ``limit`` reads that many rows a source.
    """
    rules = Rules(
        max_row_chars=max_row_chars, min_answer_chars=min_answer_chars, language_confidence=language_confidence
    )
    chosen = choose(sources)
    required = sources != ("available",)
    rows = [clean_source(source, rules, required=required, limit=limit) for source in chosen]
    if license != "any":
        rows = [each_shard("license", license_gate, LicenseGate(use=license), *rows)]
    ranks = tuple((source.name, source.rank) for source in chosen)
    distinct = whole_set("exact", exact_duplicates, Exact(source_ranks=ranks), *rows)
    unlike = whole_set("near", near_duplicate_records, near_rules(near_threshold, ranks), distinct)
    benchmarks = tuple(read(benchmark, required=False) for benchmark in BENCHMARKS.values())
    unseen = each_shard("leaks", drop_leaks, Decontaminate(), unlike, beside=benchmarks)
    private = each_shard("privacy", screen, Privacy(), unseen)
    reasoned = await_teacher("cot", "verified chains of thought for the multiple-choice rows", private)
    return each_shard("compose", compose, None, reasoned)


def near_rules(threshold: float, ranks: tuple[tuple[str, int], ...]) -> NearRecords:
    """Return the settings of the near-duplicate step for a threshold of single-turn rows."""
    return NearRecords(single=NearRules(threshold=threshold), source_ranks=ranks)


def choose(names: tuple[str, ...]) -> list[Source]:
    """Return the sources of these names, or all of the kinds this recipe takes."""
    fitting = {name: source for name, source in SOURCES.items() if source.kind in KINDS}
    if names in (("available",), ("all",)):
        return list(fitting.values())
    if unknown := [name for name in names if name not in fitting]:
        raise ValueError(f"sources: got {unknown[0]!r}, expected available, all, or some of {', '.join(fitting)}")
    return [fitting[name] for name in dict.fromkeys(names)]


def clean_source(source: Source, rules: Rules, *, required: bool, limit: int | None) -> Step:
    """Return the steps of one source: read it, then clean it."""
    repairs = ((source.name, tuple(sorted(source.repairs))),) if source.repairs else ()
    config = Clean(normalise=Normalise(repairs=repairs), rules=rules)
    return each_shard(f"clean-{source.name}", clean, config, read(source, required=required, limit=limit))
