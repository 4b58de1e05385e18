"""Every benchmark is run by `make bench`, and its figures are found in what its script prints."""

import argparse
import sys

import pytest
from run_benchmarks import BENCHMARKS, SIZES, TESTS, Benchmark, Figure, page, read_figure, run

PRINTED = {
    "check": (
        "1,000 rows of 666 characters, 2 workers\n2.5 s, 400 rows/s, 2.6 s of processor time, peak 1,241 MB\n",
        [
            ("rows checked a second", "400", "", ""),
            ("seconds of processor time", "2.6", "", ""),
            ("peak memory, MB", "1,241", "", ""),
        ],
    ),
    "a whole aloe_sft": (
        "5,000 rows, 745 bytes a row\nbuild, 2 workers: 160.8 s, peak 1,556 MB\n"
        "release: 20.2 s, peak 262 MB, 2,838,327 bytes\n│ read-own ┆ 6.2 ┆ 1.1 ┆ 196.1 │\n",
        [
            ("seconds, build", "160.8", "", ""),
            ("seconds, release", "20.2", "", ""),
            ("peak memory, MB, build", "1,556", "", ""),
            ("peak memory, MB, release", "262", "", ""),
        ],
    ),
    "evaluation": (
        "medqa: 30 items, same answer 100.00%, …\nsabila 10.0 s, lm-eval 12.5 s\n",
        [("seconds", "10.0", "lm-eval: 12.5", "1.25")],
    ),
    "near-duplicates, 1% added": (
        "│ index-full ┆ 3.57 ┆ 0.6 ┆ 1.0 ┆ 1.0 │\n│ index-add  ┆ 3.38 ┆ 0.18 ┆ 0.9462 ┆ 0.2926 │\n",
        [("share of the time of all rows", "0.2926", "", "")],
    ),
}


def given(**more):
    return argparse.Namespace(**{"mirror": None, "peers_python": sys.executable, "limit_s": 120, **more})


def test_every_benchmark_is_run_and_every_script_is_there():
    assert {one.script for one in BENCHMARKS.values()} == {path.name for path in TESTS.glob("benchmark_*.py")}


@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_benchmark_has_known_sizes_and_figures(name):
    assert {"quick", "full"} <= set(BENCHMARKS[name].sizes) <= set(SIZES)
    assert BENCHMARKS[name].figures


@pytest.mark.parametrize("name", PRINTED)
def test_figures_are_read_from_what_a_script_prints(name):
    output, expected = PRINTED[name]
    assert [line for figure in BENCHMARKS[name].figures for line in read_figure(figure, f"\n{output}")] == expected


def test_the_time_of_an_evaluation_is_read_without_its_peer():
    [figure] = BENCHMARKS["evaluation"].figures
    assert read_figure(figure, "\nsabila 10.0 s; lm-eval is not installed") == [("seconds", "10.0", "", "")]


@pytest.mark.parametrize("name", ["check", "near-duplicates, 1% added", "client of a teacher"])
def test_a_script_prints_all_figures(name, tmp_path, monkeypatch):
    few = ("100",) if name == "client of a teacher" else ("--rows", "200")
    monkeypatch.setitem(BENCHMARKS[name].sizes, "smoke", few)
    result = run(name, "smoke", given(), tmp_path)
    assert result.note == ""
    assert len(result.lines) >= len(BENCHMARKS[name].figures)


def test_a_figure_that_a_script_no_longer_prints_is_a_failure(tmp_path, monkeypatch):
    (tmp_path / "benchmark_own.py").write_text("print('5.0 s')\n")
    figures = (Figure("seconds", r"([\d.]+) s"), Figure("peak memory,", r"peak (\d+)"))
    monkeypatch.setitem(BENCHMARKS, "own", Benchmark(str(tmp_path / "benchmark_own.py"), {"smoke": ()}, figures))
    result = run("own", "smoke", given(), tmp_path)
    assert result.note == "failed: peak memory was not found in its output"
    assert "| own |  | seconds | 5.0 |" in page([result], "smoke")
    assert "| own |  | failed: peak memory was not found in its output |" in page([result], "smoke")
