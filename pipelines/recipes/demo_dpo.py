"""Preference pairs from the embedded sample: right chains of thought against wrong ones of the same model."""

from __future__ import annotations

from pipelines.build import knobs
from pipelines.build.step import Step, each_shard, generate_step
from pipelines.recipes import aloe_sft, demo
from synth.formatting.render_prompts import render_prompts
from synth.preferences.chain_pairs import CHAIN_PAIRS, ChainPairs

MIRROR = demo.MIRROR


def recipe(
    *,
    license: knobs.LicenseUse = "any",
    limit: knobs.Limit = None,
    semantic: knobs.SemanticModel = None,
    teacher: str = "embedded",
    teacher_license: knobs.TeacherLicense = "LicenseRef-unknown",
    teacher_revision: knobs.TeacherRevision = None,
    max_failed: knobs.MaxFailed = 0.0,
    samples: knobs.Samples = 4,
    seed: knobs.Seed = 0,
) -> Step:
    """Build preference pairs from the sample's MedMCQA rows, reusing the completions of ``demo``.

    Args:
        teacher: The model that writes chains of thought: openai:URL#MODEL, llamacpp:FILE.gguf, transformers:MODEL,
            vllm:MODEL, or embedded: an n-gram model trained on the sample.
    """
    writer = demo.sample_teacher(teacher, teacher_license, teacher_revision)
    medmcqa = aloe_sft.by_chain_prompt(demo.chosen())["medmcqa"]
    chains = aloe_sft.chains("medmcqa", medmcqa, writer, aloe_sft.ChainKnobs(samples=samples, seed=seed))
    rows = demo.clean_and_deduplicate(license, limit, semantic)
    config = ChainPairs(chains=chains)
    pairs = generate_step("pairs", CHAIN_PAIRS, config, writer, rows, max_failed=max_failed)
    return each_shard("render-prompts", render_prompts, None, pairs)
