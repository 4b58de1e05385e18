"""`sabila calibrate`: recall and precision by threshold, the advised one, and what is no labelled pair."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from pipelines.cli.commands import main
from quality.calibration import Pair, Text, measure_embedder, shipped_pairs
from sources.errors import SabilaError
from synth.teachers import embedders


def embed(texts):
    """Return unit vectors whose angle is the number of the text; texts without one are at right angles to all."""
    angles = [np.deg2rad(float("".join(c for c in text if c.isdigit()) or 90)) for text in texts]
    return np.array([[np.cos(angle), np.sin(angle)] for angle in angles], np.float32)


def pair(angle, same, kind=""):
    return Pair(first=Text(question="word 0"), second=Text(question=f"other {angle}"), same=same, kind=kind)


PAIRS = [pair(10, True, "near"), pair(20, True, "near"), pair(25, False), pair(40, True, "far"), pair(60, False)]


def test_the_advised_threshold_is_the_lowest_that_is_precise_enough():
    strict = measure_embedder(PAIRS, embed, "questions", precision=1.0)
    assert (strict.advised.threshold, strict.advised.recall, strict.advised.wrong) == (0.91, 2 / 3, 0)
    lenient = measure_embedder(PAIRS, embed, "questions", precision=0.75)
    assert (lenient.advised.threshold, lenient.advised.recall, lenient.advised.precision) == (0.51, 1.0, 0.75)
    (near, far) = (kind for kind in lenient.kinds if kind.same)
    assert (near.kind, near.pairs, near.found) == ("near", 2, 1.0)
    assert far.least == pytest.approx(np.cos(np.deg2rad(40)), abs=1e-6)


def test_where_no_threshold_is_precise_enough_none_is_advised():
    assert measure_embedder([pair(40, True), pair(10, False)], embed, "questions").advised is None
    with pytest.raises(SabilaError, match="all have one label"):
        measure_embedder([pair(40, True)], embed)


def test_pairs_that_the_words_forbid_are_not_found_among_rows():
    texts = (f"Is a dose of {n} mg of ibuprofen safe for a child of ten years with fever and a rash?" for n in (4, 9))
    pairs = [Pair(first=Text(question=next(texts)), second=Text(question=next(texts)), same=False), pair(10, True)]
    as_rows, as_questions = (measure_embedder(pairs, embed, compared) for compared in ("rows", "questions"))
    assert min(kind.least for kind in as_rows.kinds) == -1
    assert min(kind.least for kind in as_questions.kinds) > 0.9


def test_the_shipped_pairs_are_whole():
    pairs = shipped_pairs()
    assert len(pairs) == 100
    assert sum(one.same for one in pairs) == 60
    assert all(one.second.question and one.second.answer and one.first != one.second for one in pairs)
    assert len({one.second for one in pairs}) == 100


def calibrate(*arguments):
    return CliRunner().invoke(main, ["calibrate", *map(str, arguments)])


def test_a_model_is_measured_on_pairs_of_ones_own(tmp_path, monkeypatch):
    monkeypatch.setattr(embedders, "embedder", lambda spec: embed)
    file = tmp_path / "pairs.jsonl"
    rows = [{"a": "word 0", "b": f"other {n}", "same": n < 25, "kind": "k"} for n in (10, 20, 40)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = calibrate("model", "--pairs", file, "--compare", "questions", "--json")
    assert done.exit_code == 0, done.output
    figures = json.loads(done.stdout)
    assert (figures["pairs"], figures["same"], figures["advised"]["wrong"]) == (3, 2, 0)
    shown = calibrate("model", "--pairs", file, "--compare", "questions").output
    assert "advised: 0.77, which finds 100.0% of the same pairs with 0 of 2 wrong" in shown


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"a": "x", "c": "y"}, "has the columns a, c, expected a and b with the texts and same with true or false"),
        ({"a": "x", "b": "y", "same": "yes"}, "row 1: same is 'yes', expected true or false"),
    ],
)
def test_a_file_of_another_form_is_refused(tmp_path, row, message, monkeypatch):
    monkeypatch.setattr(embedders, "embedder", lambda spec: embed)
    file = tmp_path / "pairs.jsonl"
    file.write_text(json.dumps(row) + "\n")
    assert message in calibrate("model", "--pairs", file).output
