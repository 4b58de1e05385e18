"""The supervised fine-tuning set of Aloe Beta (arXiv 2505.04388), from the Hub or from a mirror."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pipelines.step import Step, asking_step, await_teacher, each_shard, read, whole_set
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
from sources.source import USUAL_RANK, Source
from synth import cot
from synth.candidates import author
from synth.compose import compose
from synth.cot_config import Cot
from synth.generators import Name
from synth.instructions import Instructions, instruct
from synth.specs import TeacherOptions
from synth.specs import teacher as teacher_of
from synth.stages import write_chains
from synth.teacher import Teacher

KINDS = ("training", "general")

GENERATORS: dict[Name, tuple[str, ...]] = {
    "medmcqa": ("medmcqa_sample", "medmcqa_hub"),
    "medqa": ("medqa_gbaker", "medqa_gbaker_hf", "medqa_openlifescience", "medqa_bigbio"),
    "headqa": ("headqa_en", "headqa_hub_en", "headqa_openlifescience"),
    "pubmedqa": ("pubmedqa", "pubmedqa_hpai", "pubmedqa_labelled", "pubmedqa_artificial"),
    "mmlu": ("mmlu_auxiliary",),
}
"""Aloe's generators of chains of thought, and the sources whose rows each is for."""


def recipe(
    *,
    sources: Annotated[tuple[str, ...], Field(min_length=1)] = ("available",),
    license: Use = "any",
    limit: Annotated[int, Field(ge=1, le=1_000_000_000)] | None = None,
    max_row_chars: Annotated[int, Field(ge=100, le=1_000_000_000)] = 60_000,
    min_answer_chars: Annotated[int, Field(ge=1, le=10_000)] = 3,
    language_confidence: Annotated[float, Field(gt=0, le=1)] = 0.8,
    near_threshold: Annotated[float, Field(gt=0, le=1)] = SINGLE_TURN,
    teacher: str | None = None,
    teacher_license: str = "LicenseRef-unknown",
    samples: Annotated[int, Field(ge=1, le=64)] = 4,
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0,
) -> Step:
    """Build Aloe's supervised set: medical and general rows, cleaned, without duplicates, ready to tune on.

    ``sources`` is "available" for all that can be read, "all" to insist on every one, or names; ``license`` is the
    use every row must allow; ``limit`` reads that many rows a source. ``teacher`` writes the chains of thought: a spec
    such as openai:http://localhost:8000/v1#model; ``teacher_license`` is that of what it writes.
    """
    rules = Rules(
        max_row_chars=max_row_chars, min_answer_chars=min_answer_chars, language_confidence=language_confidence
    )
    chosen = choose(sources)
    rows = curated(chosen, rules, license, near_threshold, required=sources != ("available",), limit=limit)
    asked = teacher_of(teacher, TeacherOptions(license=teacher_license)) if teacher else None
    return finished(reasoned(rows, chosen, asked, samples=samples, seed=seed), seed=seed)


def curated(
    chosen: list[Source], rules: Rules, license: Use, near_threshold: float, *, required: bool, limit: int | None
) -> Step:
    """Return the steps from raw files to rows that may stay: cleaned, distinct, unseen by benchmarks, private."""
    rows = [clean_source(source, rules, required=required, limit=limit) for source in chosen]
    if license != "any":
        rows = [each_shard("license", license_gate, LicenseGate(use=license), *rows)]
    ranks = tuple((source.name, source.rank) for source in chosen if source.rank != USUAL_RANK)
    distinct = whole_set("exact", exact_duplicates, Exact(source_ranks=ranks), *rows)
    near = NearRecords(single=NearRules(threshold=near_threshold), source_ranks=ranks)
    unlike = whole_set("near", near_duplicate_records, near, distinct, remembers=True)
    benchmarks = tuple(read(benchmark, required=False) for benchmark in BENCHMARKS.values())
    unseen = each_shard("leaks", drop_leaks, Decontaminate(), unlike, beside=benchmarks)
    return each_shard("privacy", screen, Privacy(), unseen)


def clean_source(source: Source, rules: Rules, *, required: bool, limit: int | None) -> Step:
    """Return the steps of one source: read it, then clean it."""
    repairs = ((source.name, tuple(sorted(source.repairs))),) if source.repairs else ()
    config = Clean(normalise=Normalise(repairs=repairs), rules=rules)
    return each_shard(f"clean-{source.name}", clean, config, read(source, required=required, limit=limit))


def reasoned(rows: Step, chosen: list[Source], teacher: Teacher | None, *, samples: int, seed: int) -> Step:
    """Return the steps that write verified chains of thought for multiple-choice rows; those without one stay as is."""
    names = {source.name for source in chosen}
    if teacher is None:
        return await_teacher("cot", "verified chains of thought for the multiple-choice rows", rows)
    for generator, sources in GENERATORS.items():
        if not names & set(sources):
            continue
        config = chains(generator, sources, teacher, samples=samples, seed=seed)
        rows = asking_step(f"cot-{generator}", write_chains, cot.requests, config, teacher, rows)
    return rows


def chains(generator: Name, sources: tuple[str, ...], teacher: Teacher, *, samples: int, seed: int) -> Cot:
    """Return the settings of one generator: gold is shown, as Aloe does, and a row without a right chain passes."""
    return Cot(
        by=author(teacher),
        license=teacher.license,
        generator=generator,
        gold="given",
        sources=sources,
        samples=samples,
        unanswered="pass",
        seed=seed,
    )


def finished(rows: Step, *, seed: int) -> Step:
    """Return the steps that make prompts and responses of rows: options listed, instructions drawn."""
    return each_shard("instruct", instruct, Instructions(seed=seed), each_shard("compose", compose, None, rows))


def choose(names: tuple[str, ...]) -> list[Source]:
    """Return the sources of these names, or all of the kinds this recipe takes."""
    fitting = {name: source for name, source in SOURCES.items() if source.kind in KINDS}
    if names in (("available",), ("all",)):
        return list(fitting.values())
    if unknown := [name for name in names if name not in fitting]:
        raise ValueError(f"sources: got {unknown[0]!r}, expected available, all, or some of {', '.join(fitting)}")
    return [fitting[name] for name in dict.fromkeys(names)]
