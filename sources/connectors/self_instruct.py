"""Self-Instruct (Wang et al. 2023): the 175 seed tasks, and the 252 user-oriented tasks that are its evaluation set."""

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import PUBLISHED_FILES
from sources.shapes.row_shapes import instructed, jsonl
from sources.source import Raw, Source, held_out


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one task into a draft; every published task has one instance."""
    row = raw.value
    if len(row["instances"]) != 1:
        raise ValueError(f"{len(row['instances'])} instances, expected 1")
    instance = row["instances"][0]
    meta = {name: row[name] for name in ("name", "is_classification", "motivation_app") if name in row}
    return instructed(row["id"], row["instruction"], instance["input"], instance["output"], meta=meta)


SELF_INSTRUCT_SEED = Source(
    name="self_instruct_seed",
    title="Self-Instruct, seed tasks",
    home="https://github.com/yizhongw/self-instruct",
    license="Apache-2.0",
    license_read="LICENSE of yizhongw/self-instruct",
    task="instruction",
    lang="en",
    kind="general",
    folder="self_instruct_seed",
    files={"train": ("data/seed_tasks.jsonl",)},
    schema_read=(PUBLISHED_FILES,),
    rows=jsonl,
    parse=parse,
    published_rows=175,
    mix_part="instruction",
)

USER_ORIENTED_INSTRUCTIONS = held_out(
    SELF_INSTRUCT_SEED,
    "user_oriented_instructions",
    {"test": ("human_eval/user_oriented_instructions.jsonl",)},
    title="Self-Instruct, user-oriented tasks of the human evaluation",
    published_rows=252,
)
