"""Preference pairs from the embedded sample: right chains of thought against wrong ones of the same model."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pipelines.build.step import Step, each_shard, generate_step
from pipelines.recipes import aloe_sft, demo
from pipelines.recipes.aloe_sft import MaxFailed
from sources.license import Use
from synth.formatting.render_prompts import render_prompts
from synth.preferences.chain_pairs import CHAIN_PAIRS, ChainPairs

MIRROR = demo.MIRROR


def recipe(
    *,
    license: Use = "any",
    limit: Annotated[int, Field(ge=1, le=1_000_000_000)] | None = None,
    semantic: str | None = None,
    teacher: str = "embedded",
    teacher_license: str = "LicenseRef-unknown",
    teacher_revision: str | None = None,
    max_failed: MaxFailed = 0.0,
    samples: Annotated[int, Field(ge=1, le=64)] = 4,
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0,
) -> Step:
    """Build preference pairs from the sample's MedMCQA rows, reusing the completions of ``demo``.

    Args:
        license: The use that every row must allow: any, share (may be redistributed) or commercial (may be sold).
        limit: Read only this many first rows of each source; for trial runs, as the start of a file is no random
            sample.
        semantic: Embedding model that finds rewrites and translations of a row, MODEL or MODEL@THRESHOLD: the folder or
            Hub name of a sentence-transformers model, model2vec:FOLDER or openai:URL#MODEL.
        teacher: The model that writes chains of thought: openai:URL#MODEL, llamacpp:FILE.gguf, transformers:MODEL,
            vllm:MODEL, or embedded: an n-gram model trained on the sample.
        teacher_license: Licence of the teacher's output, an SPDX id or LicenseRef-NAME.
        teacher_revision: Version of the weights, a Hub revision or, for a server, any text; part of the fingerprint.
        max_failed: Share of a step's requests that may fail; their rows are dropped. Above it the step is incomplete,
            and the next build sends the failed requests again.
        samples: Chains of thought per question and round.
        seed: Random seed; the same seed gives the same rows.
    """
    writer = demo.sample_teacher(teacher, teacher_license, teacher_revision)
    medmcqa = aloe_sft.by_chain_prompt(demo.chosen())["medmcqa"]
    chains = aloe_sft.chains("medmcqa", medmcqa, writer, aloe_sft.ChainKnobs(samples=samples, seed=seed))
    rows = demo.clean_and_deduplicate(license, limit, semantic)
    config = ChainPairs(chains=chains)
    pairs = generate_step("pairs", CHAIN_PAIRS, config, writer, rows, max_failed=max_failed)
    return each_shard("render-prompts", render_prompts, None, pairs)
