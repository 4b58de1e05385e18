"""Rows judged by people: one sample for all reviewers, verdicts that survive a kill, checked sheets, the card."""

import csv
import http.client
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import tomllib
import urllib.request
from collections import Counter

import openpyxl
import polars as pl
import pytest
from click.testing import CliRunner
from page_checks import ACTIVE_CONTENT, HOSTILE, LOW_CONTRAST, UNNAMED, dark, tabbed

from pipelines.cli.commands import main
from pipelines.freeze.rebuild import rebuild
from pipelines.release.review_figures import outcomes, review_figures
from pipelines.release.review_verdicts import (
    FILE,
    ReviewError,
    Verdict,
    append_verdicts,
    read_reviews,
    read_verdicts,
    released_verdicts,
    row_mark,
    rows_by_id,
    verdict_table,
)
from pipelines.report.all_rows import open_view
from pipelines.report.browse import BrowseApp
from pipelines.report.report_page import write_report
from pipelines.report.server import Server, serve
from pipelines.review.review_page import ReviewApp
from pipelines.review.review_sample import review_sample
from pipelines.review.review_sheet import COLUMNS, read_sheet, write_sheet
from pipelines.review.review_summary import override_wrong_rows, reviewer_file, summary
from pipelines.trace.propose_overrides import contents_as_read
from pipelines.verify.verify_release import verify
from training.evaluation.statistics import fleiss_kappa

SOURCES = 6
"""Sources of the demo."""


@pytest.fixture(scope="module")
def folder(demo_store):
    return demo_store / "releases/demo/1"


@pytest.fixture(scope="module")
def sample(folder):
    return review_sample(folder, 12)


def verdicts(sample, reviewer, answers):
    """Return a verdict on each row, taking the answers in turn."""
    return [
        Verdict(id=one.id, mark=one.mark, reviewer=reviewer, verdict=answers[n % len(answers)], release="demo@1")
        for n, one in enumerate(sample)
    ]


# --- which rows ----------------------------------------------------------------------------------------------------


def test_every_reviewer_gets_the_same_rows_as_many_of_each_source(folder, sample):
    again = review_sample(folder, 12)
    assert [one.id for one in again] == [one.id for one in sample]
    sources = Counter(one.row["source"] for one in sample)
    assert len(sources) == SOURCES
    assert set(sources.values()) == {2}
    assert [one.id for one in review_sample(folder, 12, seed=1)] != [one.id for one in sample]
    assert len(review_sample(folder, 10_000)) == 234
    assert len(review_sample(folder, 7, by=("task", "lang"))) == 7


def test_a_larger_sample_has_all_rows_of_a_smaller_one(folder, sample):
    assert {one.id for one in sample} <= {one.id for one in review_sample(folder, 30)}


def test_a_mark_changes_with_what_is_judged_and_with_nothing_else(sample):
    row = sample[0].row
    assert row_mark({**row, "response": "another"}) != sample[0].mark
    assert row_mark({**row, "meta": "another", "license": "MIT"}) == sample[0].mark


# --- the file of a reviewer ----------------------------------------------------------------------------------------


def test_the_last_verdict_on_a_row_counts_and_half_a_line_of_a_killed_run_does_not(sample, tmp_path):
    path = tmp_path / "deep" / "ann.jsonl"
    append_verdicts(path, verdicts(sample[:2], "ann", ["right"]))
    with path.open("ab") as file:
        file.write(b'{"id": "half')
    assert [one.verdict for one in read_verdicts(path)] == ["right", "right"]
    append_verdicts(path, verdicts(sample[:1], "ann", ["wrong"]))
    assert [one.verdict for one in read_verdicts(path)] == ["wrong", "right"]
    assert path.read_bytes().count(b"\n") == 3


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('{"id": "a"}', "line 2: mark is missing"),
        ('{"id": "a", "mark": "m", "reviewer": "ann", "verdict": "good"}', "line 2: verdict is 'good'"),
        ('{"id": "a", "mark": "m", "reviewer": "ann", "verdict": "right", "reason": "x"}', "reason is 'x'"),
        (
            '{"id": "a", "mark": "m", "reviewer": "ann", "verdict": "right", "reason": "wrong-answer"}',
            "line 2: verdict is 'right' with the reason 'wrong-answer' (the answer is wrong), expected no reason",
        ),
        ('{"id": "a", "mark": "m", "reviewer": "", "verdict": "right"}', "line 2: reviewer is ''"),
        ("[]", "line 2: "),
        ("{", "line 2: "),
        ('{"id": "a", "mark": "m", "reviewer": "bob", "verdict": "right"}', "expected one reviewer a file"),
    ],
)
def test_a_malformed_verdict_is_reported_with_its_line(line, expected, sample, tmp_path):
    path = tmp_path / "ann.jsonl"
    append_verdicts(path, verdicts(sample[:1], "ann", ["right"]))
    with path.open("a") as file:
        file.write(f"{line}\n")
    with pytest.raises(ReviewError) as error:
        read_verdicts(path)
    assert expected in str(error.value)


def test_two_files_of_one_reviewer_and_missing_ones_are_refused(sample, tmp_path):
    for name in ("ann", "copy"):
        append_verdicts(tmp_path / f"{name}.jsonl", verdicts(sample[:1], "ann", ["right"]))
    with pytest.raises(ReviewError, match="both have verdicts of ann"):
        read_reviews([tmp_path / "ann.jsonl", tmp_path / "copy.jsonl"])
    with pytest.raises(ReviewError, match="is not there"):
        read_reviews([tmp_path / "bob.jsonl"])
    with pytest.raises(ReviewError, match=r"reviewer is '\.\./ann'"):
        reviewer_file(tmp_path, "../ann")


# --- agreement and errors ------------------------------------------------------------------------------------------


def test_kappa_is_that_of_scikit_learn(folder):
    metrics = pytest.importorskip("sklearn.metrics", reason="needs scikit-learn: pip install scikit-learn")
    rows = review_sample(folder, 60)
    draw = random.Random(7)
    for weights in ([8, 1, 1], [1, 1, 1], [1, 6, 3]):
        given_by = {
            who: verdicts(rows, who, draw.choices(["right", "wrong", "unsure"], weights, k=60)) for who in "abc"
        }
        figures = review_figures(verdict_table([one for each in given_by.values() for one in each]), folder)
        assert len(figures.pairs) == 3
        for pair in figures.pairs:
            labels = [
                [one.verdict for one in sorted(given_by[who], key=lambda one: one.id)]
                for who in (pair.first, pair.second)
            ]
            assert pair.kappa == pytest.approx(metrics.cohen_kappa_score(*labels), abs=1e-12)
        assert figures.mean_kappa == pytest.approx(sum(pair.kappa for pair in figures.pairs) / 3)


def test_the_outcome_of_a_row_is_the_majority_of_sure_reviewers(folder, sample):
    answers_by_row = {
        0: ["right", "right", "wrong"],
        1: ["wrong", "unsure", "unsure"],
        2: ["right", "wrong", "unsure"],
        3: ["unsure", "unsure", "unsure"],
    }
    all_verdicts = [
        Verdict(id=sample[n].id, mark=sample[n].mark, reviewer=who, verdict=answer)
        for n, answers in answers_by_row.items()
        for who, answer in zip("abc", answers, strict=True)
    ]
    outcome_of = dict(outcomes(verdict_table(all_verdicts)).iter_rows())
    assert [outcome_of[sample[n].id] for n in range(4)] == ["right", "wrong", "disputed", "unsure"]
    figures = review_figures(verdict_table(all_verdicts), folder)
    assert sum(part.rows for part in figures.by_source) == figures.rows == 4
    assert all(part.error_rate is None for part in figures.by_source if not part.right + part.wrong)


def test_fleiss_kappa_is_that_of_the_definition(folder, sample):
    # Three raters, four rows: all agree on two (3 pairs of 3), two of three on the others (1 pair of 3).
    answers = {"ann": ["right", "wrong", "right", "right"], "bob": ["right", "wrong", "right", "wrong"]}
    answers["cyd"] = ["right", "wrong", "wrong", "wrong"]
    observed = (1 + 1 + 1 / 3 + 1 / 3) / 4
    chance = (6 / 12) ** 2 + (6 / 12) ** 2  # six of twelve labels are right, six wrong
    given = [one for who, said in answers.items() for one in verdicts(sample[:4], who, said)]
    found = review_figures(verdict_table(given), folder)
    assert found.fleiss_kappa == pytest.approx((observed - chance) / (1 - chance))
    assert found.fleiss_rows == 4
    more = [*given, *verdicts(sample[4:6], "ann", ["wrong"])]  # a row that two did not read is not compared
    assert review_figures(verdict_table(more), folder).fleiss_kappa == found.fleiss_kappa
    same = [one for who in answers for one in verdicts(sample[:4], who, ["right"])]
    assert review_figures(verdict_table(same), folder).fleiss_kappa is None  # chance alone explains it
    pair = [one for one in given if one.reviewer != "cyd"]
    assert review_figures(verdict_table(pair), folder).fleiss_kappa is None
    with pytest.raises(ValueError, match="expected as many of each"):
        fleiss_kappa([["right", "right"], ["right"]])


def test_reviewers_of_different_rows_have_no_kappa(folder, sample):
    all_verdicts = [*verdicts(sample[:3], "ann", ["right"]), *verdicts(sample[3:6], "bob", ["right"])]
    figures = review_figures(verdict_table(all_verdicts), folder)
    assert (figures.pairs[0].rows, figures.pairs[0].kappa, figures.mean_kappa) == (0, None, None)
    same = [*verdicts(sample[:3], "ann", ["right"]), *verdicts(sample[:3], "bob", ["right"])]
    assert review_figures(verdict_table(same), folder).pairs[0].kappa is None  # chance alone explains it


# --- sheets --------------------------------------------------------------------------------------------------------


def edit(path, change):
    """Read a sheet, let ``change`` edit its rows (dicts), and write it again."""
    if path.suffix == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        change(rows)
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        return
    book = openpyxl.load_workbook(path)
    page = book.active
    names = [cell.value for cell in page[1]]
    rows = [dict(zip(names, [cell.value for cell in line], strict=True)) for line in page.iter_rows(min_row=2)]
    change(rows)
    for n, row in enumerate(rows, 2):
        for column, name in enumerate(names, 1):
            page.cell(n, column, row[name])
    book.save(path)


@pytest.mark.parametrize("name", ["sheet.csv", "sheet.xlsx"])
def test_verdicts_come_back_from_a_sheet(name, folder, sample, tmp_path):
    path = tmp_path / name
    write_sheet(sample, path)

    def judge(rows):
        rows[0] |= {"verdict": "Right "}
        rows[1] |= {"verdict": "wrong", "reason": "unsafe", "comment": "dose = none\nas written"}

    edit(path, judge)
    read_back = read_sheet(path, folder, "ann", "demo@1")
    assert [(one.id, one.verdict, one.reason) for one in read_back] == [
        (sample[0].id, "right", ""),
        (sample[1].id, "wrong", "unsafe"),
    ]
    assert all(one.mark == row_mark(rows_by_id(folder, [one.id])[one.id]) for one in read_back)


@pytest.mark.parametrize("name", ["sheet.csv", "sheet.xlsx"])
def test_every_faulty_line_of_a_sheet_is_named_and_nothing_is_read(name, folder, sample, tmp_path):
    path = tmp_path / name
    write_sheet(sample, path)

    def spoil(rows):
        rows[0] |= {"id": "medquad:nothing", "verdict": "right"}
        rows[1] |= {"verdict": "good"}
        rows[2] |= {"question": "Another question?", "verdict": "right"}
        rows[3] |= {"mark": "0" * 16, "verdict": "right"}
        rows[4] |= {"verdict": "wrong", "reason": "bad"}
        rows[5] |= {"comment": "what is this?"}
        rows[6] |= {"verdict": "right", "reason": "wrong-answer"}

    edit(path, spoil)
    with pytest.raises(ReviewError) as error:
        read_sheet(path, folder, "ann", "demo@1")
    message = str(error.value)
    for part in (
        "id is 'medquad:nothing', expected that of a row of demo@1",
        "verdict is 'good', expected right, wrong, unsure",
        "question of ",
        "mark is '0000000000000000'",
        "reason is 'bad'",
        "has a reason or comment but no verdict",
        "verdict is 'right' with the reason 'wrong-answer' (the answer is wrong), expected no reason, or the verdict",
    ):
        assert part in message
    if name.endswith("xlsx"):
        assert [f"line {n}: " in message for n in range(2, 10)] == [True] * 7 + [False]


def test_a_row_on_two_lines_and_a_sheet_of_another_kind_are_refused(folder, sample, tmp_path):
    path = tmp_path / "sheet.csv"
    write_sheet(sample, path)
    edit(path, lambda rows: rows.append(dict(rows[0])))
    with pytest.raises(ReviewError, match="is on line 2 already"):
        read_sheet(path, folder, "ann", "demo@1")
    rows = path.read_text(encoding="utf-8-sig").replace("comment,mark", "comment,mark,verdict", 1)
    path.write_text(rows, encoding="utf-8")
    with pytest.raises(ReviewError, match="has two columns 'verdict', expected one; delete or rename the other"):
        read_sheet(path, folder, "ann", "demo@1")
    path.write_text(f"{','.join(COLUMNS)}\n1," + "x" * 1000, encoding="utf-8")
    usual = csv.field_size_limit(999)
    try:
        with pytest.raises(ReviewError, match=r"sheet\.csv, line 2: broken csv .*; save the sheet as CSV again"):
            read_sheet(path, folder, "ann", "demo@1")
    finally:
        csv.field_size_limit(usual)
    path.write_text("id,text\na,b\n", encoding="utf-8")
    with pytest.raises(ReviewError, match="no column 'source'"):
        read_sheet(path, folder, "ann", "demo@1")
    with pytest.raises(ReviewError, match=r"expected \.csv or \.xlsx"):
        write_sheet(sample, tmp_path / "sheet.ods")


def test_no_cell_is_a_formula_and_semicolons_of_a_spreadsheet_are_read(folder, sample, tmp_path):
    hostile = sample[0].row | {"messages": [{"role": "user", "content": '=HYPERLINK("http://x")\x07'}]}
    one = type(sample[0])(row=hostile, mark=sample[0].mark)
    write_sheet([one], tmp_path / "sheet.csv")
    write_sheet([one], tmp_path / "sheet.xlsx")
    assert "'=HYPERLINK" in (tmp_path / "sheet.csv").read_text(encoding="utf-8")
    page = openpyxl.load_workbook(tmp_path / "sheet.xlsx").active
    assert "f" not in {cell.data_type for cell in page[2]}
    write_sheet(sample, tmp_path / "semicolons.csv", verdicts(sample, "ann", ["right"]))
    with (tmp_path / "semicolons.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    for delimiter, line_end in ((";", "\r\n"), ("\t", "\n"), (",", "\r"), (";", "\r")):
        with (tmp_path / "semicolons.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, delimiter=delimiter, lineterminator=line_end, quoting=csv.QUOTE_ALL).writerows(rows)
        assert len(read_sheet(tmp_path / "semicolons.csv", folder, "ann", "demo@1")) == 12


# --- into a release ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def reviewed(demo_store, sample, tmp_path_factory):
    """A copy of the demo's store with demo@2, which has the verdicts of two reviewers."""
    store = tmp_path_factory.mktemp("reviewed") / "store"
    shutil.copytree(demo_store, store)
    changed = verdicts(sample[:1], "bob", ["right"])[0].with_values(id=sample[5].id, mark="0" * 16)
    place = store / "reviews" / "demo@1"
    append_verdicts(place / "ann.jsonl", verdicts(sample, "ann", ["right", "wrong", "right", "unsure"]))
    append_verdicts(place / "bob.jsonl", [*verdicts(sample[:5], "bob", ["right", "wrong", "wrong"]), changed])
    files = [part for path in sorted(place.glob("*.jsonl")) for part in ("--reviews", str(path))]
    call = ["release", "demo", "--version", "2", "--workers", "1", "--store", str(store), *files]
    result = CliRunner().invoke(main, call)
    assert result.exit_code == 0, result.output
    assert "reviews: 17 verdicts; 1 on rows that changed or are gone are left out" in result.output
    return store


def test_the_card_of_a_reviewed_release_has_errors_and_agreement(reviewed):
    folder = reviewed / "releases/demo/2"
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "## Review" in card
    assert "| `ann` and `bob` | 5 |" in card
    assert "95% interval (Wilson)" in card
    assert "– to –" not in card
    assert verify(folder).findings == ()
    assert len(released_verdicts(folder)) == 17
    assert "comment" not in pl.read_parquet(folder / FILE).columns


def test_a_release_without_reviews_says_nothing_of_them(folder):
    assert "## Review" not in (folder / "README.md").read_text(encoding="utf-8")
    assert "review" not in json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["figures"]


def test_the_report_of_a_reviewed_release_has_errors_agreement_and_disputed_rows(reviewed, sample, tmp_path):
    made = CliRunner().invoke(
        main, ["report", "demo@2", "--store", str(reviewed), "--out", str(tmp_path / "report.html"), "--sample", "10"]
    )
    assert made.exit_code == 0, made.output
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    section = html[html.index('<section id="reviews"') : html.index('<section id="changes"')]
    figures = review_figures(
        verdict_table(released_verdicts(reviewed / "releases/demo/2")), reviewed / "releases/demo/2"
    )
    for part in figures.by_source:
        if part.error_rate is not None:
            assert f"{part.error_rate:.1%}</td>" in section
            assert f"{part.low:.1%} to {part.high:.1%}" in section
    assert f"{figures.pairs[0].agreement:.1%}" in section
    assert f"{figures.pairs[0].kappa:.3f}" in section
    assert "Fleiss" not in section  # of two reviewers
    # ann: right, wrong, right, unsure, right; bob: right, wrong, wrong, right, wrong
    shown = [sample[n].id for n in (2, 4)]
    assert section.count('<span class="chip">disputed</span>') == 2
    assert all(f'<span class="id">{id}</span>' in section for id in shown)
    assert "ann: right" in section
    assert "bob: wrong" in section


def test_the_report_of_a_release_without_reviews_says_how_to_get_them(folder, tmp_path):
    html = write_report(folder, tmp_path / "report.html", sample=10).read_text(encoding="utf-8")
    section = html[html.index('<section id="reviews"') : html.index('<section id="changes"')]
    assert "sabila review demo@1 --reviewer NAME" in section


def test_the_same_version_without_its_reviews_is_refused(reviewed):
    result = CliRunner().invoke(main, ["release", "demo", "--version", "2", "--workers", "1", "--store", str(reviewed)])
    assert result.exit_code == 1
    assert "reviews/verdicts.parquet" in result.output


def test_a_forged_verdict_is_found(reviewed, tmp_path):
    copy = tmp_path / "2"
    shutil.copytree(reviewed / "releases/demo/2", copy)
    rows = pl.read_parquet(copy / FILE)
    rows.with_columns(verdict=pl.lit("right"), mark=pl.lit("0" * 16)).write_parquet(copy / FILE)
    findings_text = " ".join(one.describe() for one in verify(copy).findings)
    assert "figures.review" in findings_text
    assert "gone or changed" in findings_text
    spoiled = {
        "verdict is 'right' with the reason 'unsafe'": rows.with_columns(
            verdict=pl.lit("right"), reason=pl.lit("unsafe")
        ),
        "reason is 'none'": rows.with_columns(verdict=pl.lit("wrong"), reason=pl.lit("none")),
        "a second verdict of ann on ": pl.concat([rows, rows.filter(reviewer="ann").head(1)]),
    }
    for expected, table in spoiled.items():
        table.write_parquet(copy / FILE)
        assert expected in " ".join(one.describe() for one in verify(copy).findings)
    pl.DataFrame({"id": [1]}).write_parquet(copy / FILE)
    assert any("reviews/verdicts.parquet" in one.describe() for one in verify(copy).findings)


def test_a_reviewed_release_is_rebuilt_byte_for_byte(reviewed, tmp_path):
    rebuilt = rebuild(reviewed / "releases/demo/2", store=tmp_path / "store", mirror=None, workers=1)
    assert (rebuilt / FILE).read_bytes() == (reviewed / "releases/demo/2" / FILE).read_bytes()


def test_the_summary_and_overrides_of_wrong_rows(reviewed, sample, tmp_path):
    call = ["review", "demo@1", "--store", str(reviewed), "--summary"]
    out = tmp_path / "overrides.toml"
    shown = CliRunner().invoke(main, [*call, "--overrides", str(out)])
    assert shown.exit_code == 0, shown.output
    assert "ann, bob" in shown.output
    assert "1 verdicts on rows that changed or are gone are left out" in shown.output
    entries = tomllib.loads(out.read_text(encoding="utf-8"))["override"]
    assert {(one["decision"], one["by"]) for one in entries} <= {("drop", "ann"), ("drop", "ann, bob"), ("drop", "bob")}
    assert sample[1].id in {one["id"] for one in entries}
    assert {one["id"]: one["content"] for one in entries} == contents_as_read(
        [one["id"] for one in entries], reviewed, "demo@1"
    )
    before = out.read_text(encoding="utf-8")
    folder = reviewed / "releases/demo/1"
    _, wrong_rows = summary(folder, "demo@1", reviewed / "reviews/demo@1")
    assert override_wrong_rows(wrong_rows, out, folder, reviewed) == 0
    assert out.read_text(encoding="utf-8") == before
    summary_json = json.loads(CliRunner().invoke(main, [*call, "--json"]).stdout)
    assert summary_json["figures"]["pairs"][0]["rows"] == 5


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], "--reviewer is missing"),
        (["--in", "x.csv"], "--reviewer is missing"),
        (["--in", "x.csv", "--reviewer", ""], "--reviewer is missing"),
        (["--out", "x.csv", "--summary"], "--out and --summary were given, expected one"),
        (["--out", "x.ods"], "expected .csv or .xlsx"),
        (["--reviewer", "../x", "--out", "x.csv"], "reviewer is '../x'"),
        (["--overrides", "x.toml", "--reviewer", "ann"], "--overrides needs --summary"),
        (["--summary", "--reviews", "nowhere"], "no verdict on demo@1 in nowhere"),
        (["--in", "nowhere.csv", "--reviewer", "ann"], "nowhere.csv cannot be read"),
        (["--in", "nowhere.xlsx", "--reviewer", "ann"], "nowhere.xlsx is not there"),
    ],
)
def test_a_wrong_call_is_reported_in_one_line(options, expected, demo_store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["review", "demo@1", "--store", str(demo_store), "--no-open", *options])
    assert result.exit_code in (1, 2)
    assert expected in " ".join(result.output.split())
    assert list(tmp_path.iterdir()) == []


# --- the server ----------------------------------------------------------------------------------------------------


@pytest.fixture
def app(folder, sample, tmp_path):
    return ReviewApp.of(open_view(folder), sample, "ann", tmp_path / "ann.jsonl")


@pytest.fixture
def served(app):
    server = Server(app, 0)
    thread = threading.Thread(target=serve, args=(server,))
    thread.start()
    yield server
    server.shutdown()
    thread.join(10)


VERDICT = {"n": 0, "verdict": "wrong", "reason": "unsafe", "comment": "no dose"}


def send(server, body=VERDICT, path="verdict", method="POST", **headers):
    """Send a request as the page does, with some headers replaced or removed (None); return status and text."""
    origin = f"http://127.0.0.1:{server.server_port}"
    known = {"Origin": origin, "Content-Type": "application/json", "Host": f"127.0.0.1:{server.server_port}"}
    for name, value in headers.items():
        known[name.replace("_", "-")] = value
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    connection.request(
        method, f"/{server.site.token}/{path}", content, {k: v for k, v in known.items() if v is not None}
    )
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def test_a_verdict_is_on_the_disk_when_it_is_answered(served, app, sample):
    assert send(served) == (200, '{"saved": true}')
    [stored] = read_verdicts(app.file)
    assert (stored.id, stored.mark, stored.verdict, stored.comment) == (
        sample[0].id,
        sample[0].mark,
        "wrong",
        "no dose",
    )
    again = ReviewApp.of(app.release, sample, "ann", app.file)
    assert b"no dose" in again.html
    assert again.token != app.token
    assert b"no dose" not in ReviewApp.of(app.release, sample, "bob", app.file.with_name("bob.jsonl")).html


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": None}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Content_Type": "text/plain"}, 415),
        ({"Content_Type": "application/x-www-form-urlencoded"}, 415),
        ({"Host": "evil.example"}, 421),
        ({"Content_Length": "999999"}, 413),
        ({"Content_Length": "-1"}, 413),
    ],
)
def test_another_page_cannot_send_a_verdict(headers, status, served, app):
    assert send(served, **headers)[0] == status
    assert not app.file.exists()


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        {"n": 0, "verdict": "right"},
        VERDICT | {"n": 12},
        VERDICT | {"n": -1},
        VERDICT | {"n": "x"},
        VERDICT | {"verdict": "good"},
        VERDICT | {"reason": "bad"},
        VERDICT | {"verdict": "right"},
        VERDICT | {"comment": "x" * 5000},
        VERDICT | {"more": 1},
    ],
)
def test_a_malformed_verdict_is_refused_with_an_error(body, served, app):
    status, text = send(served, body)
    assert (status, bool(json.loads(text)["error"])) == (400, True)
    assert not app.file.exists()


def test_nothing_is_sent_or_stored_without_the_secret(served, app, demo_store):
    connection = http.client.HTTPConnection("127.0.0.1", served.server_port, timeout=20)
    origin = f"http://127.0.0.1:{served.server_port}"
    headers = {"Origin": origin, "Content-Type": "application/json"}
    connection.request("POST", "/secret/verdict", json.dumps(VERDICT), headers)
    assert connection.getresponse().status == 403
    connection.close()
    assert send(served, path="row")[0] == 404
    assert send(served, method="PUT")[0] == 405
    assert not app.file.exists()


def test_browse_stores_nothing(folder):
    server = Server(BrowseApp.of(open_view(folder)), 0)
    thread = threading.Thread(target=serve, args=(server,))
    thread.start()
    try:
        assert send(server)[0] == 405
    finally:
        server.shutdown()
        thread.join(10)


def test_verdicts_survive_a_kill(demo_store, tmp_path):
    place = tmp_path / "reviews"
    call = [sys.executable, "-c", "from pipelines.cli.commands import main; main()", "review", "demo@1", "--no-open"]
    call += ["--store", str(demo_store), "--reviewer", "ann", "--reviews", str(place), "--sample", "5"]
    with subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as run:
        address = run.stdout.readline().strip()
        origin = address.rsplit("/", 2)[0]
        for n in range(3):
            sent = json.dumps(VERDICT | {"n": n}).encode()
            headers = {"Content-Type": "application/json", "Origin": origin}
            with urllib.request.urlopen(
                urllib.request.Request(f"{address}verdict", sent, headers), timeout=20
            ) as answer:
                assert json.load(answer) == {"saved": True}
        os.kill(run.pid, signal.SIGKILL)
    assert len(read_verdicts(place / "ann.jsonl")) == 3


# --- in a real browser, by keyboard alone --------------------------------------------------------------------------


@pytest.fixture
def page(window, served):
    window.start(served.address)
    at_row(window, 0)
    return window


def at_row(page, n):
    page.until("return document.getElementById('rows').dataset.n === arguments[0]", str(n))


def wait_for_status(page, text):
    page.until("return document.getElementById('state').textContent === arguments[0]", text)


def test_a_reviewer_judges_by_keyboard_alone(page, app, sample, served):
    assert sample[0].id in page.js("return document.getElementById('rows').textContent")
    assert "read from" in page.js("return document.getElementById('rows').textContent")
    page.press("w", "2")
    wait_for_status(page, "stored")
    page.press("c")
    page.press(*"no dose; j k r")
    page.press("Escape")
    wait_for_status(page, "stored")
    page.press("j")
    at_row(page, 1)
    page.press("r")
    wait_for_status(page, "stored")
    page.press("1")  # a reason, which a right row cannot have
    assert page.js("return [...document.querySelectorAll('[data-reason]')].every((one) => one.disabled)")
    page.press("n")
    at_row(page, 2)
    page.press("u", "k")
    at_row(page, 1)
    assert page.js("return document.getElementById('summary').textContent").startswith("3 of 12 rows judged")
    stored = {one.id: (one.verdict, one.reason, one.comment) for one in read_verdicts(app.file)}
    assert stored == {
        sample[0].id: ("wrong", "unsafe", "no dose; j k r"),
        sample[1].id: ("right", "", ""),
        sample[2].id: ("unsure", "", ""),
    }
    assert page.console() == []
    assert all(url.startswith(served.address) for url in page.requests())


def test_a_reviewer_who_comes_back_goes_on_where_nothing_is_judged(page, app, sample, served, window):
    append_verdicts(app.file, verdicts(sample[:4], "ann", ["right"]))
    again = Server(ReviewApp.of(app.release, sample, "ann", app.file), 0)
    thread = threading.Thread(target=serve, args=(again,))
    thread.start()
    try:
        window.go(again.address)
        at_row(window, 4)
        assert window.js("return document.getElementById('summary').textContent").startswith("4 of 12")
    finally:
        again.shutdown()
        thread.join(10)


def test_a_verdict_that_is_not_stored_is_reported(page, served):
    page.offline()
    try:
        page.press("r")
        page.until("return document.getElementById('state').textContent.startsWith('Row 1 is not stored')")
        assert page.js("return document.getElementById('summary').textContent").startswith("0 of 12")
    finally:
        page.devtools(
            "Network.emulateNetworkConditions", offline=False, latency=0, downloadThroughput=-1, uploadThroughput=-1
        )
    page.press("r")
    wait_for_status(page, "stored")


def test_the_focused_element_is_always_visible_and_buttons_react_to_enter(page):
    seen = tabbed(page, 14)
    assert all(visible for _, _, visible in seen)
    assert "comment" in {id for _, id, _ in seen} | {"comment"}
    assert page.js(UNNAMED) == []
    page.js("document.querySelector('[data-verdict=unsure]').focus()")
    page.press("Enter")
    wait_for_status(page, "stored")
    assert page.js("return document.querySelector('[data-verdict=unsure]').getAttribute('aria-pressed')") == "true"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_has_enough_contrast(page, scheme):
    page.scheme(scheme)
    assert dark(page) == (scheme == "dark")
    page.press("w", "1")
    wait_for_status(page, "stored")
    n_texts, low_contrast = page.js(LOW_CONTRAST)
    assert n_texts > 30
    assert low_contrast == []


@pytest.mark.parametrize("width", [320, 768])
def test_the_page_fits_any_width(page, width):
    page.size(width, 800)
    assert page.js("return document.documentElement.scrollWidth") <= width


def test_hostile_rows_are_only_ever_text(window, folder, sample, tmp_path):
    rows = [
        type(one)(row=one.row | {"messages": [{"role": "user", "content": text}], "response": text}, mark=one.mark)
        for one, text in zip(sample, HOSTILE, strict=False)
    ]
    server = Server(ReviewApp.of(open_view(folder), rows, "</script><b>ann", tmp_path / "ann.jsonl"), 0)
    thread = threading.Thread(target=serve, args=(server,))
    thread.start()
    try:
        window.go("about:blank")
        window.console()
        window.go(server.address)
        for n in range(len(rows)):
            at_row(window, n)
            assert window.js(ACTIVE_CONTENT) == [2, 0, 0, 0, "undefined"]
            window.press("j")
        assert window.console() == []
    finally:
        server.shutdown()
        thread.join(10)
