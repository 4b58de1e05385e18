"""Knobs that recipes share: the type, the limits and the help of each, stated once.

A recipe writes ``limit: knobs.Limit = None``; what is in the docstring of its ``recipe`` under ``Args`` is its own.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from quality.date_gate import Undated
from sources.license import Use
from sources.mapping.own_source import OwnSource, own_source


def refuse_unused(knob: str, value: object, default: object, *, used: object, expected: str) -> None:
    """Raise ``ValueError`` for a knob that was set although nothing uses it; ``expected`` says what would."""
    if value != default and not used:
        raise ValueError(f"{knob}: got {value!r}, expected {expected} with it; it has no effect otherwise")


LicenseUse = Annotated[
    Use,
    Field(
        description="The use that every row must allow: any, share (may be redistributed) or commercial (may be sold)."
    ),
]
OwnSources = Annotated[
    tuple[Annotated[OwnSource, BeforeValidator(own_source)], ...],
    Field(
        description="Own file or folder, or a set of the Hub, as NAME=clinic.csv or NAME=hf://datasets/ORG/SET"
        "@REVISION:CONFIG/SPLIT: csv, tsv, jsonl, json, parquet, arrow, a folder of datasets or xlsx, plain, .gz or "
        ".zst. A TOML file next to it states which column holds what (sabila init FILE proposes it). Without --sources "
        "only these are read. Give the option once for each."
    ),
]
Limit = Annotated[
    Annotated[int, Field(ge=1, le=1_000_000_000)] | None,
    Field(
        description="Read only this many first rows of each source; for trial runs, as the start of a file is no "
        "random sample."
    ),
]
Before = Annotated[
    str | None,
    Field(
        description="Keep only rows from before this date, as in 2020 or 2020-06-30, so that later exams can be held "
        "out; a row with a year alone counts as the last day of the year."
    ),
]
UndatedRows = Annotated[
    Undated,
    Field(description="Only with before: drop or keep rows without a date; both are counted."),
]
NearThreshold = Annotated[
    float, Field(gt=0, le=1, description="Jaccard similarity of the shingles from which two rows are near-duplicates.")
]
NameModel = Annotated[
    str | None,
    Field(
        description="Folder of a token-classification model (transformers) that also masks people's names without a "
        "title, label or other cue, as in models/ner-names; needs the extra local."
    ),
]
SemanticModel = Annotated[
    str | None,
    Field(
        description="Embedding model that finds rewrites and translations of a row, MODEL or MODEL@THRESHOLD: the "
        "folder or Hub name of a sentence-transformers model, model2vec:FOLDER or openai:URL#MODEL."
    ),
]
LeakEmbedder = Annotated[
    str | None,
    Field(
        description="Embedding model that finds benchmark items in other words or languages, MODEL or MODEL@THRESHOLD."
    ),
]
LeakJudge = Annotated[
    str | None,
    Field(
        description="Teacher that judges rows similar to a benchmark item but without its answer, as in "
        "openai:URL#MODEL."
    ),
]
TeacherLicense = Annotated[str, Field(description="Licence of the teacher's output, an SPDX id or LicenseRef-NAME.")]
TeacherRevision = Annotated[
    str | None,
    Field(description="Version of the weights, a Hub revision or, for a server, any text; part of the fingerprint."),
]
JudgeRevision = Annotated[str | None, Field(description="Version of the weights on the judge's server, any text.")]
MaxFailed = Annotated[
    float,
    Field(
        ge=0,
        lt=1,
        description="Share of a step's requests that may fail; their rows are dropped. Above it the step is "
        "incomplete, and the next build sends the failed requests again. Only with a teacher.",
    ),
]
ChainTeachers = Annotated[
    tuple[str, ...],
    Field(
        description="Models of single generators of chains in place of the teacher, as in medqa=openai:URL#MODEL; the "
        "generators are pubmedqa, medqa, medmcqa, headqa, mmlu and polymed."
    ),
]
ChainLicenses = Annotated[
    tuple[str, ...],
    Field(description="Licences of what these models write, as in medqa=Apache-2.0; LicenseRef-unknown unless named."),
]
Samples = Annotated[
    int, Field(ge=1, le=64, description="Chains of thought per question and round; only with a teacher of chains.")
]
Seed = Annotated[int, Field(ge=0, lt=2**31, description="Random seed; the same seed gives the same rows.")]
ValidationShare = Annotated[
    float,
    Field(
        ge=0, le=0.5, description="Share of the rows of each source for a validation split of their own; 0 for none."
    ),
]
TestShare = Annotated[
    float, Field(ge=0, le=0.5, description="Share of the rows of each source for a test split; 0 for none.")
]
SplitSeed = Annotated[
    int,
    Field(
        ge=0,
        lt=2**31,
        description="Random seed of the splits, only with a share for one. A row stays in its split when rows are "
        "added, with the same seed.",
    ),
]
