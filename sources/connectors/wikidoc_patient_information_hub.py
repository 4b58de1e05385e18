"""WikiDoc's patient information as question and answer (Han et al. 2023, MedAlpaca) on the Hub."""

from dataclasses import replace

from sources.connectors.wikidoc_patient_information import WIKIDOC_PATIENT_INFORMATION
from sources.schema.columns import ALPACA, collected_card

WIKIDOC_PATIENT_INFORMATION_HUB = replace(
    WIKIDOC_PATIENT_INFORMATION,
    name="wikidoc_patient_information_hub",
    title="WikiDoc patient information, Hub",
    home="hf://datasets/medalpaca/medical_meadow_wikidoc_patient_information",
    folder="wikidoc_patient_information_hub",
    files={"train": ("medical_meadow_wikidoc_patient_info.json",)},
    columns=ALPACA,
    schema_read=(
        collected_card("medalpaca/medical_meadow_wikidoc", "columns", "splits", result="its neighbour: 5,942 rows"),
        collected_card("medalpaca/medical_meadow_wikidoc_patient_information", "license", result="agrees; tag cc"),
    ),
    rank=60,
)
