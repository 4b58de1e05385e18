"""Every stage on the embedded sample: some 300 rows with planted defects, offline."""

from __future__ import annotations

from pathlib import Path

import polars as pl

import sources.catalog
from pipelines.build import knobs
from pipelines.build.step import Step
from pipelines.recipes import aloe_sft
from quality.cleaning.rules import Rules
from quality.duplicates.near_settings import SINGLE_TURN
from sources.catalog import SOURCES
from sources.fetch.mirror import mirrored
from sources.license import Use
from sources.read import read
from sources.record import Record
from sources.source import Source
from sources.table import frame
from synth.teachers.embedded import training_texts
from synth.teachers.options import TeacherOptions
from synth.teachers.specs import teacher as teacher_of
from synth.teachers.teacher import Teacher

MIRROR = Path(sources.catalog.__file__).parent / "sample"

SAMPLED = ("medmcqa_sample", "medquad", "headqa_en", "pubmedqa", "genmedgpt5k", "mts_dialog")


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
    validation_share: knobs.ValidationShare = 0.0,
    test_share: knobs.TestShare = 0.0,
    split_seed: knobs.SplitSeed = 0,
    seed: knobs.Seed = 0,
) -> Step:
    """Build the embedded sample like ``aloe_sft``, offline, with a small embedded model as teacher.

    Args:
        teacher: The model that writes chains of thought: openai:URL#MODEL, llamacpp:FILE.gguf, transformers:MODEL,
            vllm:MODEL, or embedded: an n-gram model trained on the sample.
    """
    writer = sample_teacher(teacher, teacher_license, teacher_revision)
    rows = clean_and_deduplicate(license, limit, semantic)
    [rows] = aloe_sft.split_rows(
        rows, shares=(validation_share, test_share), seed=split_seed, near_threshold=SINGLE_TURN
    )
    rows = aloe_sft.generate_chains(
        rows, chosen(), writer, aloe_sft.ChainKnobs(samples=samples, seed=seed), max_failed=max_failed
    )
    return aloe_sft.format_rows(rows, chosen(), seed=seed)


def clean_and_deduplicate(license: Use, limit: int | None, semantic: str | None = None) -> Step:
    """Return the steps from the sample's raw files to its clean rows."""
    return aloe_sft.clean_and_deduplicate(
        chosen(), Rules(), license, SINGLE_TURN, required=True, limit=limit, semantic=semantic
    )


def chosen() -> list[Source]:
    """Return the sources of the sample."""
    return [SOURCES[name] for name in SAMPLED]


def sample_teacher(spec: str, license: str, revision: str | None = None) -> Teacher:
    """Return the teacher of a spec; the embedded one learns from the sample's open texts, which hold no gold answer."""
    options = TeacherOptions(license=license, revision=revision)
    return teacher_of(spec, options, texts=lambda: training_texts(_sample()))


def _sample() -> pl.DataFrame:
    rows = [row for source in chosen() for file in mirrored(source, MIRROR) for row in read(source, file)]
    return frame([row for row in rows if isinstance(row, Record)])
