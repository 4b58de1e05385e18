"""Ten steps with trivial rules over two sources, for a benchmark; the code of steps must be in a module."""

from types import SimpleNamespace

import polars as pl

from pipelines.build.step import each_shard, generate_step, read, whole_set
from quality.outcome import DROP_SCHEMA, EDIT_SCHEMA, Decision, Outcome
from sources.shapes.row_shapes import jsonl, qa
from sources.source import Source
from synth.teachers.candidates import candidate_table
from synth.teachers.stage import any_source

NOTHING = {"drop_reason": pl.lit(None, pl.String), "evidence": pl.lit(None, pl.String)}
NUMBER = pl.col("line")


def clean(rows, config):
    """Change a tenth of the answers, drop one row of a hundred."""
    edited, goes = NUMBER % 10 == 3, NUMBER % 100 == 7
    out = rows.with_columns(
        answer=pl.when(edited).then(pl.col("answer").str.strip_suffix(".")).otherwise("answer"),
        drop_reason=pl.when(goes).then(pl.lit("junk_answer")),
        evidence=pl.when(goes).then(pl.lit("None.")),
    )
    edits = rows.filter(edited).select("id", field=pl.lit("answer"), rule=pl.lit("full_stop"), removed=pl.lit("."))
    return Outcome(rows=out, edits=edits.match_to_schema(EDIT_SCHEMA))


def distinct(shards, config):
    """Drop one row of fifty, and say which one it repeats."""
    found = []
    for rows in shards():
        gone = rows.filter(NUMBER % 50 == config).select("id", drop_reason=pl.lit("duplicate"))
        seen = '{"duplicate_of": "' + rows["id"][0] + '", "similarity": 1.0}'
        found.append(gone.with_columns(evidence=pl.lit(seen)).match_to_schema(DROP_SCHEMA))
    return Decision(drops=pl.concat(found))


def untouched(rows, config):
    """Leave the rows as they are."""
    return Outcome(rows=rows.with_columns(**NOTHING))


def reason(rows, config, ask):
    """Write a response for one row of twenty, with a candidate each, and make a second row of one in a hundred."""
    chosen = NUMBER % 20 == 11
    written = pl.when(chosen).then(pl.format("It follows. {}", "answer"))
    out = rows.with_columns(response=written, **NOTHING).with_row_index("offset")
    made = out.filter(NUMBER % 100 == 11).with_columns(id=pl.col("id") + "/chain-2")
    blank = {"stage": "cot", "sample": 0, "key": "", "teacher": "none", "revision": "1", "verdict": "kept"}
    told = candidate_table([{**blank, "id": id} for id in rows.filter(chosen)["id"]])
    return Outcome(rows=pl.concat([out, made]).sort("offset", "id").drop("offset"), tables={"candidates": told})


def nothing(rows, config):
    """Send no request."""
    return {}


def none_at_all(rows, config):
    """Return the most requests of a stage that sends none."""
    return 0


def compose(rows, config):
    """Change every row."""
    return Outcome(rows=rows.with_columns(response=pl.coalesce("response", "answer"), **NOTHING))


class Mute:
    """A teacher that is never asked."""

    name, revision, license = "none", "1", "CC0-1.0"

    def complete(self, requests):
        """Answer nothing."""
        return iter(())


def recipe():
    """Return the last of ten steps over two sources."""
    rows = [each_shard(f"clean-{name}", clean, None, read(corpus(name))) for name in ("large", "small")]
    unlike = whole_set("near", distinct, 2, whole_set("exact", distinct, 1, *rows))
    safe = each_shard("privacy", untouched, None, each_shard("leaks", untouched, None, unlike))
    return each_shard(
        "compose",
        compose,
        None,
        generate_step(
            "cot",
            SimpleNamespace(run=reason, requests_by_part=nothing, most_requests=none_at_all, sources=any_source),
            None,
            Mute(),
            safe,
        ),
    )


def corpus(name):
    """Return a source whose rows are made and not read."""
    return Source(
        name=name,
        title=name,
        home=f"hf://datasets/sabila-tests/{name}",
        license="CC0-1.0",
        license_read="made for this benchmark",
        task="qa",
        lang="en",
        files={"train": ("rows.jsonl",)},
        rows=jsonl,
        parse=lambda raw, file: qa(raw.value["id"], raw.value["question"], raw.value["answer"]),
    )
