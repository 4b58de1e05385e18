"""GSM8K (Cobbe et al. 2021): grade-school word problems with worked solutions that end in ``#### <number>``."""

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import PUBLISHED_FILES
from sources.shapes.row_shapes import jsonl, numbered, qa
from sources.source import Raw, Source, held_out


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one problem into a draft: the number is the answer, the solution before it the rationale."""
    row = raw.value
    solution, mark, result = row["answer"].rpartition("\n#### ")
    if not mark:
        raise ValueError(f"answer ends in {row['answer'][-30:]!r}, expected a last line '#### <number>'")
    return qa(numbered(raw, file), row["question"], result, rationale=solution)


GSM8K = Source(
    name="gsm8k",
    title="GSM8K, training set",
    home="https://github.com/openai/grade-school-math",
    license="MIT",
    license_read="LICENSE of openai/grade-school-math",
    task="math",
    lang="en",
    kind="general",
    folder="gsm8k",
    files={"train": ("grade_school_math/data/train.jsonl",)},
    schema_read=(PUBLISHED_FILES,),
    rows=jsonl,
    parse=parse,
    repairs=frozenset({"calculator_marks"}),
    published_rows=7_473,
    real_persons=False,
    mix_part="instruction",
)

GSM8K_TEST = held_out(
    GSM8K,
    "gsm8k_test",
    {"test": ("grade_school_math/data/test.jsonl",)},
    title="GSM8K, test set",
    published_rows=1_319,
    evaluated_as="gsm8k",
)
