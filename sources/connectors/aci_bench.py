"""ACI-Bench (Yim et al. 2023): whole doctor–patient visits, as tokenised speech, and the clinical note of each.

Upstream says that some speaker tags are swapped. ``encounter_id`` is unique across the files.
"""

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import PUBLISHED_FILES
from sources.shapes.row_shapes import qa, table
from sources.source import Raw, Source, held_out

FOLDER = "data/challenge_data"


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one visit into a draft whose answer is the note."""
    row = raw.value
    return qa(row["encounter_id"], row["dialogue"], row["note"], meta={"recording": row["dataset"]})


ACI_BENCH = Source(
    name="aci_bench",
    title="ACI-Bench, training set",
    home="https://github.com/wyim/aci-bench",
    license="CC-BY-4.0",
    license_read="README of wyim/aci-bench",
    task="summarization",
    lang="en",
    folder="aci_bench",
    files={"train": (f"{FOLDER}/train.csv",)},
    schema_read=(PUBLISHED_FILES,),
    rows=table,
    parse=parse,
    published_rows=67,
    instruction_subject="outpatient care",
    instruction_subtask="conversation_to_note",
)

ACI_BENCH_HELD_OUT = held_out(
    ACI_BENCH,
    "aci_bench_held_out",
    {
        "validation": (f"{FOLDER}/valid.csv",),
        "test": (
            f"{FOLDER}/clinicalnlp_taskB_test1.csv",
            f"{FOLDER}/clinicalnlp_taskC_test2.csv",
            f"{FOLDER}/clef_taskC_test3.csv",
        ),
    },
    title="ACI-Bench, validation and three test sets",
    published_rows=140,
    evaluated_as="aci_bench",
)
