"""HH-RLHF (Bai et al. 2022): transcripts of people and an assistant with two last replies, one of them preferred.

Only ``harmless-base`` and ``helpful-base``: red-team transcripts have no second reply. Pairs whose prompts differ are
malformed; an empty chosen reply becomes a record, which the rules drop.
"""

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import SchemaReading, collected_card, hub_page, repository_file
from sources.shapes.row_shapes import compared, jsonl, placed, transcript
from sources.source import Raw, Source, held_out

MARKS = {"\n\nHuman:": "user", "\n\nAssistant:": "assistant"}


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one pair of transcripts into a draft with both last replies."""
    chosen, rejected = (transcript(raw.value[side], MARKS) for side in ("chosen", "rejected"))
    return compared(placed(raw, file), chosen, rejected)


HH_RLHF = Source(
    name="hh_rlhf",
    title="HH-RLHF, training pairs",
    home="hf://datasets/Anthropic/hh-rlhf",
    license="MIT",
    license_read="LICENSE of anthropics/hh-rlhf",
    task="preference",
    lang="en",
    kind="preference",
    folder="hh_rlhf",
    files={"train": ("harmless-base/train.jsonl", "helpful-base/train.jsonl")},
    columns={"chosen": "text", "rejected": "text"},
    schema_read=(
        SchemaReading(checked=("columns",), where="the published test file, read whole by tests/test_real_counts_b.py"),
        collected_card("Anthropic/hh-rlhf", "license", result="agrees; 169,352 rows"),
        hub_page(
            "Anthropic/hh-rlhf",
            "tree/441a767/harmless-base",
            "splits",
            "license",
            result="agrees; train.jsonl.gz and test.jsonl.gz, tag mit",
        ),
        repository_file("anthropics/hh-rlhf", "helpful-base/train.jsonl.gz", "splits"),
    ),
    rows=jsonl,
    parse=parse,
)

HH_RLHF_TEST = held_out(
    HH_RLHF,
    "hh_rlhf_test",
    {"test": ("harmless-base/test.jsonl",)},
    title="HH-RLHF, harmless-base test pairs",
    home="https://github.com/anthropics/hh-rlhf",
    published_rows=2_312,
)
