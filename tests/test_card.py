"""The card: each number in it is a figure, each figure can be recounted, and the data load as it declares."""

import json
import re
import shutil
from functools import cache

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest
import yaml
from manifests import (
    card,
    check_figures,
    figures,
    ledger_figures,
    load,
    row_figures,
    stored_figures,
    summaries,
    teacher_figures,
)
from rows import row, table

from pipelines.release import figures as figures_module
from pipelines.release.card import cell, code, decimal, number, percent
from pipelines.release.data_files import SCHEMAS, write_data
from pipelines.release.hub_metadata import _size, hub_license
from pipelines.release.ledger import LEDGER
from pipelines.storage.store import Store
from sources.record import Message
from sources.releases.read_manifest import ReleaseError, read
from synth.formatting.mix import Mix, mix
from synth.formatting.mix_parts import Part, Pick

LLAMA = "LicenseRef-llama-3.1-community"


@pytest.fixture(params=["demo", "demo_dpo"])
def released(request, demo_store):
    """Return the folder of each release of the embedded sample."""
    return demo_store / "releases" / request.param / "1"


@pytest.fixture
def copied(released, tmp_path):
    """Return a copy of a release that a test may change."""
    return shutil.copytree(released, tmp_path / "release")


def front_matter(text):
    return yaml.safe_load(text.split("---\n")[1])


# --- every number is a figure --------------------------------------------------------------------------------------

NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?%?")


def body(text):
    """Return the text of a card without its YAML, headings, names and addresses."""
    text = text.split("---\n", 2)[2]
    text = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    return re.sub(r"`[^`]*`|\]\([^)]*\)|^#.*$", "", text, flags=re.MULTILINE)


def leaves(value):
    """Yield every value in a value made of JSON, and every key."""
    if isinstance(value, dict):
        for name, one in value.items():
            yield name
            yield from leaves(one)
    elif isinstance(value, list):
        for one in value:
            yield from leaves(one)
    elif value is not None and not isinstance(value, bool):
        yield value


def written(value):
    """Return the ways in which a card may write a figure; for a text, the numbers in it."""
    if isinstance(value, str):
        return NUMBER.findall(value)
    return {number(value), percent(value), decimal(value), str(value)}


def test_every_number_of_the_card_is_a_figure(released):
    figures = load(released)["figures"]
    known = {way for leaf in leaves(figures) for way in written(leaf)} | {number(len(figures["origins"]))}
    numbers = NUMBER.findall(body((released / "README.md").read_text(encoding="utf-8")))
    assert len(numbers) > 100
    assert [one for one in numbers if one.rstrip(",") not in known] == []


def test_every_number_of_the_yaml_is_a_figure(released):
    figures = load(released)["figures"]
    head = front_matter((released / "README.md").read_text(encoding="utf-8"))
    for info, size in zip(head["dataset_info"], figures["configs"], strict=True):
        assert info["config_name"] == size["config"]
        [split] = info["splits"]
        assert (split["num_examples"], split["num_bytes"]) == (size["rows"], size["bytes"])
        assert (info["download_size"], info["dataset_size"]) == (size["download_bytes"], size["bytes"])


def test_the_card_is_a_function_of_manifest_and_data(released):
    text = (released / "README.md").read_text(encoding="utf-8")
    manifest = load(released)
    assert card(manifest, released) == text
    shuffled = json.loads(json.dumps(dict(reversed(manifest.items()))))
    shuffled["environment"] = {"python": "9", "platform": "another", "git_commit": None}
    assert card(shuffled, released) == text
    assert text.endswith("\n") and not text.endswith("\n\n")


def test_no_text_of_a_row_is_in_the_card(released):
    card_text = (released / "README.md").read_text(encoding="utf-8")
    data = pl.concat(
        pl.read_parquet(path).select(pl.col("answer", "rationale")) for path in released.glob("data/*/*/*.parquet")
    )
    texts = [text for column in data for text in column.drop_nulls() if len(text) > 20]
    assert len(texts) > 10
    assert [text for text in texts if text in card_text] == []


# --- figures are counted again -------------------------------------------------------------------------------------

FROM_THE_STORE = {"generation", "proposed_pairs", "red_team", "origins", "licenses"}
"""Figures that cannot be recounted from a release without its store."""


@pytest.fixture
def counted_once(monkeypatch):
    """Count the rows and the ledger of a folder once, for tests that change only the manifest or the card."""
    of_ledger, count_ledger = {}, figures_module.ledger_figures

    def ledger_once(steps, folder):
        return of_ledger.get(folder) or of_ledger.setdefault(folder, count_ledger(steps, folder))

    monkeypatch.setattr(figures_module, "ledger_figures", ledger_once)
    for name in ("row_figures", "request_figures"):
        monkeypatch.setattr(figures_module, name, cache(getattr(figures_module, name)))


def places(value, path=()):
    """Yield the path of every number in a value made of JSON."""
    if isinstance(value, dict | list):
        for name, one in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(one, (*path, name))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield path


def changed(value, path):
    """Return a copy of a value with the number at ``path`` one higher."""
    copy = json.loads(json.dumps(value))
    inner = copy
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] += 1
    return copy


def named(path):
    name, *rest = path
    return f"figures.{name}" + "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in rest)


def test_figures_hold_of_an_untouched_release(released):
    assert check_figures(load(released), released) == []


def test_every_changed_figure_is_found_and_named(released, counted_once):
    manifest = load(released)
    tried = [path for path in places(manifest["figures"]) if path[0] not in FROM_THE_STORE]
    assert len(tried) > 200
    for path in tried[::5]:
        spoilt = {**manifest, "figures": changed(manifest["figures"], path)}
        assert any(f"{named(path)} is " in line for line in check_figures(spoilt, released)), path


def test_a_changed_figure_of_the_store_shows_in_the_card(released, counted_once):
    manifest = load(released)
    tried = [path for path in places(manifest["figures"]) if path[0] in FROM_THE_STORE]
    assert tried
    for path in tried[::5]:
        lines = check_figures({**manifest, "figures": changed(manifest["figures"], path)}, released)
        assert any(line.startswith("README.md, line ") for line in lines), path


@pytest.mark.parametrize("path", [("generation", 0, "completions"), ("generation", 0, "verdicts", "wrong"),
                                  ("generation", 0, "pass_rate"), ("licenses", 0, "rows")])  # fmt: skip
def test_figures_of_the_store_must_agree_among_themselves(released, counted_once, path):
    manifest = load(released)
    lines = check_figures({**manifest, "figures": changed(manifest["figures"], path)}, released)
    assert any(line.startswith(f"figures.{path[0]}[0].") for line in lines)


def test_an_edited_number_of_the_card_is_found_with_its_line(copied, counted_once):
    manifest = load(copied)
    path = copied / "README.md"
    text = path.read_text(encoding="utf-8")
    numbers = list(re.finditer(r"(?<=[ |])\d+(?=[ |,%])", text))
    assert len(numbers) > 50
    for match in numbers[::7]:
        path.write_text(text[: match.start()] + str(int(match[0]) + 1) + text[match.end() :], encoding="utf-8")
        [line] = check_figures(manifest, copied)
        assert line.startswith(f"README.md, line {text[: match.start()].count(chr(10)) + 1}, is ")


def test_a_row_that_was_taken_out_is_found(copied):
    path = min(copied.glob("data/*/*/*.parquet"))
    rows = pl.read_parquet(path)
    rows.tail(-1).to_arrow(compat_level=pl.CompatLevel.oldest())
    rows.tail(-1).write_parquet(path)
    lines = check_figures(load(copied), copied)
    total = load(copied)["rows"]
    assert f"figures.rows.all is {total}, but the release gives {total - 1}" in lines


def test_rows_of_the_manifest_must_be_those_of_its_figures(released, counted_once):
    manifest = load(released)
    [line] = check_figures({**manifest, "rows": manifest["rows"] + 1}, released)
    assert line.startswith(f"rows is {manifest['rows'] + 1}, but its figures say {manifest['rows']}")


def test_a_manifest_without_figures_or_a_release_without_a_card_says_so(copied, counted_once):
    manifest = load(copied)
    assert check_figures({**manifest, "figures": {}}, copied) == [
        "manifest.json has no figures, expected those of its rows and steps"
    ]
    (copied / "README.md").unlink()
    assert check_figures(manifest, copied) == ["README.md is missing, expected the card"]


@pytest.mark.parametrize("name", ["rows", "funnel", "leaks", "generation", "licenses"])
def test_a_manifest_that_lacks_a_figure_makes_no_card(released, tmp_path, name):
    manifest = load(released)
    figures = {key: value for key, value in manifest["figures"].items() if key != name}
    with pytest.raises(ValueError, match=name):
        card({**manifest, "figures": figures}, released)
    (tmp_path / "manifest.json").write_text(json.dumps({**manifest, "figures": figures}), encoding="utf-8")
    with pytest.raises(ReleaseError, match="another version of sabila wrote its figures"):
        read(tmp_path / "manifest.json")


def test_a_card_with_extra_lines_is_found(copied, counted_once):
    with (copied / "README.md").open("a", encoding="utf-8") as file:
        file.write("One more line.\n")
    [line] = check_figures(load(copied), copied)
    assert "lines, expected" in line


# --- figures by hand -----------------------------------------------------------------------------------------------


def write_release(folder, *records):
    """Write the data files of a release."""
    shard = folder.with_suffix(".parquet")
    table(*records).write_parquet(shard)
    write_data([shard], folder)
    return folder


def answered_row(id, question, **fields):
    return row(id, question, **{"response": "Yes.", **fields})


def test_rows_tokens_and_lengths_by_hand(tmp_path):
    two = {"messages": (Message("system", "abcd"), Message("user", "efghi"))}
    rows = (
        answered_row("a:1", "12345678", response="123"),
        answered_row("a:2", "", response="12345", task="mcqa", lang="es", license="CC-BY-4.0", **two),
        answered_row("b:1", "1234", response="chosen", rejected="rejected!"),
        row("c:1", "attack"),
    )
    figures = row_figures(write_release(tmp_path / "release", *rows))
    assert figures["rows"] == {"all": 4, "sft": 2, "dpo": 1, "prompts": 1}
    assert figures["tokens"] == {
        "characters_per_token": 4, "prompt": 2 + 3 + 1 + 2, "response": 1 + 2 + 2, "rejected": 3, "all": 16
    }  # fmt: skip
    assert figures["lengths"]["sft"]["prompt"] == {"least": 2, "median": 3, "p95": 3, "most": 3}
    assert figures["lengths"]["dpo"]["rejected"] == {"least": 3, "median": 3, "p95": 3, "most": 3}
    assert "response" not in figures["lengths"]["prompts"]
    assert [(part["lang"], part["rows"], part["share"]) for part in figures["by_language"]] == [
        ("en", 3, 0.75),
        ("es", 1, 0.25),
    ]
    assert [size["config"] for size in figures["configs"]] == [
        "sft", "dpo", "prompts", "sft-a", "dpo-b", "prompts-c"
    ]  # fmt: skip


def test_a_row_under_two_licences_counts_for_both(tmp_path):
    rows = (answered_row("a:1", "?", license=f"{LLAMA} AND MIT"), answered_row("a:2", "?", license="MIT"))
    figures = row_figures(write_release(tmp_path / "release", *rows))
    assert figures["by_license"] == [{"license": "MIT", "rows": 2}, {"license": LLAMA, "rows": 1}]
    assert [part["license"] for part in figures["by_source"]] == [f"{LLAMA} AND MIT", "MIT"]


def test_chains_count_for_the_teacher_that_wrote_them_alone(tmp_path):
    def chain(rate, **more):
        return {"cot": {"teacher": "llama", "samples": 4, "pass_rate": rate, **more}}

    metas = (chain(0.5, origin="guided"), chain(1.0, origin="guided"), chain(0.25, origin="hinted"), chain(0.0), {})
    rows = [answered_row(f"a:{n}", "?", meta=meta) for n, meta in enumerate(metas)]
    assert row_figures(write_release(tmp_path / "release", *rows))["chains"] == [
        {"teacher": "llama", "chain": "guided", "rows": 2, "samples": 8, "pass_rate": 0.75},
        {"teacher": "llama", "chain": "hinted", "rows": 1, "samples": 4, "pass_rate": 0.25},
    ]


def test_length_bias_of_pairs_by_hand(tmp_path):
    gaps = [("12", "1", 0.5), ("1", "12", 1.0), ("1234", "1", 2.0), ("12", "34", None)]
    rows = [
        answered_row(
            f"a:{n}", "?", response=better, rejected=worse, meta={"pair": {"origin": "reward", "margin": margin}}
        )
        for n, (better, worse, margin) in enumerate(gaps)
    ]
    figures = row_figures(write_release(tmp_path / "release", *rows))["pairs"]
    assert figures["origins"] == [{"origin": "reward", "rows": 4}]
    assert figures["length_bias"] == {
        "pairs": 4, "mean_chosen_chars": 2.25, "mean_rejected_chars": 1.5, "share_chosen_longer": 0.5,
        "share_same_length": 0.25, "pairs_with_margin": 3, "spearman_gap_margin": 0.5,
    }  # fmt: skip


def step(name, folder=None, inputs=(), reference_inputs=(), config=None, reasons=None, **more):
    """Return a step as its ``step.json`` describes it."""
    counts = {"rows_in": 9, "made": 0, "kept": 7, "dropped": 2, "quarantined": 0}
    return {
        "name": name, "folder": folder or f"{name}-0",
        "inputs": list(inputs), "reference_inputs": list(reference_inputs),
        "identity": {"config": config, "source": {"name": name.removeprefix("read-")}}, "counts": counts,
        "reasons": reasons or {}, "edits": {}, **more,
    }  # fmt: skip


def kept_tables(root, folder, **tables):
    for name, rows in tables.items():
        (root / "steps" / folder / name).mkdir(parents=True)
        rows.write_parquet(root / "steps" / folder / name / "00000.parquet")


def test_a_judge_is_measured_by_its_verdicts_in_both_orders(tmp_path):
    def letters(one, other):
        return json.dumps({"in_order": one, "swapped": other})

    judged = [
        (None, None), (None, None), ("prompt_cap", "{}"), ("judge_disagrees", letters("A", "A")),
        ("judge_disagrees", letters("A", "A")), ("judge_disagrees", letters("B", "B")),
        ("judge_tie", letters("C", "A")), ("judge_unparsed", letters("unparsed", "A")),
    ]  # fmt: skip
    pairs = pl.DataFrame(judged, {"drop_reason": pl.String, "evidence": pl.String}, orient="row")
    kept_tables(tmp_path, "pairs-0", pairs=pairs.with_columns(origin=pl.lit("judged")))
    [pair_figures] = stored_figures(Store(tmp_path), summaries([step("pairs")]))["proposed_pairs"]
    assert (pair_figures["proposed"], pair_figures["kept"]) == (8, 2)
    assert pair_figures["reasons"] == {"judge_disagrees": 3, "judge_tie": 1, "judge_unparsed": 1, "prompt_cap": 1}
    assert pair_figures["judge"] == {
        "pairs": 8, "read_both_ways": 7, "agreed": 3, "ties": 1, "contradicted": 3,
        "agreement": round(3 / 7, 6), "prefers_first": round(2 / 3, 6),
    }  # fmt: skip


def ledger(folder, *ends):
    """Write the ledger of a release: id, status, step, reason, evidence and the steps that changed it, of each row."""
    names = ("id", "status", "step", "reason", "evidence", "changed_by")
    rows = [
        dict.fromkeys(LEDGER.names) | dict(zip(names, end, strict=True)) | {"source": end[0].partition(":")[0]}
        for end in ends
    ]
    (folder / "ledger").mkdir(parents=True)
    pl.DataFrame(rows, pl.Schema(LEDGER)).write_parquet(folder / "ledger" / "rows-00000-of-00001.parquet")
    return folder


def leaked(id, benchmark, layer, score, bits):
    seen = {"benchmark": benchmark, "item": f"{benchmark}:{id}", "layer": layer, "score": score, "bits": bits}
    return id, "dropped", "leaks", f"leak:{layer}", json.dumps(seen), []


def test_leaks_are_counted_by_benchmark_and_layer(tmp_path):
    ends = [leaked("a:1", "exam", "exact", 1.0, 99.04), leaked("a:2", "exam", "rewrite", 0.6004, 80.0),
            leaked("a:3", "exam", "exact", 1.0, 50.0), leaked("a:4", "quiz", "exact", 1.0, 50.0)]  # fmt: skip
    read = [step(f"read-{name}") for name in ("exam", "quiz", "other")]
    steps = [*read, step("leaks", reference_inputs=[one["folder"] for one in read])]
    leaks = ledger_figures(summaries(steps), ledger(tmp_path, *ends))["leaks"]
    assert leaks["benchmarks"] == [
        {"benchmark": "exam", "n_items": 7, "layers": {"exact": 2, "rewrite": 1}},
        {"benchmark": "other", "n_items": 7, "layers": {}},
        {"benchmark": "quiz", "n_items": 7, "layers": {"exact": 1}},
    ]
    assert (leaks["n_items"], leaks["rows"]) == (21, 4)
    assert [(leak["id"], leak["score"], leak["bits"]) for leak in leaks["examples"]] == [
        ("a:1", 1.0, 99.0), ("a:2", 0.6, 80.0), ("a:4", 1.0, 50.0), ("a:3", 1.0, 50.0)
    ]  # fmt: skip


def duplicate(id, of, step="semantic", reason="semantic_duplicate"):
    return id, "dropped", step, reason, json.dumps({"duplicate_of": of, "similarity": 0.95}), []


def test_clusters_of_duplicates_are_counted_by_size(tmp_path):
    similar = [
        duplicate(f"{head}{n}", head) for head, size in (("a:0", 2), ("b:0", 4), ("c:0", 120)) for n in range(1, size)
    ]
    equal = [duplicate("d:1", "d:0", "exact", "duplicate")]
    steps = [step("exact"), step("semantic", config={"threshold": 0.93, "model": "tiny"})]
    exact, semantic = ledger_figures(summaries(steps), ledger(tmp_path, *similar, *equal))["duplicates"]
    assert exact == {
        "step": "exact", "reason": "duplicate", "dropped": 1, "clusters": 1, "rows": 2, "largest": 2,
        "sizes": [{"size": "2", "clusters": 1}], "thresholds": {},
    }  # fmt: skip
    assert semantic == {
        "step": "semantic", "reason": "semantic_duplicate", "dropped": 123, "clusters": 3, "rows": 126, "largest": 120,
        "sizes": [
            {"size": "2", "clusters": 1}, {"size": "3 to 5", "clusters": 1}, {"size": "101 or more", "clusters": 1}
        ],
        "thresholds": {"cosine": 0.93},
    }  # fmt: skip


def test_a_ledger_gives_row_statuses_and_the_steps_that_changed_kept_rows(tmp_path):
    ends = [
        ("a:1", "kept", "compose", None, None, ["clean-a", "compose"]), ("a:2", "kept", "compose", None, None, []),
        ("b:1", "kept", "compose", None, None, ["compose"]), ("b:2", "dropped", "clean-b", "junk", None, ["clean-b"]),
        ("b:f.json:3", "quarantined", "read-b", "malformed", None, []),
    ]  # fmt: skip
    figures = ledger_figures([], ledger(tmp_path, *ends))["ledger"]
    assert figures["statuses"] == {"dropped": 1, "kept": 3, "quarantined": 1}
    assert figures["changed"] == [
        {"source": "a", "step": "clean-a", "rows": 1},
        {"source": "a", "step": "compose", "rows": 1},
        {"source": "b", "step": "compose", "rows": 1},
    ]


def test_without_a_ledger_its_figures_are_empty(tmp_path):
    figures = ledger_figures(summaries([step("exact")]), tmp_path)
    assert figures["ledger"] == {"statuses": {}, "changed": []}
    assert (figures["leaks"]["rows"], figures["duplicates"]) == (0, [])


def test_generation_is_reported_by_stage_and_model_with_its_pass_rate(tmp_path):
    verdicts = ["kept", "right", "too_short", "wrong", "unparsed", "failed"]
    candidates = pl.DataFrame(
        {
            "id": ["a:1", "a:1", "a:2", "a:2", "a:3", "a:3"], "stage": ["cot"] * 6, "teacher": ["tiny"] * 6,
            "revision": ["1"] * 6, "prompt_tokens": [10] * 5 + [None], "completion_tokens": [2] * 5 + [None],
            "verdict": verdicts,
        }
    )  # fmt: skip
    kept_tables(tmp_path, "cot-0", candidates=candidates)
    config = {"samples": 4, "rounds": 2, "prompts": "abc", "temperature": 0.8}
    [generation] = stored_figures(Store(tmp_path), summaries([step("cot", config=config)]))["generation"]
    assert generation == {
        "step": "cot", "generator": None, "stage": "cot", "teacher": "tiny", "revision": "1", "rows": 3,
        "completions": 6, "prompt_tokens": 50, "completion_tokens": 10, **config,
        "verdicts": dict.fromkeys(sorted(verdicts), 1), "pass_rate": 0.6,
    }  # fmt: skip


def test_attacks_held_out_by_the_red_team_are_reported_without_their_text(tmp_path):
    def held_out(base, style, topic, by):
        attack = {"base": base, "style": style, "topic": topic, "request": "hostile words"}
        return "held_out", json.dumps({"held_out_by": by}), json.dumps({"attack": attack})

    gone = [held_out("r:1", "roleplay", "self-harm", "style"), held_out("r:1", "baseline", "weapons", "topic,request")]
    dropped = pl.DataFrame(gone, ["reason", "evidence", "meta"], orient="row")
    rates = pl.DataFrame({"topic": ["a", "a", "b"], "style": ["x", "y", "x"], "answers": [4, 4, 2],
                          "judged": [4, 3, 0], "unsafe": [2, 1, 0]})  # fmt: skip
    kept_tables(tmp_path, "attack-0", dropped=dropped)
    kept_tables(tmp_path, "guard-0", attack_success=rates)
    red_team = stored_figures(Store(tmp_path), summaries([step("attack", reasons={"held_out": 2}), step("guard")]))[
        "red_team"
    ]
    assert red_team["held_out"] == {
        "rows": 2, "rows_by": {"style": 1, "topic": 1, "request": 1}, "styles": 1, "topics": ["weapons"], "requests": 1
    }  # fmt: skip
    assert red_team["attack_success"] == [
        {"topic": "a", "answers": 8, "judged": 7, "unsafe": 3, "rate": round(3 / 7, 6)},
        {"topic": "b", "answers": 2, "judged": 0, "unsafe": 0, "rate": None},
    ]
    assert "hostile" not in json.dumps(red_team)


def test_a_mix_is_reported_with_the_shares_it_reached():
    rows = table(
        answered_row("a:1", "1234567", response="1"),
        answered_row("b:1", "1234567", response="1"),
        answered_row("b:2", "1" * 70),
    )
    parts = (Part(name="one", share=0.5, picks=(Pick(sources=("a",)),)), Part(name="two", share=0.5, picks=(Pick(),)))
    account = mix(lambda: iter([rows]), Mix(parts=parts, size="scarcest")).tables["account"].to_dicts()
    [mix_figures] = teacher_figures(summaries([step("mix", config={"tokenizer": None}, account=account)]))["mix"]
    assert mix_figures["counted_by"] == "a quarter of the characters"
    assert [part["part"] for part in mix_figures["parts"]] == ["one", "two"]
    assert mix_figures["parts"][0]["share_reached"] == account[0]["share_reached"]


# --- all sections together -----------------------------------------------------------------------------------------


@pytest.fixture
def everything(tmp_path):
    """Return manifest and folder of a release with pairs, a judge, a mix and a red team, made by hand."""
    judged = pl.DataFrame({"origin": ["judged"], "drop_reason": [None], "evidence": [None]}, {"origin": pl.String,
                          "drop_reason": pl.String, "evidence": pl.String})  # fmt: skip
    attack = json.dumps({"attack": {"base": "r:1", "style": "s", "topic": "weapons", "request": "hostile words"}})
    gone = {"reason": ["held_out"], "evidence": ['{"held_out_by": "topic"}'], "meta": [attack]}
    kept_tables(tmp_path, "pairs-0", pairs=judged)
    kept_tables(tmp_path, "attack-0", dropped=pl.DataFrame(gone))
    account = [
        {"part": "all", "share_wanted": 1.0, "share_reached": 1.0, "rows": 3, "rows_available": 3, "tokens": 9,
         "tokens_available": 9}
    ]  # fmt: skip
    steps = [step("attack", reasons={"held_out": 1}), step("pairs"), step("mix", account=account)]
    pair = answered_row("b:1", "?", rejected="No.", meta={"pair": {"origin": "judged", "margin": 1.0}})
    folder = write_release(
        tmp_path / "release", answered_row("a:1", "?", license="CC-BY-NC-4.0"), pair, row("c:1", "Ask | <b>this</b>")
    )
    spent = {"teacher": ["tiny"] * 2, "revision": ["1"] * 2, "prompt_tokens": [9, None], "completion_tokens": [4, None],
             "error": [None, "too long"]}  # fmt: skip
    (folder / "completions").mkdir()
    pl.DataFrame(spent).write_parquet(folder / "completions" / "completions-00000-of-00001.parquet")
    lock = {
        "a": {"home": "hf://datasets/org/a", "revision": "abc"},
        "b": {"home": "https://b.example", "revision": "1"},
    }
    manifest = {
        "name": "made", "version": "1.0", "rows": 3, "steps": steps, "lock": lock, "absent": ["quiz"],
        "waiting_for_teacher": {"cot": "chains"}, "license": "CC-BY-NC-4.0 AND MIT", "fingerprint": "0", "files": [],
    }  # fmt: skip
    return {**manifest, "figures": figures(Store(tmp_path), steps, folder)}, folder


def test_a_card_describes_mix_judge_pairs_and_red_team(everything):
    text = card(*everything)
    for part in ("## The mix", "## Red teaming", "a judge compared 1 pairs", "Not generated", "Not read", "`weapons`"):
        assert part in text
    assert "| `tiny` | `1` | 2 | 1 | 9 | 4 |" in text
    assert "hostile" not in text
    assert "[a](https://huggingface.co/datasets/org/a)" in text
    head = front_matter(text)
    assert head["source_datasets"] == ["org/a"]
    assert head["license"] == ["cc-by-nc-4.0", "mit"]
    assert {"preference", "red-team"} <= set(head["tags"])


def test_every_number_of_a_card_made_by_hand_is_a_figure(everything):
    figures = everything[0]["figures"]
    known = {way for leaf in leaves(figures) for way in written(leaf)} | {number(len(figures["origins"]))}
    assert [one for one in NUMBER.findall(body(card(*everything))) if one.rstrip(",") not in known] == []


def test_a_release_without_a_ledger_or_benchmark_says_so(everything):
    text = card(*everything)
    assert "No benchmark was checked" in text
    assert "No step checked for duplicates." in text
    assert "No step searched for personal data." in text


# --- names that do harm --------------------------------------------------------------------------------------------


def test_names_and_texts_of_sources_cannot_break_out_of_the_card():
    assert code("a`b|c\nd") == "`a'b\\|c d`"
    assert code("") == "`(empty)`"
    assert cell("<script>|[x](y) `z` *w*\n#") == "&lt;script>\\|\\[x](y) 'z' \\*w\\* #"


def test_numbers_are_written_the_same_everywhere():
    assert (number(1234567), number(0.72), number(None)) == ("1,234,567", "0.72", "–")
    assert (percent(0.12345), percent(None), decimal(2), decimal(None)) == ("12.3%", "–", "2.000", "–")


@pytest.mark.parametrize(
    ("rows", "word"),
    [(999, "n<1K"), (1_000, "1K<n<10K"), (999_999, "100K<n<1M"), (1_000_000, "1M<n<10M"), (10**9, "1B<n<10B")],
)
def test_the_size_of_a_set_in_the_words_of_the_hub(rows, word):
    assert _size(rows) == word


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        (["MIT"], {"license": "mit"}),
        (["MIT", "CC-BY-SA-4.0"], {"license": ["cc-by-sa-4.0", "mit"]}),
        ([LLAMA, "MIT"], {"license": ["llama3.1", "mit"]}),
        (["LicenseRef-research-only"], {"license": "other", "license_name": "research-only"}),
        (
            ["LicenseRef-qwen"],
            {
                "license": "other",
                "license_name": "qwen",
                "license_link": "https://huggingface.co/Qwen/Qwen2.5-72B-Instruct/blob/main/LICENSE",
            },
        ),
        (["LicenseRef-unknown"], {"license": "unknown"}),
    ],
)
def test_licences_are_given_as_identifiers_of_the_hub(ids, expected):
    assert hub_license(ids) == expected


# --- what it declares is what loads --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def three_kinds(tmp_path_factory):
    """Return a release with conversations, pairs and prompts, of two sources each, and its card."""
    place = tmp_path_factory.mktemp("kinds")
    rows = [
        made_of(f"{source}{kind}:{n}", kind)
        for kind in ("sft", "dpo", "prompts") for source in ("x", "y") for n in range(3)
    ]  # fmt: skip
    folder = write_release(place / "release", *rows)
    manifest = {
        "name": "kinds", "version": "1", "rows": len(rows), "steps": [], "lock": {}, "absent": [],
        "waiting_for_teacher": {}, "license": "MIT", "fingerprint": "0", "files": [],
    }  # fmt: skip
    manifest["figures"] = figures(Store(place), [], folder)
    (folder / "README.md").write_text(card(manifest, folder), encoding="utf-8")
    return manifest, folder


def made_of(id, kind):
    fields = {"options": ("Yes", "No"), "gold": (0,), "meta": {"year": 2012}}
    answers = {"sft": {"response": "Yes."}, "dpo": {"response": "Yes.", "rejected": "No."}, "prompts": {}}
    return row(id, "Is it so?", **fields, **answers[kind])


def test_all_configurations_load_with_the_features_they_declare(three_kinds, tmp_path):
    import datasets

    manifest, folder = three_kinds
    head = front_matter((folder / "README.md").read_text(encoding="utf-8"))
    infos = {info["config_name"]: info for info in head["dataset_info"]}
    names = datasets.get_dataset_config_names(str(folder))
    assert names == [size["config"] for size in manifest["figures"]["configs"]] == list(infos)
    assert {"sft", "dpo", "prompts", "sft-xsft", "dpo-ydpo"} <= set(names)
    for name in names:
        declared = datasets.Features._from_yaml_list(infos[name]["features"])
        loaded = datasets.load_dataset(str(folder), name, split="train", cache_dir=str(tmp_path))
        assert loaded.features == declared == datasets.Features.from_arrow_schema(SCHEMAS[name.partition("-")[0]])
        assert loaded.num_rows == infos[name]["splits"][0]["num_examples"]
        assert loaded.info.splits["train"].num_bytes == infos[name]["splits"][0]["num_bytes"]
        streamed = datasets.load_dataset(str(folder), name, split="train", streaming=True)
        assert streamed.features == declared
        assert list(streamed) == loaded.to_list()


def test_the_first_configuration_is_the_default(three_kinds, tmp_path):
    import datasets

    _, folder = three_kinds
    loaded = datasets.load_dataset(str(folder), split="train", cache_dir=str(tmp_path))
    assert loaded.num_rows == 6
    assert loaded[0]["messages"] == [
        {"role": "user", "content": "Is it so?"}, {"role": "assistant", "content": "Yes."}
    ]  # fmt: skip


def test_the_demo_loads_by_its_card(released, tmp_path):
    import datasets

    copy = shutil.copytree(released, tmp_path / "release")
    for size in load(released)["figures"]["configs"]:
        loaded = datasets.load_dataset(str(copy), size["config"], split="train", cache_dir=str(tmp_path / "cache"))
        assert (loaded.num_rows, loaded.info.splits["train"].num_bytes) == (size["rows"], size["bytes"])


def test_pandas_polars_and_duckdb_read_the_same_rows(three_kinds):
    _, folder = three_kinds
    pattern = str(folder / "data/sft/*/*.parquet")
    by_polars = pl.read_parquet(pattern).sort("id")
    by_duckdb = duckdb.sql(f"SELECT * FROM read_parquet('{pattern}') ORDER BY id").pl()
    assert by_duckdb.select("id", "messages").equals(by_polars.select("id", "messages"))
    paths = sorted(folder.glob("data/sft/*/*.parquet"))
    by_pandas = pd.concat(pd.read_parquet(path) for path in paths).sort_values("id")
    assert by_pandas["id"].tolist() == by_polars["id"].to_list()
    assert np.array_equal(by_pandas["messages"].iloc[0], by_polars["messages"].to_list()[0])


def test_what_each_generator_of_a_step_wrote_is_counted_by_itself_with_its_settings(tmp_path):
    candidates = pl.DataFrame(
        {
            "id": ["a:1", "b:1", "b:1"], "stage": ["cot"] * 3, "teacher": ["tiny"] * 3, "revision": ["1"] * 3,
            "prompt_tokens": [10] * 3, "completion_tokens": [2] * 3, "verdict": ["kept", "wrong", "kept"],
        }
    )  # fmt: skip
    generators = pl.DataFrame({"id": ["a:1", "b:1"], "generator": ["medqa", "headqa"], "chains": [1, 1]})
    kept_tables(tmp_path, "chains-0", candidates=candidates, generators=generators)
    settings = [{"generator": "medqa", "samples": 1}, {"generator": "headqa", "samples": 2}]
    parts = stored_figures(Store(tmp_path), summaries([step("chains", config={"generators": settings})]))["generation"]
    assert [(part["generator"], part["samples"], part["completions"], part["pass_rate"]) for part in parts] == [
        ("headqa", 2, 2, 0.5),
        ("medqa", 1, 1, 1.0),
    ]
