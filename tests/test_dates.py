"""Dates of rows: read from sources that state them, a gate before a date, benchmark items after one."""

import json
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner
from rows import row, table
from tiny_recipe import run

from pipelines.cli.commands import main
from quality.date_gate import DateGate, date_gate
from sources.fields.dates import first_day, parse_date
from sources.files import RawFile
from sources.read import read
from sources.record import Malformed
from sources.shapes.row_shapes import jsonl, qa
from sources.source import Source
from training.evaluation.benchmark_items import BenchmarkError, load_items

FIXTURES = Path(__file__).parent / "fixtures" / "mirror"


@pytest.mark.parametrize(
    ("given", "date"),
    [
        (2019, "2019"),
        ("2019", "2019"),
        (2019.0, "2019"),
        ("2020/3", "2020-03"),
        ("2020/03/17", "2020-03-17"),
        ("2020-03-17T10:00:00Z", "2020-03-17"),
        ("2020-03-17 10:00:00", "2020-03-17"),
        ("", None),
        (None, None),
    ],
)
def test_a_date_is_as_exact_as_its_source(given, date):
    assert parse_date(given) == date


@pytest.mark.parametrize("given", ["19", "March 2020", "2019 - 2021", "2020-13", "2019-02-29", "17.3.2020", True])
def test_another_form_is_refused_with_what_is_expected(given):
    with pytest.raises(ValueError, match=r"date is .*, expected a year, a month or a day, as in 2019, 2019-04"):
        parse_date(given)


def test_a_year_or_month_begins_with_its_first_day():
    assert [first_day(text) for text in ("2019", "2019-04", "2019-04-30")] == ["2019-01-01", "2019-04-01", "2019-04-30"]


@pytest.mark.parametrize(
    ("before", "kept"),
    [
        ("2020", ["2018", "2019", "2019-06", "2019-06-30"]),
        ("2019-07", ["2018", "2019-06", "2019-06-30"]),
        ("2019-06-30", ["2018"]),
        ("2019-07-01", ["2018", "2019-06", "2019-06-30"]),
        ("2018", []),
    ],
)
def test_a_row_is_kept_where_its_whole_period_is_before_the_date(before, kept):
    dates = ["2018", "2019", "2019-06", "2019-06-30", "2020-01-01", None]
    rows = table(*(row(f"corpus:{date}", date=date) for date in dates))
    found = date_gate(rows, DateGate(before=before)).rows
    assert found.filter(pl.col("drop_reason").is_null())["date"].to_list() == kept
    assert found["drop_reason"][-1] == "no_date"
    assert found["evidence"][-2] == f"2020-01-01 is not before {before}"


def test_rows_without_a_date_are_kept_where_that_is_said_and_are_listed():
    rows = table(row("corpus:1"), row("corpus:2", date="2019"))
    found = date_gate(rows, DateGate(before="2020", undated="keep"))
    assert found.rows["drop_reason"].null_count() == 2
    assert found.tables["undated"]["id"].to_list() == ["corpus:1"]


def test_a_row_with_a_date_that_is_none_is_quarantined(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"q": "Why?", "year": 2019}\n{"q": "Who?", "year": "soon"}\n')
    source = Source(
        name="clinic", title="Clinic", home="https://clinic.example", license="MIT", license_read="card", task="qa",
        lang="en", files={"train": ("a.jsonl",)}, rows=jsonl,
        parse=lambda raw, file: qa(str(raw.line), raw.value["q"], "So.", date=parse_date(raw.value["year"])),
    )  # fmt: skip
    good, bad = read(source, RawFile("a.jsonl", path))
    assert good.date == "2019"
    assert isinstance(bad, Malformed)
    assert bad.error.startswith("date is 'soon', expected a year")


def build(folder, *options):
    arguments = ["--sources", "headqa_en,covid_faq,medquad", "--mirror", str(FIXTURES), "--workers", "1", "--json"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return CliRunner().invoke(main, ["build", "aloe_sft", *arguments, *options])


def test_a_build_keeps_rows_from_before_a_date_and_counts_those_without(tmp_path):
    done = build(tmp_path, "--before", "2015")
    assert done.exit_code == 0, done.output
    gate = next(step for step in json.loads(done.stdout)["steps"] if step["name"] == "dates")
    assert set(gate["reasons"]) == {"not_before", "no_date"}
    kept = pl.read_parquet(tmp_path / "store" / "steps" / gate["folder"] / "kept" / "*.parquet")
    assert set(kept["source"]) == {"headqa_en"}
    assert max(kept["date"]) < "2015"
    done = build(tmp_path, "--before", "2015", "--undated", "keep")
    gate = next(step for step in json.loads(done.stdout)["steps"] if step["name"] == "dates")
    assert set(gate["reasons"]) == {"not_before"}
    assert "rows have no date and were kept" in gate["warnings"][0]
    store = tmp_path / "store"
    assert run("release", "aloe_sft", "--version", "1", "--store", store).exit_code == 0
    release = store / "releases" / "aloe_sft" / "1"
    (dates,) = json.loads((release / "manifest.json").read_text())["figures"]["dates"]
    count = dates.pop("undated_rows")
    assert dates == {"step": "dates", "before": "2015", "undated": "keep"}
    assert count == len(pl.read_parquet(store / "steps" / gate["folder"] / "undated" / "*.parquet")) > 0
    card = (release / "README.md").read_text()
    said = f"The step `dates` dropped rows that are not dated before `2015`; {count} rows without a date were kept."
    assert said in card


def test_a_date_that_is_none_is_a_wrong_call(tmp_path):
    done = build(tmp_path, "--before", "soon")
    assert done.exit_code == 2
    assert "before: got 'soon', expected a year, a month or a day, as in 2019, 2019-04 or 2019-04-30" in done.output


def test_items_of_a_benchmark_after_a_date_are_a_hold_out_that_no_older_model_has_seen(tmp_path):
    options = dict(zip("ABCD", ("Iron", "Zinc", "Iodine", "Lead"), strict=True))
    entries = {
        str(n): {"exam_id": n, "year": year, "category": "Medicine", "question": f"Which metal is number {n}?",
                 "options": options, "correct_answer": "A"}
        for n, year in enumerate((2021, 2023, 2024, None))
    }  # fmt: skip
    file = tmp_path / "hpai_prompt_engine" / "careqa" / "careqa_test.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(entries))
    found = load_items("careqa", mirror=tmp_path, raw=tmp_path, after="2023")
    assert [item.id for item in found.items] == ["careqa:1", "careqa:2"]
    assert found.left_out == {"before 2023": 1, "no date": 1}
    assert load_items("careqa", mirror=tmp_path, raw=tmp_path).total == 4
    with pytest.raises(BenchmarkError, match=r"careqa has no item that can be scored in .*before 2030: 3, no date: 1"):
        load_items("careqa", mirror=tmp_path, raw=tmp_path, after="2030")
    done = CliRunner().invoke(main, ["evaluate", "m", "--out", str(tmp_path / "o"), "--after", "soon"])
    assert "Invalid value for '--after': date is 'soon', expected a year" in done.output
