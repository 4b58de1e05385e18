"""TruthfulQA (Lin et al. 2022), edition of 2025: questions to which a common falsehood is a tempting answer.

Answer lists are joined by ``; ``. The Hub's ``truthfulqa/truthful_qa`` is the first edition, of 817 rows.
"""

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import PUBLISHED_FILES
from sources.shapes.row_shapes import numbered, table, user
from sources.source import Benchmark, Raw


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one question into a draft: true answers and then false ones are the options, all true ones are gold.

    The best answer of either kind is ``answer`` and ``meta["best_incorrect"]``, which form the edition's binary
    question.
    """
    row = raw.value
    right, wrong = _answers(row["Correct Answers"]), _answers(row["Incorrect Answers"])
    return Draft(
        id=numbered(raw, file),
        messages=user(row["Question"]),
        options=[*right, *wrong],
        gold=range(len(right)),
        answer=row["Best Answer"],
        meta={"type": row["Type"], "category": row["Category"], "best_incorrect": row["Best Incorrect Answer"]},
    )


def _answers(joined: str) -> list[str]:
    return [answer.strip() for answer in joined.split(";") if answer.strip()]


TRUTHFULQA = Benchmark(
    name="truthfulqa",
    title="TruthfulQA",
    home="https://github.com/sylinrl/TruthfulQA",
    license="Apache-2.0",
    license_read="LICENSE of sylinrl/TruthfulQA",
    task="safety",
    lang="en",
    files={"test": ("TruthfulQA.csv",)},
    schema_read=(PUBLISHED_FILES,),
    rows=table,
    parse=parse,
    published_rows=790,
)
