"""WikiDoc's patient information as question and answer (Han et al. 2023, MedAlpaca); the questions are by GPT-3.5."""

from sources.schema.columns import PUBLISHED_FILES
from sources.shapes.row_shapes import json_list, same_task
from sources.source import Source

WIKIDOC_PATIENT_INFORMATION = Source(
    name="wikidoc_patient_information",
    title="WikiDoc patient information",
    home="https://github.com/kbressem/medAlpaca",
    license="LicenseRef-unknown",
    license_read="tag cc without a variant on the Hub; WikiDoc's text is CC-BY-SA-3.0, kbressem/medAlpaca GPL-3.0",
    task="qa",
    lang="en",
    folder="wikidoc_patient_information",
    files={"train": ("medical_meadow_small.json",)},
    schema_read=(PUBLISHED_FILES,),
    rows=json_list,
    parse=same_task,
    published_rows=5_942,
)
