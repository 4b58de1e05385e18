"""The 167 tasks written by clinicians from which MedInstruct-52k grew (Zhang et al. 2023, AlpaCare); no answers."""

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import PUBLISHED_FILES
from sources.shapes.row_shapes import instructed, json_list, numbered
from sources.source import Raw, Source

ABOUT = ("topic", "view", "type", "difficulty")


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one task into a draft without an answer; ``<noinput>`` is no input."""
    row = raw.value
    meta = {name: row[name] for name in ABOUT}
    return instructed(numbered(raw, file), row["instruction"], row["input"], "", meta=meta)


MEDINSTRUCT_SEED = Source(
    name="medinstruct_seed",
    title="MedInstruct, seed tasks",
    home="https://github.com/XZhang97666/AlpaCare",
    license="CC-BY-NC-4.0",
    license_read="DATA_LICENSE of XZhang97666/AlpaCare",
    task="qa",
    lang="en",
    folder="medinstruct",
    files={"train": ("data/med_seed.json",)},
    schema_read=(PUBLISHED_FILES,),
    rows=json_list,
    parse=parse,
    published_rows=167,
)
