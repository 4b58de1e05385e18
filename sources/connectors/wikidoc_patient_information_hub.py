"""WikiDoc's patient information as question and answer (Han et al. 2023, MedAlpaca) on the Hub."""

from dataclasses import replace

from sources.connectors.wikidoc_patient_information import WIKIDOC_PATIENT_INFORMATION

WIKIDOC_PATIENT_INFORMATION_HUB = replace(
    WIKIDOC_PATIENT_INFORMATION,
    name="wikidoc_patient_information_hub",
    title="WikiDoc patient information, Hub",
    home="hf://datasets/medalpaca/medical_meadow_wikidoc_patient_information",
    folder="wikidoc_patient_information_hub",
    files={"train": ("medical_meadow_wikidoc_patient_info.json",)},
    rank=60,
)
