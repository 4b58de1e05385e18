"""The report: its numbers are those of the data, its bytes are always the same, and no row can inject markup."""

import base64
import hashlib
import json
import re
import shutil
from collections import Counter
from pathlib import Path

import duckdb
import polars as pl
import pytest
from click.testing import CliRunner
from manifests import summaries
from page_checks import (
    ACTIVE_CONTENT,
    HOSTILE,
    LOW_CONTRAST,
    UNNAMED,
    choose,
    dark,
    ids,
    rows_shown,
    search,
    tabbed,
)

from pipelines.cli.commands import main
from pipelines.report import row_sample
from pipelines.report.all_rows import all_rows, open_view, reference_only
from pipelines.report.funnel import funnel
from pipelines.report.funnel_stages import stages
from pipelines.report.page_text import compared, cut, safe_text
from pipelines.report.report_figures import FACETS, counts, mix
from pipelines.report.report_page import figures, pairs, report, write_report
from pipelines.report.row_sample import draw_rows, quotas


def query(sql, *values):
    return duckdb.sql(sql, params=list(values)).fetchall()


def data_of(html):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.DOTALL)[1])


@pytest.fixture(scope="module")
def demo(demo_store):
    """The release of the embedded demo: its folder, its rows and its figures."""
    folder = demo_store / "releases" / "demo" / "1"
    release = open_view(folder)
    rows = all_rows(release)
    return folder, rows, {**figures(release, rows), **pairs(release, rows)}


@pytest.fixture(scope="module")
def html(demo):
    return report(demo[0])


# --- every figure is that of the data ------------------------------------------------------------------------------


def test_totals_are_those_of_the_ledger_and_the_data(demo):
    folder, _, report_figures = demo
    ledger = dict(query("SELECT status, count(*) FROM read_parquet(?) GROUP BY 1", str(folder / "ledger/*.parquet")))
    assert report_figures["totals"]["reference_only"] == ledger.pop("reference_only")
    assert {name: report_figures["totals"][name] for name in ledger} == ledger
    assert report_figures["totals"]["read"] == sum(ledger.values())
    [(kept, tokens)] = query(
        "SELECT count(*), sum((length(messages[-1].content) + 3) // 4 + (list_sum(list_transform(messages[:-2],"
        " lambda m: length(m.content))) + 3) // 4)::BIGINT FROM read_parquet(?)",
        str(folder / "data/sft/*/*.parquet"),
    )
    assert (report_figures["totals"]["kept"], report_figures["totals"]["tokens"]) == (kept, tokens)


@pytest.mark.parametrize("column", ["source", "task", "license", "lang"])
def test_the_mix_is_counted_from_the_data(demo, column):
    folder, _, report_figures = demo
    rows_by_value = dict(
        query(f"SELECT {column}, count(*) FROM read_parquet(?) GROUP BY 1", str(folder / "data/*/*/*.parquet"))
    )
    [bars] = [bars for name, _, bars in report_figures["mixes"] if name == column]
    assert {bar.name: bar.rows for bar in bars} == rows_by_value
    assert sum(bar.share for bar in bars) == pytest.approx(1)
    assert sum(bar.tokens for bar in bars) == report_figures["totals"]["tokens"]


def test_histograms_count_every_kept_row_once(demo):
    folder, rows, report_figures = demo
    kept = rows.filter(status="kept")
    for histogram, column in zip(
        report_figures["histograms"], ("prompt_chars", "response_chars", "tokens"), strict=True
    ):
        for bar in histogram.bars:
            low, high = (int(part.replace(",", "")) for part in bar.name.split(" to "))
            assert bar.rows == kept.filter(pl.col(column).is_between(low, high)).height
        assert sum(bar.rows for bar in histogram.bars) == histogram.total == kept.height
        assert histogram.longest == kept[column].max()
        assert histogram.mean == pytest.approx(kept[column].mean())
    lengths = query("SELECT length(messages[-1].content) FROM read_parquet(?)", str(folder / "data/sft/*/*.parquet"))
    assert sorted(kept["response_chars"].to_list()) == sorted(n for (n,) in lengths)


def test_reasons_are_those_that_the_steps_counted(demo, demo_store):
    folder, _, report_figures = demo
    steps = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["steps"]
    counted = sum((Counter(step["reasons"]) for step in steps), Counter())
    counted["malformed"] = sum(step["counts"]["quarantined"] for step in steps)
    assert {one["reason"]: one["rows"] for one in report_figures["reasons"]} == dict(counted)
    by_source = Counter()
    for one in report_figures["sources"]:
        assert one["read"] == one["kept"] + one["dropped"] + one["quarantined"]
        by_source.update(dict(one["reasons"]))
    assert by_source == counted


def test_any_filter_can_be_counted_from_the_page(demo):
    _, rows, _ = demo
    facet_counts = counts(rows)
    for name in FACETS:
        facet = FACETS.index(name)
        for position, value in enumerate(facet_counts["names"][name]):
            n_rows = sum(cell[-1] for cell in facet_counts["cells"] if cell[facet] == position)
            assert n_rows == rows.filter(pl.col(name).fill_null("") == value).height
    assert sum(cell[-1] for cell in facet_counts["cells"]) == rows.height


def test_duplicates_and_leaks_are_all_counted(demo, demo_store):
    _, _, report_figures = demo
    dropped = pl.read_parquet(demo_store / "steps/*/dropped/*.parquet").filter(pl.col("evidence").is_not_null())
    copies = dropped.filter(pl.col("reason").is_in(["duplicate", "near_duplicate"]))
    keepers = {json.loads(evidence)["duplicate_of"] for evidence in copies["evidence"]}
    assert (report_figures["clusters"]["rows"], report_figures["clusters"]["clusters"]) == (copies.height, len(keepers))
    assert sum(n for _, n in report_figures["clusters"]["sizes"]) == len(keepers)
    leaking = dropped.filter(pl.col("reason").str.starts_with("leak:"))
    assert report_figures["leaks"]["rows"] == leaking.height == len(report_figures["leak_examples"])
    assert sum(n for *_, n in report_figures["leaks"]["benchmarks"]) == leaking.height


def test_a_leak_is_shown_next_to_the_item_that_it_leaks(demo):
    _, _, report_figures = demo
    one = next(one for one in report_figures["leak_examples"] if one["layer"] == "exact")
    left, right = ("".join(piece.text for piece in one[side]) for side in ("left", "right"))
    assert left.splitlines()[0].casefold() == right.splitlines()[0].casefold()
    assert any(piece.same for piece in one["right"])


def test_a_copy_is_shown_next_to_what_it_repeats_as_the_step_read_it(demo):
    _, _, report_figures = demo
    one = next(one for one in report_figures["closest"] if one["id"] == "genmedgpt5k:train-27")
    own = [[piece.text.strip() for piece in one[side] if not piece.same] for side in ("left", "right")]
    assert 0 < len(own[0]) < 6
    assert 0 < len(own[1]) < 6


def test_candidates_are_counted_from_the_store(demo, demo_store):
    _, _, report_figures = demo
    for one in report_figures["candidates"]:
        [folder] = [path for path in (demo_store / "steps").glob(f"{one['step']}-*") if path.is_dir()]
        candidates = pl.read_parquet(folder / "candidates" / "*.parquet").filter(stage=one["stage"])
        if one["generator"]:
            chosen = pl.read_parquet(folder / "generators" / "*.parquet").filter(generator=one["generator"])
            candidates = candidates.join(chosen, on="id", how="semi")
        assert {by["verdict"]: by["rows"] for by in one["verdicts"]} == dict(
            candidates.group_by("verdict").len().iter_rows()
        )
        assert one["candidates"] == candidates.height
        assert one["completion_tokens"] == candidates["completion_tokens"].sum()
        assert all(example["verdict"] == by["verdict"] for by in one["verdicts"] for example in by["examples"])
        assert not any(by["examples"] for by in one["verdicts"] if by["accepted"])
    assert [one["generator"] for one in report_figures["candidates"]] == ["headqa", "medmcqa", "pubmedqa"]


def test_pairs_are_counted_from_the_store(demo_store):
    release = open_view(demo_store / "releases/demo_dpo/1")
    [pair_figures] = figures(release, all_rows(release))["pairs_made"]
    [folder] = [path for path in (demo_store / "steps").glob("pairs-*") if path.is_dir()]
    drop_reasons = pl.read_parquet(folder / "pairs" / "*.parquet")["drop_reason"]
    assert (pair_figures["rows"], pair_figures["kept"]) == (len(drop_reasons), drop_reasons.null_count())
    assert dict(pair_figures["left_out"]) == dict(Counter(drop_reasons.drop_nulls()))


def test_the_report_and_the_card_count_the_same(demo):
    folder, rows, report_figures = demo
    card_figures = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["figures"]
    assert report_figures["totals"]["tokens"] == card_figures["tokens"]["all"]
    assert report_figures["totals"]["kept"] == card_figures["rows"]["all"]
    assert [(bar.name, bar.rows, bar.tokens) for bar in mix(rows, "task")] == [
        (part["task"], part["rows"], part["tokens"]) for part in card_figures["by_task"]
    ]


def test_malformed_rows_of_benchmarks_are_not_rows_read_for_training(demo, tmp_path):
    folder, rows, report_figures = demo
    shutil.copytree(folder, tmp_path / "release")
    path = next((tmp_path / "release/ledger").glob("*.parquet"))
    ledger = pl.read_parquet(path)
    one = ledger.filter(status="reference_only").head(1)
    broken = one.with_columns(id=pl.lit("x:y:1"), status=pl.lit("quarantined"), reason=pl.lit("malformed"))
    pl.concat([ledger, broken]).sort("id").write_parquet(path)
    release = open_view(tmp_path / "release")
    assert all_rows(release).height == rows.height
    assert reference_only(release) == report_figures["totals"]["reference_only"] + 1


def test_stages_lose_no_row_between_them(demo):
    steps = json.loads((demo[0] / "manifest.json").read_text(encoding="utf-8"))["steps"]
    funnel_stages, flows = stages(summaries(steps))
    for n, stage in enumerate(funnel_stages):
        assert stage.rows_in + stage.generated == stage.kept + stage.lost
        if stage.layer:
            assert stage.rows_in == sum(flow.rows for flow in flows if flow.end == n)
    assert funnel_stages[-1].kept == steps[-1]["counts"]["kept"]
    assert sum(stage.lost for stage in funnel_stages) == demo[2]["totals"]["dropped"] + demo[2]["totals"]["quarantined"]


def step(name, inputs, rows_in, *, made=0, **reasons):
    n_dropped = sum(reasons.values())
    counts = {
        "rows_in": rows_in,
        "made": made,
        "kept": rows_in + made - n_dropped,
        "dropped": n_dropped,
        "quarantined": 0,
    }
    summary_fields = {"name": name, "folder": name, "inputs": inputs, "reference_inputs": [], "counts": counts}
    return summaries([{**summary_fields, "reasons": reasons}])[0]


def test_many_sources_share_a_node_and_steps_that_change_nothing_another():
    reads = [step(f"read-s{n:02}", [], 100 - n) for n in range(20)]
    cleans = [step(f"clean-s{n:02}", [f"read-s{n:02}"], 100 - n, echo=n) for n in range(20)]
    rows_left = sum(one.counts.kept for one in cleans)
    unchanged = [step("private", [one.name for one in cleans], rows_left), step("reviewed", ["private"], rows_left)]
    last = step("mixed", ["reviewed"], rows_left, made=30, over_share=5)
    funnel_stages, flows = stages([*reads, *cleans, *unchanged, last])
    assert [stage.name for stage in funnel_stages if not stage.layer] == [f"s{n:02}" for n in range(10)] + [
        "10 smaller sources"
    ]
    assert [(stage.name, stage.layer) for stage in funnel_stages if stage.layer] == [
        ("clean", 1),
        ("private … reviewed", 2),
        ("mixed", 3),
    ]
    assert (funnel_stages[-1].generated, funnel_stages[-1].kept, funnel_stages[-1].ended) == (
        30,
        rows_left + 25,
        {"over_share": 5},
    )
    assert [flow.rows for flow in flows][-2:] == [rows_left, rows_left]
    chart = funnel([*reads, *cleans, *unchanged, last])
    assert all(0 <= box.x <= chart.width and 0 <= box.y <= chart.height for box in chart.boxes)
    assert chart.boxes[len(funnel_stages) - 1].lines == ("mixed", f"{rows_left + 25:,} released")


def test_steps_that_fork_and_meet_again_are_drawn_once():
    steps = [step("read-a", [], 10), step("easy", ["read-a"], 10, hard=4), step("hard", ["read-a"], 10, easy=6)]
    reference_inputs = step("only_reference", ["read-a"], 10)
    funnel_stages, flows = stages([*steps, reference_inputs, step("mix", ["easy", "hard"], 10)])
    assert [stage.name for stage in funnel_stages] == ["a", "easy", "hard", "mix"]
    assert [(funnel_stages[flow.start].name, funnel_stages[flow.end].name, flow.rows) for flow in flows] == [
        ("a", "easy", 10),
        ("a", "hard", 10),
        ("easy", "mix", 6),
        ("hard", "mix", 4),
    ]


def test_the_page_says_the_numbers(demo, html):
    _, _, report_figures = demo
    tiles = dict(re.findall(r"<dt>([^<]*)</dt><dd>([\d,]+)", html))
    tile_fields = {"Rows read": "read", "Kept": "kept", "Dropped": "dropped", "Quarantined": "quarantined"}
    assert {title: int(tiles[title].replace(",", "")) for title in tile_fields} == {
        title: report_figures["totals"][name] for title, name in tile_fields.items()
    }
    assert int(tiles["Tokens, estimated"].replace(",", "")) == report_figures["totals"]["tokens"]
    table = html.partition('<table class="narrow">')[2].partition("</table>")[0]
    assert table.count('<th scope="row">') == len(report_figures["funnel"].stages)
    for ribbon in report_figures["funnel"].ribbons:
        assert ribbon.title in html


# --- the sample ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sizes", "sample", "shares"),
    [([], 5, []), ([3, 100, 50], 60, [3, 29, 28]), ([1, 1, 1], 2, [1, 1, 0]), ([2, 2], 9, [2, 2]), ([5, 5], 0, [0, 0])],
)
def test_every_stratum_has_the_same_share_as_far_as_it_goes(sizes, sample, shares):
    assert quotas(sizes, sample) == shares


def test_a_sample_has_rows_of_every_stratum_and_is_always_the_same(demo):
    _, rows, _ = demo
    sample = draw_rows(rows, 120)
    assert sample.height == 120
    assert sample.filter(status="kept").height == 60
    strata = rows.unique(["status", "source", "reason"]).filter(pl.col("status") == "kept")
    assert sample.filter(status="kept")["source"].n_unique() == strata.height
    assert set(sample["reason"]) == set(rows["reason"])
    shuffled = draw_rows(rows.sample(fraction=1, shuffle=True, seed=3), 120)
    assert shuffled["id"].to_list() == sample["id"].to_list()


def test_the_page_says_how_much_of_what_it_shows(demo):
    html = report(demo[0], sample=50)
    page_data = data_of(html)
    assert len(page_data["rows"]) == 50
    assert "A sample of 50 of 315 rows" in html
    assert sum(one["sample"] for one in page_data["strata"]) == 50
    assert sum(one["population"] for one in page_data["strata"]) == 315


def test_texts_are_cut_and_then_rows_left_out_until_the_page_is_small_enough(demo, monkeypatch):
    monkeypatch.setattr(row_sample, "BYTES", 60_000)
    html = report(demo[0])
    sampled_rows = data_of(html)["rows"]
    assert len(json.dumps(sampled_rows, ensure_ascii=False).encode()) < 70_000
    assert 0 < len(sampled_rows) < 315
    assert f"A sample of {len(sampled_rows)} of 315 rows" in html
    assert "315 were requested; more would make the page too large." in html
    limit = int(re.search(r"Texts are cut after ([\d,]+) characters", html)[1].replace(",", ""))
    assert max(len(row.get("response", "")) for row in sampled_rows) <= limit + len(" ⟦999 more characters⟧")


def test_no_row_is_shown_for_a_sample_of_zero(demo):
    assert data_of(report(demo[0], sample=0))["rows"] == []


# --- what changed --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def changed(demo, demo_store, tmp_path_factory):
    """The demo with one row removed and one answer edited, in a store of its own."""
    store = tmp_path_factory.mktemp("changed") / "store"
    shutil.copytree(demo_store, store)
    folder = store / "releases/demo/1"
    path = next((folder / "data/sft/medquad").glob("*.parquet"))
    rows = pl.read_parquet(path)
    messages = rows["messages"].to_list()
    messages[0][-1]["content"] += " Ask a <b>doctor</b>."
    rows.with_columns(pl.Series("messages", messages, rows.schema["messages"])).slice(0, rows.height - 1).write_parquet(
        path
    )
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    (folder / "manifest.json").write_text(json.dumps({**manifest, "version": "2", "rows": 233}), encoding="utf-8")
    return folder, rows["id"][0], rows["id"][-1]


def test_the_changes_since_a_version_are_those_that_diff_finds(demo, changed):
    folder, edited, removed = changed
    html = report(folder, against=demo[0])
    section = html[html.index('<section id="changes"') : html.index('<section id="rows"')]
    tiles = dict(re.findall(r"<dt>([^<]*)</dt><dd>([\d,]+)", section))
    assert tiles == {
        "Rows before": "234",
        "Rows now": "233",
        "Added": "0",
        "Removed": "1",
        "Edited": "1",
        "Unchanged": "232",
    }
    assert edited in section
    assert removed in section
    assert "&lt;b&gt;doctor&lt;/b&gt;" in section
    assert "<ins>" in section


def test_the_page_says_that_there_is_no_version_to_compare_with(html):
    assert "No version was given to compare with" in html


# --- always the same bytes, anywhere -------------------------------------------------------------------------------


def test_the_same_release_gives_the_same_bytes_in_any_store(demo, demo_store, tmp_path, html):
    shutil.copytree(demo_store, tmp_path / "elsewhere")
    written = write_report(tmp_path / "elsewhere/releases/demo/1", tmp_path / "out.html")
    assert written.read_bytes() == html.encode()
    assert str(tmp_path) not in html


def test_the_order_of_candidates_in_the_store_does_not_show(demo_store, tmp_path, html):
    shutil.copytree(demo_store, tmp_path / "store")
    tables = [*(tmp_path / "store/steps").glob("*/candidates/*.parquet")]
    assert tables
    for path in tables:
        pl.read_parquet(path).reverse().write_parquet(path)
    assert report(tmp_path / "store/releases/demo/1") == html


def test_without_its_store_a_release_shows_dropped_rows_from_the_ledger(demo, tmp_path):
    shutil.copytree(demo[0], tmp_path / "alone", ignore=shutil.ignore_patterns("report.html"))
    html = report(tmp_path / "alone")
    assert 'id="no-store"' in html
    ended = [row for row in data_of(html)["rows"] if row["status"] != "kept"]
    assert len(ended) == 81
    assert not any(row["has_text"] or "messages" in row for row in ended)
    assert all(row["reason"] and row["step"] for row in ended)
    assert "Candidates are in the store" in html


def test_a_release_without_dropped_rows_has_its_report_too(demo, tmp_path):
    shutil.copytree(demo[0], tmp_path / "whole")
    path = next((tmp_path / "whole/ledger").glob("*.parquet"))
    pl.read_parquet(path).filter(status="kept").write_parquet(path)
    html = report(tmp_path / "whole")
    assert "No row was dropped." in html
    assert "0 rows were dropped as duplicates of 0 others" in html
    assert len(data_of(html)["rows"]) == 234


def test_a_release_of_pairs_shows_both_answers(demo_store):
    page_data = data_of(report(demo_store / "releases/demo_dpo/1"))
    kept = [row for row in page_data["rows"] if row["status"] == "kept"]
    manifest = json.loads((demo_store / "releases/demo_dpo/1/manifest.json").read_text(encoding="utf-8"))
    assert len(kept) == manifest["rows"] > 30
    assert all(row["response"] and row["rejected"] for row in kept)


def test_the_policy_names_the_style_and_the_script_of_the_page_and_nothing_else(html):
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)[1].replace("&#39;", "'")
    script = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    style = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    assert (len(script), len(style)) == (1, 1)
    for directive, text in (("script-src", script[0]), ("style-src", style[0])):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert not re.search(r'(?:src|href|action)="(?!#|data:,")', html)


# --- hostile text --------------------------------------------------------------------------------------------------


def test_hidden_characters_are_shown_as_code_points():
    assert safe_text("a\u202eb\x00c\td\ne\ud800") == "a⟦U+202E⟧b⟦U+0000⟧c\td\ne⟦U+D800⟧"
    assert cut("x" * 1_000_000, 10) == "xxxxxxxxxx ⟦999,990 more characters⟧"


def test_two_texts_are_compared_word_by_word():
    left, right = compared("Take two tablets daily.", "Take three tablets daily.", 100)
    assert [piece.text.strip() for piece in left if not piece.same] == ["two"]
    assert [piece.text.strip() for piece in right if not piece.same] == ["three"]
    assert "".join(piece.text for piece in right) == "Take three tablets daily."


@pytest.fixture(scope="module")
def hostile(demo_store, tmp_path_factory):
    """A copy of the demo whose rows, kept and dropped, try to break out of the page."""
    store = tmp_path_factory.mktemp("hostile") / "store"
    shutil.copytree(demo_store, store)
    folder = store / "releases/demo/1"
    path = next((folder / "data/sft/headqa_en").glob("*.parquet"))
    rows = pl.read_parquet(path)
    texts = [*HOSTILE, "long" * 250_000]
    messages = rows["messages"].to_list()
    for n, text in enumerate(texts):
        messages[n] = [{"role": text[:200], "content": text}, {"role": "assistant", "content": text}]
    rows.with_columns(pl.Series("messages", messages, rows.schema["messages"])).write_parquet(path)
    [leaks] = [path for path in (store / "steps").glob("leaks-*") if path.is_dir()]
    dropped = sorted((leaks / "dropped").glob("*.parquet"))[0]
    bad_evidence = [
        {**json.loads(one), "item_text": HOSTILE[0], "benchmark": HOSTILE[1]}
        for one in pl.read_parquet(dropped)["evidence"]
    ]
    table = pl.read_parquet(dropped)
    messages_column = pl.Series(
        [[{"role": "user", "content": HOSTILE[n % 5]}] for n in range(table.height)], dtype=table.schema["messages"]
    )
    table.with_columns(
        evidence=pl.Series([json.dumps(one) for one in bad_evidence]), messages=messages_column
    ).write_parquet(dropped)
    return folder


def test_hostile_text_cannot_end_the_script_that_holds_it(hostile):
    html = report(hostile)
    assert html.count("</script>") == 2
    assert "<img" not in html
    assert "\x00" not in html
    assert "\u202e" not in html
    assert len(html) < 3_000_000


# --- the verb ------------------------------------------------------------------------------------------------------


def test_the_verb_writes_the_file_and_says_where(demo_store, tmp_path, html):
    out = tmp_path / "deep" / "page.html"
    result = CliRunner().invoke(main, ["report", "demo@1", "--store", str(demo_store), "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert result.output.strip() == str(out)
    assert out.read_text(encoding="utf-8") == html


def test_a_missing_release_is_reported_in_one_line(demo_store):
    result = CliRunner().invoke(main, ["report", "demo@9", "--store", str(demo_store)])
    assert result.exit_code == 1
    assert "demo@1" in result.output
    assert len(result.output.splitlines()) == 1


def test_a_release_without_its_ledger_is_refused(demo, tmp_path):
    shutil.copytree(demo[0], tmp_path / "bare", ignore=shutil.ignore_patterns("ledger"))
    result = CliRunner().invoke(main, ["report", str(tmp_path / "bare")])
    assert result.exit_code == 1
    assert "has no ledger" in result.output


# --- in a real browser ---------------------------------------------------------------------------------------------


@pytest.fixture
def demo_page(window, demo, html, tmp_path):
    """The report on the demo, opened from a file with the network off."""
    path = tmp_path / "report.html"
    path.write_text(html, encoding="utf-8")
    window.offline()
    window.start(path.as_uri())
    window.url = path.as_uri()
    return window


def test_the_page_opens_offline_and_sends_no_request(demo_page):
    assert demo_page.until("return document.querySelectorAll('#list [role=option]').length") == 50
    assert demo_page.requests() == [demo_page.url]
    assert demo_page.console() == []
    assert "A sample of 315 of 315 rows" in demo_page.js("return document.getElementById('sample').textContent")


def test_filters_and_search_choose_rows_and_say_out_of_how_many(demo_page, demo):
    _, rows, _ = demo
    choose(demo_page, "reason", "near_duplicate")
    near = rows.filter(reason="near_duplicate")
    rows_shown(demo_page, 7)
    assert sorted(ids(demo_page)) == sorted(near["id"])
    assert demo_page.js("return document.getElementById('summary').textContent") == (
        "7 sampled rows, out of 7 rows of the release and its ledger that match these filters (all counted)."
    )
    demo_page.press("/")
    demo_page.press(*"asthma")
    rows_shown(demo_page, 1)
    assert "cover the sample only" in demo_page.js("return document.getElementById('summary').textContent")


def test_a_name_in_a_table_leads_to_its_rows(demo_page, demo):
    demo_page.js("document.querySelector('button[data-facet=source][data-value=pubmedqa]').click()")
    assert demo_page.until("return document.getElementById('by-source').value") == "pubmedqa"
    rows_shown(demo_page, demo[1].filter(source="pubmedqa").height)


def test_rows_are_read_with_the_keyboard_alone(demo_page):
    demo_page.until("return document.querySelectorAll('#list [role=option]').length")
    first = ids(demo_page)[:3]
    demo_page.press("j", "j", "j", "k", "Enter")
    opened_id = demo_page.until("return document.querySelector('#detail .id')?.textContent")
    assert opened_id == first[1]
    assert demo_page.js("return document.querySelector('[aria-selected=true] .id').textContent") == first[1]
    demo_page.press("j")
    demo_page.until("return document.querySelector('#detail .id')?.textContent === arguments[0]", first[2])
    demo_page.press("Escape")
    assert demo_page.until("return document.getElementById('detail').hasAttribute('data-empty')")
    assert demo_page.js("return document.activeElement.querySelector('.id').textContent") == first[2]
    demo_page.press("/")
    assert demo_page.js("return document.activeElement.id") == "search"


def test_the_focused_element_is_always_visible(demo_page):
    demo_page.until("return document.querySelectorAll('#list [role=option]').length")
    seen = tabbed(demo_page, 14)
    assert seen[0][0] == "A"
    assert any(id == "theme" for _, id, _ in seen)
    assert all(visible for _, _, visible in seen)
    assert demo_page.js(UNNAMED) == []


def test_light_and_dark_follow_the_system_until_the_user_chooses(demo_page):
    assert not dark(demo_page)
    demo_page.scheme("dark")
    assert dark(demo_page)
    demo_page.js("document.getElementById('theme').click()")
    assert not dark(demo_page)
    assert demo_page.js("return document.getElementById('theme').textContent") == "Dark"
    demo_page.go(demo_page.url)
    assert not dark(demo_page)
    demo_page.js("localStorage.clear()")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_has_enough_contrast(demo_page, scheme):
    demo_page.scheme(scheme)
    demo_page.js("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    for reason in ("", "leak:exact", "malformed"):
        choose(demo_page, "reason", reason)
        demo_page.press("Escape", "j", "Enter")
        demo_page.until("return document.querySelector('#detail .id')")
        n_texts, low_contrast = demo_page.js(LOW_CONTRAST)
        assert n_texts > 500
        assert low_contrast == []


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_the_page_fits_any_width(demo_page, width):
    demo_page.size(width, 800)
    assert demo_page.js("return document.documentElement.scrollWidth") <= width


def test_hostile_rows_are_only_ever_text(window, hostile, tmp_path):
    path = tmp_path / "hostile.html"
    write_report(hostile, path)
    window.go("about:blank")
    window.console(), window.requests()
    window.go(path.as_uri())
    window.until("return document.querySelectorAll('#list [role=option]').length")
    window.js("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    for text in ("broken", "turned", "longlong"):
        search(window, text)
        window.until("return document.querySelectorAll('#list [role=option]').length < 40")
        window.press("Escape", "j", "Enter")
        window.until("return document.querySelector('#detail .txt')")
        assert window.js(ACTIVE_CONTENT) == [2, 0, 0, 0, "undefined"]
    assert window.console() == []
    assert window.requests() == [path.as_uri()]
    assert window.js("return document.documentElement.scrollWidth") <= 1280
    assert window.js("return document.body.textContent.includes('⟦U+202E⟧gnp.exe')")


def test_the_wheel_would_carry_the_templates():
    templates = Path(__file__).parent.parent / "pipelines" / "templates"
    assert {"report.html.jinja", "report.css", "report.js", "report_rows.js", "browse.html.jinja", "browse.js"} <= {
        path.name for path in templates.iterdir()
    }
