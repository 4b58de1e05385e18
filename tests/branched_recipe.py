"""A recipe whose graph has branches and whose steps make rows, in many small shards."""

import json
import shutil

from tiny_recipe import run, write_mirror

BRANCHED = '''"""Rows of two wards, some made from others, in branches."""

from types import SimpleNamespace

import polars as pl

from pipelines.build.step import generate_step, each_shard, read
from quality.outcome import Outcome
from sources.shapes.row_shapes import jsonl, qa
from sources.source import Benchmark, Source
from synth.teachers.stage import any_source

NOTHING = {"drop_reason": pl.lit(None, pl.String), "evidence": pl.lit(None, pl.String)}


def parse(raw, file):
    return qa(raw.value["id"], raw.value["question"], raw.value["answer"])


def corpus(kind, name):
    return kind(
        name=name, title=name, home="hf://datasets/sabila-tests/" + name, license="CC0-1.0",
        license_read="written for these tests", task="qa", lang="en", files={"train": ("*.jsonl",)},
        rows=jsonl, parse=parse,
    )


def split(rows, config):
    """Return the rows and two made from each, of which the second goes."""
    first = rows.with_columns(id=pl.col("id") + "/short", answer=pl.lit("Yes."), **NOTHING)
    dropped = {"drop_reason": pl.lit("too_long"), "evidence": pl.lit(None, pl.String)}
    second = rows.with_columns(id=pl.col("id") + "/long", **dropped)
    return Outcome(rows=pl.concat([rows.with_columns(**NOTHING), first, second]).sort("id"))


def again(rows, config, ask):
    """Return the rows and one made from each short one."""
    made = rows.filter(pl.col("id").str.ends_with("/short")).with_columns(id=pl.col("id") + "/again")
    return Outcome(rows=pl.concat([rows, made]).sort("id").with_columns(**NOTHING))


def nothing(rows, config):
    return {}


def none_at_all(rows, config):
    """Return the most requests of a stage that sends none."""
    return 0


def only(rows, config):
    drop = pl.when(pl.col("id").str.contains(config)).then(pl.lit("other_branch"))
    return Outcome(rows=rows.with_columns(drop_reason=drop, evidence=pl.lit(None, pl.String)))


def against(rows, config, beside):
    return Outcome(rows=rows.with_columns(**NOTHING))


class Mute:
    name, revision, license = "mute", "1", "CC0-1.0"

    def complete(self, requests):
        return iter(())


def recipe():
    """Build them."""
    held = read(corpus(Benchmark, "exam"))
    both = each_shard("split", split, None, read(corpus(Source, "ward")), read(corpus(Source, "clinic")))
    one, other = each_shard("one", only, "^ward:", both), each_shard("other", only, "^clinic:", both)
    stage = SimpleNamespace(run=again, requests_by_part=nothing, most_requests=none_at_all, sources=any_source)
    asked = generate_step("again", stage, None, Mute(), one, other)
    return each_shard("last", against, None, asked, reference_inputs=(held,))
'''


def rows_of(name, count):
    """Return raw rows."""
    return [
        {"id": f"{name}{n}", "question": f"Is {name} {n} well?", "answer": f"She is, on day {n}."} for n in range(count)
    ]


def branched_store(place, monkeypatch):
    """Build the recipe in ``place``, asking about few shards together, and return the store."""
    (place / "branched.py").write_text(BRANCHED)
    files = {
        "ward": {f"{n}.jsonl": rows_of(f"w{n}-", 3) for n in range(4)},
        "clinic": {f"{n}.jsonl": rows_of(f"c{n}-", 3) for n in range(3)},
        "exam": {"exam.jsonl": rows_of("e", 2)},
    }
    write_mirror(place / "mirror", files)
    monkeypatch.chdir(place)
    monkeypatch.setattr("pipelines.completions.shard_groups.GROUP_ROWS", 20)
    built = run("build", "branched.py", "--mirror", "mirror", "--workers", "1")
    assert built.exit_code == 0, built.output
    return place / "store"


def as_an_older_sabila_left_it(store):
    """Take away what traces go by: indexes, and notes of what was changed."""
    for step in store.glob("steps/*"):
        (step / "places.parquet").unlink(missing_ok=True)
        shutil.rmtree(step / "changed", ignore_errors=True)
        told = json.loads((step / "step.json").read_text())
        del told["changed"]
        (step / "step.json").write_text(json.dumps({name: told[name] for name in told if name != "origin"}))
