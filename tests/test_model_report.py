"""The page on models and the risk card: every part from results, no text breaks out, what is missing is said."""

import json
import re

import pytest
import yaml
from browser import browser
from click.testing import CliRunner
from model_results import write_results
from page_checks import ACTIVE_CONTENT, LOW_CONTRAST, UNNAMED, dark

from pipelines.cli.commands import main
from pipelines.evaluate.model_page import model_index, page_values, write_model_report
from pipelines.evaluate.model_results import read_model_results
from pipelines.evaluate.result_folder import ResultsError
from training.evaluation.risk_card import HAZARDS, POINTS, Measured, risk_card

BASE, TUNED = "base-model", "tuned-model"


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        return write_results(tmp_path_factory.mktemp("models"), patch)


@pytest.fixture(scope="module")
def html(folders, tmp_path_factory):
    return write_model_report(folders, tmp_path_factory.mktemp("page") / "page.html").read_text(encoding="utf-8")


def run(*words):
    return CliRunner().invoke(main, [str(word) for word in words])


# --- the page ---------------------------------------------------------------------------------------------------------


def test_results_are_put_together_by_model_and_a_judge_belongs_to_all(folders):
    models = read_model_results(folders)
    assert [one.name for one in models] == [BASE, TUNED]
    counts = [
        (len(m.evaluations), len(m.red_teams), len(m.biases), len(m.judges)) for m in (o.measured for o in models)
    ]
    assert counts == [(2, 1, 0, 1), (2, 1, 1, 1)]


def test_models_of_one_name_are_told_apart_by_their_revision(folders, tmp_path):
    twin = tmp_path / "twin"
    twin.mkdir()
    for file in folders[0].iterdir():
        (twin / file.name).write_bytes(file.read_bytes())
    record = json.loads((twin / "results.json").read_text())
    record["model"]["revision"] = "abcdef0123"
    (twin / "results.json").write_text(json.dumps(record))
    assert [one.name for one in read_model_results([folders[0], twin])] == [f"{BASE} @1", f"{BASE} @abcdef01"]


def test_the_page_has_every_part_and_its_numbers_are_those_of_the_records(folders, html):
    for part in ("scores", "compared", "confidence", "examples", "redteam", "bias", "risk", "open"):
        assert f'<section id="{part}"' in html
    values = page_values(folders)
    assert [len(row["lines"]) for row in values["forest"]] == [2, 2]
    record = read_model_results(folders)[0].measured.evaluations[0].benchmarks[0]
    assert values["forest"][0]["lines"][0]["value"] == record.score.value
    assert f"{record.score.value:.1%}" in html
    assert [one["settings"] for one in values["comparison"]] == ["generate, 2 orders", "self-consistency, 10 samples"]
    assert all(one["error"] is None for one in values["comparison"])
    (pair,) = values["comparison"][0]["result"].pairs
    assert f"{pair.difference.value * 100:+.1f}" in html
    assert [len(plot["points"]) > 1 for plot in values["curves"]] == [True, True]
    assert values["red_comparison"]["error"] is None
    assert values["strategies"][0]["strategy"].request_seconds > 0
    assert ">Request seconds</th>" in html
    assert ">Seconds</th>" not in html


def test_the_page_is_one_file_without_scripts_and_no_text_breaks_out(html):
    assert "<script" not in html
    assert "&lt;script&gt;window.broken" in html
    assert "⟦U+202E⟧" in html
    assert "\u202e" not in html
    assert not re.search(r"(?:src|href)=\"https?:", html)
    assert "default-src &#39;none&#39;" in html or "default-src 'none'" in html


def test_the_same_results_give_the_same_page(folders, html, tmp_path):
    assert write_model_report(folders, tmp_path / "again.html").read_text(encoding="utf-8") == html


def test_one_evaluation_alone_makes_a_page_without_the_other_parts(folders, tmp_path):
    text = write_model_report(folders[:1], tmp_path / "page.html").read_text(encoding="utf-8")
    assert '<section id="scores"' in text
    for part in ("compared", "redteam", "bias"):
        assert f'<section id="{part}"' not in text
    assert "attacks and over-refusal: no result of sabila redteam" in text


def test_scores_of_clean_and_contaminated_items_have_a_table(folders, tmp_path):
    copy = tmp_path / "leaky"
    copy.mkdir()
    for file in folders[0].iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    record = json.loads((copy / "results.json").read_text())
    clean = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 58}
    record["benchmarks"][0]["leaks"] = {"release": "aloe_sft@1", "whole": True, "clean": clean}
    (copy / "results.json").write_text(json.dumps(record))
    text = write_model_report([copy], tmp_path / "page.html").read_text(encoding="utf-8")
    assert "By what decontamination found" in text
    assert "aloe_sft@1" in text
    assert "of 58" in text


def test_the_model_index_is_yaml_with_the_interval_of_every_score(folders):
    (index,) = yaml.safe_load(model_index(read_model_results(folders)[1]))["model-index"]
    assert index["name"] == TUNED
    assert [one["dataset"]["type"] for one in index["results"]] == ["medmcqa_dev"] * 2
    metric = index["results"][0]["metrics"][0]
    assert metric["type"] == "accuracy"
    assert "95% interval" in metric["name"]


def test_a_folder_without_results_is_named(tmp_path, folders):
    with pytest.raises(ResultsError, match=r"has none of results\.json, redteam\.json"):
        read_model_results([tmp_path])
    with pytest.raises(ResultsError, match="no results of a model"):
        read_model_results([folders[-1]])
    made = run("model-report", tmp_path, "--out", tmp_path / "x.html")
    assert made.exit_code == 1
    assert not (tmp_path / "x.html").exists()


def test_the_verb_writes_page_and_model_index(folders, tmp_path):
    made = run("model-report", *folders, "--out", tmp_path / "p.html", "--model-index", tmp_path / "index.yaml")
    assert made.exit_code == 0
    assert made.stdout.splitlines()[-1] == str(tmp_path / "p.html")
    assert yaml.safe_load((tmp_path / "index.yaml").read_text())["model-index"][0]["name"] == TUNED


# --- the risk card ----------------------------------------------------------------------------------------------------


def test_the_card_has_three_hazards_on_six_points_and_fills_what_was_measured(folders):
    measured = read_model_results(folders)[1].measured
    card = risk_card(TUNED, measured)
    assert [hazard.name for hazard in card.hazards] == list(HAZARDS)
    assert all([point.point for point in hazard.points] == list(POINTS) for hazard in card.hazards)
    lines = [line for hazard in card.hazards for point in hazard.points for line in point.measured]
    assert any(line.startswith("medmcqa: right ") for line in lines)
    assert any(line.startswith("worst style (") for line in lines)
    assert any(line.startswith("judge openai:guard: kappa") for line in lines)
    assert all("[" in line for line in lines if "unsafe" in line)
    assert not [what for what in card.not_measured if what.startswith("benchmarks:")]


def test_an_empty_card_asks_everything_and_measures_nothing():
    card = risk_card("m", Measured())
    assert not [line for hazard in card.hazards for point in hazard.points for line in point.measured]
    assert card.to_answer == 9
    assert card.not_measured[0] == "benchmarks: no result of sabila evaluate"


def test_the_verb_writes_the_card_of_one_model(folders, tmp_path):
    own = [folder for folder in folders if folder.name.startswith("tuned")]
    shown = run("risk-card", *own)
    assert shown.exit_code == 0
    assert shown.stdout.startswith(f"# Risk card of {TUNED}")
    assert "## Not measured" in shown.stdout
    assert json.loads(run("risk-card", *own, "--json").stdout)["model"] == TUNED
    assert run("risk-card", *own, "--out", tmp_path / "RISK.md").exit_code == 0
    assert (tmp_path / "RISK.md").read_text(encoding="utf-8").startswith("# Risk card")
    several = run("risk-card", *folders)
    assert several.exit_code == 2
    assert "of several models" in several.output


# --- in a real browser ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def page(html, tmp_path_factory):
    path = tmp_path_factory.mktemp("shown") / "page.html"
    path.write_text(html.replace("<details>", "<details open>"), encoding="utf-8")
    with browser(tmp_path_factory.mktemp("browser")) as window:
        window.offline()
        window.console(), window.requests()
        window.go(path.as_uri())
        window.url = path.as_uri()
        yield window


def test_the_page_opens_offline_and_runs_nothing(page):
    assert page.requests() == [page.url]
    assert page.console() == []
    assert page.js(ACTIVE_CONTENT) == [0, 0, 0, 0, "undefined"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_readable_in_light_and_dark(page, scheme):
    page.scheme(scheme)
    assert dark(page) == (scheme == "dark")
    looked, found = page.js(LOW_CONTRAST)
    assert looked > 200
    assert found == []
    assert page.js(UNNAMED) == []


@pytest.mark.parametrize("width", [1280, 820, 360])
def test_the_page_is_never_wider_than_the_window(page, width):
    page.size(width, 900)
    assert page.js("return document.documentElement.scrollWidth") <= width
