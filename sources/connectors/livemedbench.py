"""LiveMedBench (Yan et al. 2026): dated cases from medical forums, English and Chinese, with criteria for a reply.

The score of every case is clipped to 0 to 1, other than in HealthBench. Later snapshots add cases.
"""

from sources.connectors.healthbench import check_points
from sources.fields.dates import parse_date
from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import SchemaReading
from sources.shapes.row_shapes import json_list, user
from sources.source import Benchmark, Raw

CHINESE_SHARE = 0.02
"""Share of Chinese characters from which a case is Chinese; the files do not say."""


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one case into a draft; the physician's advice is its reference."""
    row = raw.value
    rubrics = [{"criterion": one["criterion"], "points": one["points"], "tags": []} for one in row["rubric_items"]]
    check_points(rubrics)
    question = f"{row['narrative']}\n\n{row['core_request']}".strip()
    chinese = sum("\u4e00" <= letter <= "\u9fff" for letter in question) / max(1, len(question))
    lang = "zh" if chinese >= CHINESE_SHARE else "en"
    meta = {"rubrics": rubrics, "lang": lang}
    date = parse_date((row.get("post_time") or "")[:10] or None)
    answer = row.get("doctor_advice") or None
    return Draft(id=str(row["case_id"]), messages=user(question), answer=answer, lang=lang, date=date, meta=meta)


LIVEMEDBENCH = Benchmark(
    name="livemedbench",
    title="LiveMedBench, January 2026",
    home="hf://datasets/JuelieYann/LiveMedBench",
    license="LicenseRef-research-only",
    license_read="README of ZhilingYan/LiveMedBench: code MIT, data for research evaluation only",
    task="qa",
    lang="en",
    files={"test": ("LiveMedBench_v202601.json",)},
    columns={
        "case_id": "any",
        "narrative": "text",
        "core_request": "text",
        "rubric_items": "list",
        "rubric_items.criterion": "text",
        "rubric_items.points": "number",
        "doctor_advice": "text?",
        "post_time": "text?",
    },
    rows=json_list,
    parse=parse,
    published_rows=2_756,
    subset_field="lang",
    clips_each=True,
    schema_read=(SchemaReading(checked=("columns", "splits", "license"), where="ZhilingYan/LiveMedBench: README.md"),),
)
