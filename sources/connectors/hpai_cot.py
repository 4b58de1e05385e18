"""Chains of thought by Llama-3.1-70B-Instruct for six seed sets (Garcia-Gasulla et al. 2025, Aloe Beta).

Questions include their options, responses end in ``Answer: X``. By their number, HEAD-QA's 6,600 rows are all of its
6,765 that need no image, validation and test among them: only decontamination keeps those out of training.
"""

from typing import Any

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import ANSWERED, SchemaReading, hub_page, public_code
from sources.shapes.row_shapes import answered, json_rows, numbered
from sources.source import Raw, Source


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one row of ``system_prompt, question, response`` into a draft."""
    return answered(numbered(raw, file), raw.value)


def _source(repository: str, file: str, **more: Any) -> Source:
    shared: dict[str, Any] = {
        "name": repository.lower().replace("-", "_"),
        "home": f"hf://datasets/HPAI-BSC/{repository}",
        "license": "LicenseRef-llama-3.1-community",
        "license_read": "tag of the Hub card; LLAMA_3.1_COMMUNITY_LICENSE_AGREEMENT",
        "task": "mcqa",
        "lang": "en",
        "files": {"train": (file,)},
        "columns": ANSWERED,
        "rows": json_rows,
        "parse": parse,
        "mix_part": "synthetic",
    }
    return Source(**{**shared, **more})


def _page(repository: str, path: str, result: str) -> SchemaReading:
    return hub_page(f"HPAI-BSC/{repository}", path, "splits", "license", result=f"{result}, tag llama3.1")


MEDMCQA_COT = _source(
    "medmcqa-cot-llama31",
    "medmcqa_llama31_cot.json",
    title="MedMCQA, chains of thought",
    schema_read=(
        _page("medmcqa-cot-llama31", "commits/46f02dd", "agrees; medmcqa_llama31_cot.json"),
        public_code(
            'load_dataset("HPAI-BSC/medmcqa-cot-llama31")', "columns", "gold", result="agrees; the response ends in it"
        ),
    ),
)
MEDQA_COT = _source(
    "medqa-cot-llama31",
    "medqa_llama31_cot.json",
    title="MedQA, chains of thought",
    schema_read=(
        _page("medqa-cot-llama31", "tree/main", "agrees; medqa_llama31_cot.json"),
        public_code('dataset_path: str = "HPAI-BSC/medqa-cot-llama31"', "columns"),
    ),
)
HEADQA_COT = _source(
    "headqa-cot-llama31",
    "headqa_llama31_cot.json",
    title="HEAD-QA, chains of thought",
    schema_read=(
        _page("headqa-cot-llama31", "tree/main", "agrees; headqa_llama31_cot.json took the place of head-cot.json"),
    ),
)
# The name of this file follows the others'.
PUBMEDQA_COT = _source(
    "pubmedqa-cot-llama31",
    "pubmedqa_llama31_cot.json",
    title="PubMedQA, chains of thought",
    schema_read=(
        SchemaReading(
            checked=("license",),
            where="paper of Aloe Beta (arXiv 2505.04388), table A1",
            result="agrees; 210,269 rows, Llama 3.1",
        ),
    ),
)
MMLU_MEDICAL_COT = _source(
    "MMLU-medical-cot-llama31",
    "mmlu_llama31_cot.json",
    title="MMLU medical, chains of thought",
    schema_read=(
        _page("MMLU-medical-cot-llama31", "tree/main", "mended: mmlu_llama31_cot.json replaced mmlu-medical-cot.json"),
    ),
)
POLYMED_QA = _source(
    "Polymed-QA",
    "polymed_llama31.json",
    title="PolyMed, cases and diagnoses",
    task="diagnosis",
    schema_read=(_page("Polymed-QA", "tree/main", "agrees; polymed_llama31.json"),),
)
