"""JailbreakLLMs (Shen et al. 2024): jailbreak prompts found in the wild, and forbidden questions under 13 policies.

Prompts repeat across communities, so the line number is the id. Hub: ``TrustAIRLab/in-the-wild-jailbreak-prompts``.
"""

from sources.fields.dates import parse_date
from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import PUBLISHED_FILES
from sources.shapes.row_shapes import numbered, qa, table
from sources.source import Raw, Source

FOUND = ("platform", "source", "date", "community_id", "community_name")


def parse_prompt(raw: Raw, file: RawFile) -> Draft:
    """Turn one jailbreak into a prompt with its platform and community; no community is None."""
    row = raw.value
    meta = {name: row[name] or None for name in FOUND}
    return qa(numbered(raw, file), row["prompt"], None, meta=meta, date=parse_date(row["date"]))


def parse_question(raw: Raw, file: RawFile) -> Draft:
    """Turn one forbidden question into a prompt with its policy."""
    row = raw.value
    id = f"{row['content_policy_id']}-{row['q_id']}"
    return qa(id, row["question"], None, meta={"policy": row["content_policy_name"]})


JAILBREAK_PROMPTS = Source(
    name="jailbreak_prompts",
    title="JailbreakLLMs, jailbreak prompts",
    home="https://github.com/verazuo/jailbreak_llms",
    license="MIT",
    license_read="LICENSE of verazuo/jailbreak_llms",
    task="safety",
    lang="en",
    kind="safety",
    folder="jailbreak_llms",
    files={"train": ("data/jailbreak_prompts.csv",)},
    schema_read=(PUBLISHED_FILES,),
    rows=table,
    parse=parse_prompt,
    published_rows=666,
    jailbreaks=True,
)

FORBIDDEN_QUESTIONS = Source(
    name="forbidden_questions",
    title="JailbreakLLMs, forbidden questions",
    home="https://github.com/verazuo/jailbreak_llms",
    license="MIT",
    license_read="LICENSE of verazuo/jailbreak_llms",
    task="safety",
    lang="en",
    kind="safety",
    folder="jailbreak_llms",
    files={"train": ("data/questions.csv",)},
    schema_read=(PUBLISHED_FILES,),
    rows=table,
    parse=parse_question,
    published_rows=390,
)
