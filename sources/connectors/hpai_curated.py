"""Large medical sets as the Aloe group curated them: MedS-Ins, Chain of Diagnosis and UltraMedical.

Field names could not be verified: rows may be ShareGPT or chat turns, Alpaca, or question and response. The cards' tag
is Apache-2.0 throughout; where the origin has another licence, the stricter one holds.
"""

from sources.schema.columns import hub_page
from sources.shapes.row_shapes import json_rows, sft
from sources.source import Source

MEDS_INS_HPAI = Source(
    name="meds_ins_hpai",
    title="MedS-Ins, 75 tasks chosen for Aloe Beta",
    home="hf://datasets/HPAI-BSC/MedS-Ins",
    license="CC-BY-SA-4.0",
    license_read="Hub tag Apache-2.0; CC BY-SA in the paper of Aloe Beta, after Henrychur/MedS-Ins",
    task="instruction",
    lang="en",
    files={"train": ("MedS-Ins.json",)},
    columns={"conversations": "list*", "messages": "list*", "instruction": "text*", "question": "text*"},
    schema_read=(
        hub_page(
            "HPAI-BSC/MedS-Ins",
            "tree/237d5a4",
            "splits",
            "license",
            result="agrees; MedS-Ins.json of 4.46 GB, tag apache-2.0",
        ),
    ),
    rows=json_rows,
    parse=sft,
)

CHAIN_OF_DIAGNOSIS = Source(
    name="chain_of_diagnosis",
    title="Chain of Diagnosis",
    home="hf://datasets/HPAI-BSC/chain-of-diagnosis",
    license="Apache-2.0",
    license_read="tag of the Hub card",
    task="diagnosis",
    lang="en",
    files={"train": ("chain_of_diagnosis.json",)},
    columns={"conversations": "list*", "messages": "list*", "instruction": "text*", "question": "text*"},
    schema_read=(
        hub_page(
            "HPAI-BSC/chain-of-diagnosis",
            "commits/d617746",
            "splits",
            "license",
            result="agrees; chain_of_diagnosis.json, tag apache-2.0",
        ),
    ),
    rows=json_rows,
    parse=sft,
)

ULTRAMEDICAL_HPAI = Source(
    name="ultramedical_hpai",
    title="UltraMedical, textbook, instruction and encyclopedia parts",
    home="hf://datasets/HPAI-BSC/ultramedical",
    license="Apache-2.0",
    license_read="tag of the Hub card; the origin is MIT",
    task="qa",
    lang="en",
    files={"train": ("ultramedical.json",)},
    columns={"conversations": "list*", "messages": "list*", "instruction": "text*", "question": "text*"},
    schema_read=(
        hub_page(
            "HPAI-BSC/ultramedical",
            "tree/main",
            "splits",
            "license",
            result="agrees; ultramedical.json of 399 MB, tag apache-2.0",
        ),
    ),
    rows=json_rows,
    parse=sft,
)
