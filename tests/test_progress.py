"""Progress where no terminal is: lines for logs."""

import pytest

from pipelines.build import progress


@pytest.fixture
def clock(monkeypatch):
    """Return a function that moves the clock on by so many seconds."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])

    def wait(seconds):
        now[0] += seconds

    return wait


def test_a_log_says_every_ten_seconds_how_far_each_step_is(clock, capsys):
    lines = progress.PlainProgress()
    lines.started("score", 4)
    lines.started("clean", 1)
    for _ in range(3):
        clock(7)
        lines.advanced("score", 500)
    lines.advanced("clean", 1)
    assert capsys.readouterr().err.splitlines() == [
        "score: 1,000 rows so far, 2 of 4 parts",
        "clean: 1 row so far",
    ]


def test_a_second_pass_over_a_step_counts_anew(clock, capsys):
    lines = progress.PlainProgress()
    for _ in range(2):
        lines.started("near", 2)
        clock(11)
        lines.advanced("near", 300)
    assert capsys.readouterr().err.splitlines() == ["near: 300 rows so far, 1 of 2 parts"] * 2
