"""Verified chains of thought for one corpus of multiple-choice questions, MedQA by default."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pipelines.build.step import Step, each_shard, generate_step, pending_teacher
from pipelines.recipes import aloe_sft
from pipelines.recipes.aloe_sft import AdaptiveSamples, MaxFailed, RepairShare
from quality.cleaning.rules import Rules
from quality.duplicates.near_settings import SINGLE_TURN
from sources.catalog import SOURCES
from sources.license import Use
from sources.record import ChainPrompt
from sources.source import Source
from sources.suggest import did_you_mean
from synth.cot.chain_settings import Chains, Cot
from synth.cot.sample_chains import CHAINS
from synth.formatting.require_generated import RequireGenerated, require_generated
from synth.judges.leak_step import model_leaks
from synth.teachers.candidates import author

PLAIN: ChainPrompt = "headqa"
"""The prompt of corpora without their own: any multiple-choice question, no rationale needed."""

NEEDS = "verified chains of thought for the questions"


def recipe(
    *,
    sources: tuple[str, ...] = ("medqa_gbaker",),
    license: Use = "any",
    limit: Annotated[int, Field(ge=1)] | None = None,
    near_threshold: Annotated[float, Field(gt=0, le=1)] = SINGLE_TURN,
    name_model: str | None = None,
    semantic: str | None = None,
    leak_embedder: str | None = None,
    leak_judge: str | None = None,
    teacher: str | None = None,
    teacher_license: str = "LicenseRef-unknown",
    teacher_revision: str | None = None,
    max_failed: MaxFailed = 0.0,
    samples: Annotated[int, Field(ge=1, le=64)] = 4,
    rounds: Annotated[int, Field(ge=1, le=16)] = 3,
    adaptive_samples: AdaptiveSamples = 0,
    repair_share: RepairShare = 0.0,
    hints: Annotated[int, Field(ge=0, le=64)] = 2,
    keep: Annotated[int, Field(ge=1, le=64)] = 1,
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0,
) -> Step:
    """Build chains of thought that reach the gold answer, which the teacher does not see; rows without one are dropped.

    Hints follow STaR (arXiv 2203.14465).

    Args:
        sources: Names of multiple-choice sources, from `sabila sources`.
        license: The use that every row must allow: any, share (may be redistributed) or commercial (may be sold).
        limit: Read only this many first rows of each source; for trial runs, as the start of a file is no random
            sample.
        near_threshold: Jaccard similarity of the shingles from which two rows are near-duplicates.
        name_model: Folder of a token-classification model (transformers) that also masks people's names without a
            title, label or other cue, as in models/ner-names; needs the extra local.
        semantic: Embedding model that finds rewrites and translations of a row, MODEL or MODEL@THRESHOLD: the folder or
            Hub name of a sentence-transformers model, model2vec:FOLDER or openai:URL#MODEL.
        leak_embedder: Embedding model that finds benchmark items in other words or languages, MODEL or MODEL@THRESHOLD.
        leak_judge: Teacher that judges rows similar to a benchmark item but without its answer, as in openai:URL#MODEL.
        teacher: The model that writes chains of thought: openai:URL#MODEL, llamacpp:FILE.gguf, transformers:MODEL or
            vllm:MODEL.
        teacher_license: Licence of the teacher's output, an SPDX id or LicenseRef-NAME.
        teacher_revision: Version of the weights, a Hub revision or, for a server, any text; part of the fingerprint.
        max_failed: Share of a step's requests that may fail; their rows are dropped. Above it the step is incomplete,
            and the next build sends the failed requests again.
        samples: Chains of thought per question and round.
        rounds: Most rounds for a question without a right chain.
        adaptive_samples: The most chains of a question, in place of rounds: one first, and while none is right as many
            more as samples says; 0 leaves it to rounds. The share that is right makes a question easy (0.75 and more),
            medium (0.4), hard or unsolved, in meta.
        repair_share: Largest share of the rows whose wrong chain was repaired once; 0 repairs none. The model names the
            faulty step, and gold must follow from the new chain alone.
        hints: Chains generated with the answer shown after all rounds failed; accepted if a model reaches the gold
            answer from them.
        keep: Most different right chains kept per question.
        seed: Random seed; the same seed gives the same rows.
    """
    chosen = choose(sources)
    rows = aloe_sft.clean_and_deduplicate(
        chosen,
        Rules(),
        license,
        near_threshold,
        required=True,
        limit=limit,
        semantic=semantic,
        name_model=name_model,
        leaks=model_leaks(leak_embedder, leak_judge),
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


def choose(names: tuple[str, ...]) -> list[Source]:
    """Return the multiple-choice sources of these names; ``ValueError`` names one that is none."""
    fitting = {name: source for name, source in SOURCES.items() if source.task == "mcqa"}
    if not names or (unknown := [name for name in names if name not in fitting]):
        got, hint = (repr(unknown[0]), did_you_mean(unknown[0], fitting)) if names else ("none", "")
        raise ValueError(f"sources: got {got}, expected some of {', '.join(fitting)}{hint}")
    return [fitting[name] for name in dict.fromkeys(names)]
