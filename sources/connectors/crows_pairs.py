"""CrowS-Pairs (Nangia et al. 2020): pairs of sentences that differ in the group they mention.

Bias is measured by which sentence a model finds likelier, so no option is gold.
"""

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import PUBLISHED_FILES
from sources.shapes.row_shapes import mcq, table
from sources.source import Benchmark, Raw


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one pair into a draft: the more stereotyping sentence is the prompt and the first of two options."""
    row = raw.value
    meta = {"direction": row["stereo_antistereo"], "bias_type": row["bias_type"]}
    return mcq(row[""], row["sent_more"], [row["sent_more"], row["sent_less"]], None, meta=meta)


CROWS_PAIRS = Benchmark(
    name="crows_pairs",
    title="CrowS-Pairs",
    home="https://github.com/nyu-mll/crows-pairs",
    license="CC-BY-SA-4.0",
    license_read="README of nyu-mll/crows-pairs",
    task="safety",
    lang="en",
    files={"test": ("data/crows_pairs_anonymized.csv",)},
    schema_read=(PUBLISHED_FILES,),
    rows=table,
    parse=parse,
    published_rows=1_508,
)
