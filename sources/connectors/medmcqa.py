"""MedMCQA (Pal et al. 2022), the official validation set with explanations, from MIRAGE.

The file is JSON Lines in spite of its name; ``cop`` is 1-based here, unlike on the Hub.
"""

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import PUBLISHED_FILES
from sources.shapes.row_shapes import jsonl, mcq, one_based
from sources.source import Benchmark, Raw

OPTIONS = ("opa", "opb", "opc", "opd")
ABOUT = ("subject_name", "topic_name", "choice_type")


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one line into a draft; the explanation is its rationale."""
    row = raw.value
    options = [row[name] for name in OPTIONS]
    meta = {name: row[name] for name in ABOUT}
    return mcq(row["id"], row["question"], options, one_based(row["cop"]), rationale=row["exp"], meta=meta)


MEDMCQA_DEV = Benchmark(
    name="medmcqa_dev",
    title="MedMCQA, official validation with explanations",
    home="https://github.com/medmcqa/medmcqa",
    license="Apache-2.0",
    license_read="tag of openlifescienceai/medmcqa; LICENSE.md of medmcqa/medmcqa (MIT) is for the code",
    task="mcqa",
    lang="en",
    folder="medmcqa",
    files={"validation": ("data/dev.json",)},
    schema_read=(PUBLISHED_FILES,),
    rows=jsonl,
    parse=parse,
    published_rows=4_183,
    evaluated_as="medmcqa",
    evaluated_split="validation",
    subset_field="subject_name",
    likelihood_prompt="listed_choice",
    multimedqa=True,
)
