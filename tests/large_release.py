"""A release of many rows in a store of its own: invented words, some 600 characters a row, all as a release has it."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).parent.parent))

SOURCES = ("cardiology", "dermatology", "endocrine", "geriatrics", "neurology", "oncology", "paediatrics", "surgery")
REASONS = ("duplicate", "near_duplicate", "leak:ngram", "junk_answer", "short_answer", "wrong_language")
LETTERS = tuple("etaoinshrdlucm")


def sentences(rng, number=40_000, words=8_000):
    """Return sentences whose words are as unevenly frequent as those of a language."""
    lengths = rng.integers(2, 11, words)
    vocabulary = np.array(["".join(rng.choice(LETTERS, n)) for n in lengths])
    frequency = 1 / np.arange(1, words + 1)
    drawn = rng.choice(vocabulary, (number, 14), p=frequency / frequency.sum())
    return pl.Series([" ".join(row).capitalize() + "." for row in drawn]), vocabulary


def text(rng, pool, rows, number):
    parts = [pool.gather(rng.integers(0, len(pool), rows)) for _ in range(number)]
    return pl.DataFrame({str(n): part for n, part in enumerate(parts)}).select(pl.concat_str(pl.all(), separator=" "))


def records(rng, pool, first, rows, source):
    """Return rows as a step has them."""
    from sources.table import SCHEMA

    asked, said = (text(rng, pool, rows, number).to_series() for number in (2, 5))
    number = pl.int_range(first, first + rows, eager=True)
    user = pl.struct(role=pl.lit("user"), content=asked)
    table = pl.select(
        id=pl.format("{}:train-{}", pl.lit(source), number),
        source=pl.lit(source),
        license=pl.Series(np.array(["CC-BY-4.0", "MIT", "Apache-2.0"])[rng.integers(0, 3, rows)]),
        task=pl.Series(np.array(["qa", "mcqa", "summarization"])[rng.integers(0, 3, rows)]),
        lang=pl.Series(np.array(["en", "en", "en", "es"])[rng.integers(0, 4, rows)]),
        split=pl.lit("train"),
        file=pl.lit("train.jsonl"),
        line=number,
        messages=pl.concat_list(user),
        response=said,
        meta=pl.lit("{}"),
        options=pl.lit([], pl.List(pl.String)),
        gold=pl.lit([], pl.List(pl.Int32)),
    )
    missing = [pl.lit(None, kind).alias(name) for name, kind in SCHEMA.items() if name not in table.columns]
    return table.with_columns(missing).select(SCHEMA.names())


def evidence(reason, ids, keepers):
    """Return what a step would say of its drops."""
    if "duplicate" in reason:
        return [json.dumps({"duplicate_of": k, "similarity": 1.0 if reason == "duplicate" else 0.81}) for k in keepers]
    if reason.startswith("leak"):
        return [
            json.dumps(
                {
                    "benchmark": "exam",
                    "item": f"exam:{n % 900}",
                    "layer": "ngram",
                    "score": 0.6,
                    "item_text": "What is it?",
                }
            )
            for n in range(len(ids))
        ]
    return [None] * len(ids)


def write_release(store, rows, ended):
    """Write a store with a release of ``rows`` rows, ``ended`` more dropped; return its folder and words."""
    from manifests import seal, summaries

    from pipelines.release.data_files import write_data
    from pipelines.release.figures import figures
    from pipelines.release.ledger import LEDGER
    from pipelines.storage.store import Store
    from sources.atomic import write_json, write_table

    rng = np.random.default_rng(5)
    pool, vocabulary = sentences(rng)
    folder = store / "releases" / "large" / "1"
    steps = store / "steps"
    each, each_ended = rows // len(SOURCES), ended // len(SOURCES)
    shards, ledger = [], []
    dropped_by = {
        reason: "exact-1"
        if reason == "duplicate"
        else "near-1"
        if "near" in reason
        else "leaks-1"
        if "leak" in reason
        else "clean-1"
        for reason in REASONS
    }
    for source in SOURCES:
        table = records(rng, pool, 0, each, source)
        path = store / "scratch" / f"{source}.parquet"
        write_table(path, table)
        shards.append(path)
        ledger.append(told(table, "kept", "clean", None, None))
        gone = records(rng, pool, each, each_ended, source)
        for n, reason in enumerate(REASONS):
            part = gone.gather_every(len(REASONS), n)
            why = pl.Series(
                evidence(reason, part["id"], table["id"].gather(rng.integers(0, each, part.height))), dtype=pl.String
            )
            step = dropped_by[reason]
            write_table(
                steps / step / "dropped" / f"{source}-{n}.parquet",
                part.with_columns(reason=pl.lit(reason), evidence=why),
            )
            ledger.append(told(part, "dropped", step.removesuffix("-1"), reason, why))
    write_data(shards, folder)
    write_table(folder / "ledger" / "rows-00000-of-00001.parquet", pl.concat(ledger).sort("id").select(LEDGER.names))
    shutil.rmtree(store / "scratch")
    write_json(store / "store.json", {"format": 1})
    (folder / "README.md").write_text("# large\n", encoding="utf-8")
    said = manifest(each * len(SOURCES), each_ended, dropped_by)
    said["figures"] = figures(Store(store), summaries(said["steps"]), folder).to_json()
    seal(said, folder)
    return folder, vocabulary


def told(table, status, step, reason, why):
    names = ("id", "source", "file", "line", "license")
    said = {"status": status, "step": step, "reason": reason}
    return table.select(
        *names,
        **{name: pl.lit(value, pl.String) for name, value in said.items()},
        evidence=pl.lit(None, pl.String) if why is None else why,
        changed_by=pl.lit(["clean"], pl.List(pl.String)),
    )


def manifest(kept, each_ended, dropped_by):
    """Return the manifest of a chain of steps: read, clean, exact, near, leaks."""
    gone = {reason: len(range(n, each_ended, len(REASONS))) * len(SOURCES) for n, reason in enumerate(REASONS)}
    left = kept + sum(gone.values())
    reads = [f"read-{source}-1" for source in SOURCES]
    steps = [step(f"read-{source}", f"read-{source}-1", [], left // len(SOURCES), {}) for source in SOURCES]
    before = reads
    for name in ("clean", "exact", "near", "leaks"):
        reasons = {reason: n for reason, n in gone.items() if dropped_by[reason] == f"{name}-1"}
        steps.append(step(name, f"{name}-1", before, left, reasons))
        left -= sum(reasons.values())
        before = [f"{name}-1"]
    return {
        **{"name": "large", "version": "1", "rows": kept, "steps": steps, "license": "CC-BY-4.0"},
        **{"recipe": {"name": "large", "shipped": False, "file_sha256": ""}, "libraries": {"sabila": "0"}, "lock": {}},
    }


def step(name, folder, inputs, rows, reasons):
    ended = sum(reasons.values())
    counts = {"rows_in": rows, "made": 0, "kept": rows - ended, "dropped": ended, "quarantined": 0}
    told_of = {
        "name": name,
        "folder": folder,
        "inputs": inputs,
        "reference_inputs": [],
        "identity": {"step": name, "config": None},
    }
    return {**told_of, "counts": counts, "reasons": reasons}


def large_release(place, rows, ended):
    """Return the folder of a release in ``place`` and its vocabulary, made unless it is there."""
    folder, words = place / "releases" / "large" / "1", place / "words.json"
    if not words.exists():
        _, vocabulary = write_release(place, rows, ended)
        words.write_text(json.dumps(vocabulary.tolist()), encoding="utf-8")
    return folder, np.array(json.loads(words.read_text(encoding="utf-8")))
