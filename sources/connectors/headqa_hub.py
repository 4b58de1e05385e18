"""HEAD-QA (Vilares and Gomez-Rodriguez 2019) on the Hub, English and Spanish, one row per question.

``ra`` is a 1-based integer here that refers to an ``aid``. ``EleutherAI/headqa`` has the rows of
``dvilares/head_qa`` as parquet.
"""

from sources.connectors.headqa import parse
from sources.record import ChainPrompt
from sources.schema.columns import GoldColumn, hub_page, repository_file
from sources.shapes.row_shapes import parquet
from sources.source import Benchmark, Source, held_out


def _headqa(lang: str, title: str, chain_prompt: ChainPrompt | None = None) -> tuple[Source, Benchmark]:
    source = Source(
        name=f"headqa_hub_{lang}",
        title=title,
        home="hf://datasets/EleutherAI/headqa",
        license="MIT",
        license_read="tag of dvilares/head_qa and LICENSE of aghie/head-qa; EleutherAI/headqa is tagged other",
        task="mcqa",
        lang=lang,
        folder="headqa_hub",
        files={"train": (f"{lang}/train*.parquet",)},
        columns={
            "name": "text",
            "category": "text",
            "year": "any",
            "qid": "any",
            "qtext": "text",
            "ra": "any",
            "image": "any?",
            "answers": "list",
            "answers.aid": "any",
            "answers.atext": "text",
        },
        gold=GoldColumn(name="ra", base=1, options="answers"),
        schema_read=(
            repository_file(
                "EleutherAI/lm-evaluation-harness", "lm_eval/tasks/headqa/headqa_en.yaml", "columns", "gold", "splits"
            ),
            hub_page(
                "EleutherAI/headqa", "commits/main/en/test.parquet", "splits", "license", result="agrees; tag other"
            ),
        ),
        rows=parquet,
        parse=parse,
        rank=60,
        published_rows=2_657,
        chain_prompt=chain_prompt,
        instruction_subject="specialist training in health care",
    )
    files = {"validation": (f"{lang}/validation*.parquet",), "test": (f"{lang}/test*.parquet",)}
    title = f"{title}, validation and test"
    held = held_out(
        source,
        f"headqa_hub_{lang}_held_out",
        files,
        title=title,
        published_rows=4_108,
        evaluated_as=f"headqa_{lang}",
        subset_field="category",
    )
    return source, held


HEADQA_HUB_EN, HEADQA_HUB_EN_HELD_OUT = _headqa("en", "HEAD-QA, English, Hub", "headqa")
HEADQA_HUB_ES, HEADQA_HUB_ES_HELD_OUT = _headqa("es", "HEAD-QA, Spanish, Hub")
