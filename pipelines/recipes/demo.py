"""Every stage on the embedded sample: some 300 rows with planted defects, offline."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

import sources.catalog
from pipelines.recipes import aloe_sft
from pipelines.step import Step
from sources.license import Use

MIRROR = Path(sources.catalog.__file__).parent / "sample"

SAMPLED = ("medmcqa_sample", "medquad", "headqa_en", "pubmedqa", "genmedgpt5k", "mts_dialog")


def recipe(*, license: Use = "any", limit: Annotated[int, Field(ge=1, le=1_000_000_000)] | None = None) -> Step:
    """Build the embedded sample as ``aloe_sft`` builds the real corpora."""
    return aloe_sft.recipe(sources=SAMPLED, license=license, limit=limit)
