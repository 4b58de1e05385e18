"""BBQ (Parrish et al. 2022): questions that reveal social bias, with ambiguous or disambiguated context.

``label`` is 0-based. Three of the eleven categories.
"""

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import PUBLISHED_FILES
from sources.shapes.row_shapes import jsonl, mcq
from sources.source import Benchmark, Raw

OPTIONS = ("ans0", "ans1", "ans2")


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one question into a draft; ``groups`` names the group that each option mentions."""
    row = raw.value
    meta = {name: row[name] for name in ("category", "question_polarity", "context_condition")}
    meta["groups"] = [row["answer_info"][name][1] for name in OPTIONS]
    meta["stereotyped_groups"] = row["additional_metadata"]["stereotyped_groups"]
    id = f"{row['category']}-{row['example_id']}"
    return mcq(id, row["question"], [row[name] for name in OPTIONS], row["label"], context=row["context"], meta=meta)


BBQ = Benchmark(
    name="bbq",
    title="BBQ: age, disability, religion",
    home="https://github.com/nyu-mll/BBQ",
    license="CC-BY-4.0",
    license_read="LICENSE of nyu-mll/BBQ",
    task="safety",
    lang="en",
    files={"test": ("data/Age.jsonl", "data/Disability_status.jsonl", "data/Religion.jsonl")},
    schema_read=(PUBLISHED_FILES,),
    rows=jsonl,
    parse=parse,
    published_rows=6_436,
)
