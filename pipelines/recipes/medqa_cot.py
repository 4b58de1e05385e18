"""Verified chains of thought for one corpus of multiple-choice questions, MedQA by default."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from pipelines.build import knobs
from pipelines.build.step import Step, each_shard, generate_step, pending_teacher
from pipelines.recipes import aloe_sft
from pipelines.recipes.aloe_sft import AdaptiveSamples, RepairShare
from quality.cleaning.rules import Rules
from quality.duplicates.near_settings import SINGLE_TURN
from sources.catalog import SOURCES
from sources.mapping.own_source import OwnSource
from sources.record import ChainPrompt
from sources.source import Source
from sources.suggest import did_you_mean
from synth.cot.chain_settings import Chains, Cot
from synth.cot.sample_chains import CHAINS
from synth.formatting.require_generated import RequireGenerated, require_generated
from synth.teachers.candidates import author

PLAIN: ChainPrompt = "headqa"
"""The prompt of corpora without their own: any multiple-choice question, no rationale needed."""

NEEDS = "verified chains of thought for the questions"


def recipe(
    *,
    sources: tuple[str, ...] = (),
    source: knobs.OwnSources = (),
    license: knobs.LicenseUse = "any",
    limit: knobs.Limit = None,
    before: knobs.Before = None,
    undated: knobs.UndatedRows = "drop",
    near_threshold: knobs.NearThreshold = SINGLE_TURN,
    name_model: knobs.NameModel = None,
    semantic: knobs.SemanticModel = None,
    leak_embedder: knobs.LeakEmbedder = None,
    leak_judge: knobs.LeakJudge = None,
    teacher: str | None = None,
    teacher_license: knobs.TeacherLicense = "LicenseRef-unknown",
    teacher_revision: knobs.TeacherRevision = None,
    max_failed: knobs.MaxFailed = 0.0,
    samples: knobs.Samples = 4,
    rounds: Annotated[int, Field(ge=1, le=16)] = 3,
    adaptive_samples: AdaptiveSamples = 0,
    repair_share: RepairShare = 0.0,
    hints: Annotated[int, Field(ge=0, le=64)] = 2,
    keep: Annotated[int, Field(ge=1, le=64)] = 1,
    validation_share: knobs.ValidationShare = 0.0,
    test_share: knobs.TestShare = 0.0,
    split_seed: knobs.SplitSeed = 0,
    seed: knobs.Seed = 0,
) -> Step:
    """Build chains of thought that reach the gold answer, which the teacher does not see; rows without one are dropped.

    Hints follow STaR (arXiv 2203.14465).

    Args:
        sources: Names of multiple-choice sources, from `sabila sources`. By default medqa_gbaker, or none
            with --source.
        teacher: The model that writes chains of thought: openai:URL#MODEL, llamacpp:FILE.gguf, transformers:MODEL or
            vllm:MODEL.
        rounds: Most rounds for a question without a right chain.
        adaptive_samples: The most chains of a question, in place of rounds: one first, and while none is right as many
            more as samples says; 0 leaves it to rounds. The share that is right makes a question easy (0.75 and more),
            medium (0.4), hard or unsolved, in meta.
        repair_share: Largest share of the rows whose wrong chain was repaired once; 0 repairs none. The model names the
            faulty step, and gold must follow from the new chain alone.
        hints: Chains generated with the answer shown after all rounds failed; accepted if a model reaches the gold
            answer from them.
        keep: Most different right chains kept per question.
    """
    chosen = choose(sources, source)
    rows = aloe_sft.clean_and_deduplicate(
        chosen,
        Rules(),
        license,
        near_threshold,
        required=True,
        limit=limit,
        semantic=semantic,
        name_model=name_model,
        leak_embedder=leak_embedder,
        leak_judge=leak_judge,
        max_failed=max_failed,
        dates=aloe_sft.dates_of(before, undated),
    )
    [rows] = aloe_sft.split_rows(
        rows, shares=(validation_share, test_share), seed=split_seed, near_threshold=near_threshold
    )
    writer = aloe_sft.make_teacher(teacher, teacher_license, license, teacher_revision)
    if writer is None:
        waiting = pending_teacher("chains", NEEDS, rows)
        unwritten = RequireGenerated(part="cot", reason="no_teacher", evidence=NEEDS)
        return aloe_sft.format_rows(each_shard("written", require_generated, unwritten, waiting), chosen, seed=seed)
    generators = tuple(
        Cot(
            generated_by=author(writer),
            license=writer.license,
            generator=prompt,
            gold="withheld",
            sources=tuple(source.name for source in own),
            samples=samples,
            rounds=rounds,
            adaptive_samples=adaptive_samples,
            repair_share=repair_share,
            hints=hints,
            keep=keep,
            seed=seed,
        )
        for prompt, own in aloe_sft.by_chain_prompt(chosen, PLAIN).items()
    )
    rows = generate_step("chains", CHAINS, Chains(generators=generators), writer, rows, max_failed=max_failed)
    return aloe_sft.format_rows(each_shard("written", require_generated, WITHOUT_CHAIN, rows), chosen, seed=seed)


WITHOUT_CHAIN = RequireGenerated(part="cot", reason="not_eligible", evidence="no right option among two to ten")


def choose(names: tuple[str, ...], own: Sequence[OwnSource] = ()) -> list[Source]:
    """Return the multiple-choice sources of these names, and the own ones; ``ValueError`` names one that is none."""
    mine = aloe_sft.own_sources(own, ("training",))
    if other := [source.name for source in mine if source.task != "mcqa"]:
        raise ValueError(
            f"source: {other[0]} has no multiple-choice questions, expected options and gold in its mapping"
        )
    names = names or (() if mine else ("medqa_gbaker",))
    fitting = {name: source for name, source in SOURCES.items() if source.task == "mcqa"}
    if unknown := [name for name in names if name not in fitting]:
        hint = did_you_mean(unknown[0], fitting)
        raise ValueError(f"sources: got {unknown[0]!r}, expected some of {', '.join(fitting)}{hint}")
    return [*(fitting[name] for name in dict.fromkeys(names)), *mine]
