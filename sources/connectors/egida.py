"""Egida (Garcia-Gasulla et al. 2025): reviewed unsafe questions in 27 topics, alone and under attack styles.

Egida-S is the training split, Egida-test the test split; the whole set, the split ``full``, is not read. A question
without attack has the style ``BaseInstruction``.
"""

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import hub_page, public_code
from sources.shapes.row_shapes import json_rows, placed, qa
from sources.source import Raw, Source, held_out


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one question into a prompt; ``meta["topics"]`` lists all its topics."""
    row = raw.value
    meta = {
        "uuid": row["uuid"],
        "source": row["source"],
        "style": row["style"],
        "base": row["style"] == "BaseInstruction",
        "topics": sorted(topic for topic, belongs in row["topics"].items() if belongs),
    }
    return qa(placed(raw, file), row["question"], None, meta=meta)


EGIDA = Source(
    name="egida",
    title="Egida-S, training split",
    home="hf://datasets/HPAI-BSC/Egida",
    license="Apache-2.0",
    license_read="tag of the Hub card; questions come from nine sets with terms of their own",
    task="safety",
    lang="en",
    kind="safety",
    folder="egida",
    files={"train": ("Egida-S.json",)},
    columns={"uuid": "text", "source": "text?", "style": "text", "question": "text", "topics": "object"},
    schema_read=(
        hub_page(
            "HPAI-BSC/Egida",
            "blob/908dad3/README.md",
            "splits",
            "license",
            result="mended: the test split is Egida-test.json, Egida.json the full set; tag apache-2.0",
        ),
        public_code('load_dataset("HPAI-BSC/Egida", "Egida", split="test")', "columns"),
    ),
    rows=json_rows,
    parse=parse,
)

EGIDA_TEST = held_out(EGIDA, "egida_test", {"test": ("Egida-test.json",)}, title="Egida, test split")
