"""MedSafetyBench (Han et al. 2024): harmful medical requests by GPT-4 and Llama-2, each with a safe response.

Nine categories after the principles of medical ethics of the American Medical Association. There is no unsafe response.
"""

import re

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import PUBLISHED_FILES
from sources.shapes.row_shapes import qa, table
from sources.source import Raw, Source, held_out

PLACE = re.compile(r"(?P<split>train|test)/(?P<author>gpt4|llama2)/\D+_category_(?P<category>\d)\.csv$")


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one request into a draft; author and category come from the file's name, the unnamed column counts rows."""
    place = PLACE.search(file.name)
    if place is None:
        raise ValueError(f"file is {file.name!r}, expected …/(train|test)/(gpt4|llama2)/…_category_<n>.csv")
    split, author, category = place.groups()
    row, safe = raw.value, raw.value["safe_response"]
    id = f"{split}-{author}-{category}-{row['']}"
    meta = {"author": author, "category": int(category)}
    return qa(id, row["harmful_medical_request"], safe, response=safe, meta=meta)


MEDSAFETYBENCH = Source(
    name="medsafetybench",
    title="MedSafetyBench, training set",
    home="https://github.com/AI4LIFE-GROUP/med-safety-bench",
    license="MIT",
    license_read="LICENSE of AI4LIFE-GROUP/med-safety-bench",
    task="safety",
    lang="en",
    kind="safety",
    folder="medsafetybench",
    files={"train": ("datasets/train/*/med_safety_demonstrations_category_*.csv",)},
    schema_read=(PUBLISHED_FILES,),
    rows=table,
    parse=parse,
    published_rows=900,
    attack_topic="medical-misuse",
)

MEDSAFETYBENCH_TEST = held_out(
    MEDSAFETYBENCH,
    "medsafetybench_test",
    {"test": ("datasets/test/*/med_safety_demonstrations_category_*.csv",)},
    title="MedSafetyBench, test set",
)
