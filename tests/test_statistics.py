"""Intervals, paired tests and calibration, against published numbers, scipy, and simulation."""

from itertools import product
from math import isclose

import numpy as np
import pytest

from training.evaluation.statistics import (
    bootstrap_mean,
    brier_score,
    cohen_kappa,
    expected_calibration_error,
    holm,
    mcnemar,
    paired_bootstrap,
    paired_share_difference,
    reliability_bins,
    risk_coverage_area,
    selective_accuracy,
    smallest_detectable_difference,
    wilson,
)

# --- shares ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("hits", "low", "high"), [(0, 0.0, 0.161), (10, 0.299, 0.701), (20, 0.839, 1.0)])
def test_wilson_gives_the_published_ends(hits, low, high):
    interval = wilson(hits, 20)
    assert interval.value == hits / 20
    assert isclose(interval.low, low, abs_tol=5e-4)
    assert isclose(interval.high, high, abs_tol=5e-4)


def test_wilson_agrees_with_scipy():
    stats = pytest.importorskip("scipy.stats")
    for hits, n in ((0, 1), (1, 1), (3, 7), (276, 500), (1400, 4183)):
        expected = stats.binomtest(hits, n).proportion_ci(0.95, "wilson")
        assert wilson(hits, n)[1:] == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize(("hits", "n"), [(1, 0), (3, 2), (-1, 5)])
def test_an_impossible_share_is_refused(hits, n):
    with pytest.raises(ValueError, match="expected"):
        wilson(hits, n)


def test_a_bootstrap_interval_of_a_mean_is_that_of_theory():
    values = np.random.default_rng(1).normal(0.4, 0.2, 400)
    interval = bootstrap_mean(values, resamples=4000)
    half = 1.96 * values.std() / 20
    assert interval.value == pytest.approx(values.mean())
    assert (interval.high - interval.low) / 2 == pytest.approx(half, rel=0.06)


def test_items_that_share_a_passage_widen_the_interval():
    values = np.repeat(np.random.default_rng(2).integers(0, 2, 60), 5)
    alone = bootstrap_mean(values)
    together = bootstrap_mean(values, [place // 5 for place in range(300)])
    # Five copies of one observation are worth one: sqrt(5) times as wide.
    assert (together.high - together.low) / (alone.high - alone.low) == pytest.approx(5**0.5, rel=0.15)
    assert together.value == alone.value


# --- pairs -----------------------------------------------------------------------------------------------------------


def test_mcnemar_agrees_with_the_binomial_test():
    stats = pytest.importorskip("scipy.stats")
    for only_first, only_second in ((0, 1), (5, 15), (7, 7), (40, 65), (900, 1010)):
        n, fewer = only_first + only_second, min(only_first, only_second)
        result = mcnemar(only_first, only_second)
        assert result.exact == pytest.approx(stats.binomtest(fewer, n).pvalue)
        mid = 2 * stats.binom.cdf(fewer, n, 0.5) - stats.binom.pmf(fewer, n, 0.5)
        assert result.mid == pytest.approx(min(1.0, mid))


def test_mcnemar_by_hand():
    # Of six items that differ, one is the first model's: 2 * (1 + 6) / 64.
    assert mcnemar(1, 5).exact == pytest.approx(14 / 64)
    assert mcnemar(1, 5).mid == pytest.approx(8 / 64)
    assert mcnemar(0, 0) == (1.0, 1.0)
    assert mcnemar(3, 9) == mcnemar(9, 3)


def test_the_interval_of_a_paired_difference_covers_the_truth():
    rng = np.random.default_rng(3)
    shares = np.array([0.45, 0.05, 0.10, 0.40])
    tables = rng.multinomial(80, shares, 3000)
    inside = 0
    for both, first, second, neither in tables.tolist():
        interval = paired_share_difference(both, first, second, neither)
        assert interval.low <= interval.value <= interval.high
        inside += interval.low <= 0.05 <= interval.high
    assert 0.94 <= inside / 3000 <= 0.985


def test_the_interval_of_a_paired_difference_survives_empty_cells():
    for table in product((0, 3, 20), repeat=4):
        if sum(table):
            interval = paired_share_difference(*table)
            assert -1 <= interval.low <= interval.value <= interval.high <= 1


def test_a_paired_bootstrap_finds_a_difference_that_unpaired_noise_hides():
    rng = np.random.default_rng(4)
    ability = rng.random(300)
    first, second = ability, ability + rng.normal(0.02, 0.05, 300)
    result = paired_bootstrap(first, second)
    assert result.p < 0.01
    assert 0 < result.difference.low < 0.02 < result.difference.high
    assert paired_bootstrap(first, first).p == 1.0


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.6, 0.5]) == pytest.approx([1.0, 1.0])
    assert holm([]) == []


def test_the_smallest_detectable_difference_has_the_power_it_states():
    n, differing = 400, 0.2
    least = smallest_detectable_difference(n, differing)
    rng = np.random.default_rng(5)
    only_first, only_second = (differing - least) / 2, (differing + least) / 2
    tables = rng.multinomial(n, [only_first, only_second, 1 - differing], 2000)[:, :2].tolist()
    power = np.mean([mcnemar(*table).mid < 0.05 for table in tables])
    assert power == pytest.approx(0.8, abs=0.04)


def test_more_items_show_smaller_differences():
    assert smallest_detectable_difference(4183, 0.2) < smallest_detectable_difference(1273, 0.2)
    assert 0 < smallest_detectable_difference(500, 0.0) < 0.05


# --- calibration -----------------------------------------------------------------------------------------------------


def test_calibration_error_by_hand():
    # Bin (0.5, 0.6]: 0.55 and 0.6, half right, gap 0.075; bin (0.9, 1]: 0.95, right, gap 0.05.
    confidence, right = [0.55, 0.6, 0.95], [1, 0, 1]
    assert expected_calibration_error(confidence, right) == pytest.approx(2 / 3 * 0.075 + 1 / 3 * 0.05)
    assert [one.n for one in reliability_bins(confidence, right)] == [2, 1]
    assert brier_score(confidence, right) == pytest.approx((0.45**2 + 0.6**2 + 0.05**2) / 3)


def test_confidence_that_is_true_is_calibrated():
    rng = np.random.default_rng(6)
    confidence = rng.random(200)
    right = (rng.random(200) < confidence).astype(int)
    assert expected_calibration_error(confidence, right) < 0.1
    assert expected_calibration_error(1 - confidence, right) > 0.3
    assert brier_score(confidence, right) < 0.25 < brier_score(1 - confidence, right)


def test_selective_accuracy_by_hand():
    confidence, right = [0.9, 0.8, 0.7, 0.6], [1, 1, 0, 0]
    assert [point.accuracy for point in selective_accuracy(confidence, right, (0.25, 0.5, 0.75, 1))] == pytest.approx(
        [1, 1, 2 / 3, 0.5]
    )
    assert risk_coverage_area(confidence, right) == pytest.approx((0 + 0 + 1 / 3 + 1 / 2) / 4)


def test_the_order_of_equally_confident_items_makes_no_difference():
    one = selective_accuracy([0.5] * 4, [1, 1, 0, 0])
    other = selective_accuracy([0.5] * 4, [0, 0, 1, 1])
    assert one == other
    assert {point.accuracy for point in one} == {0.5}


def test_a_confidence_that_is_no_probability_is_refused():
    with pytest.raises(ValueError, match="expected probabilities"):
        brier_score([1.2], [1])


# --- agreement -------------------------------------------------------------------------------------------------------


def test_kappa_by_hand():
    first = ["yes"] * 45 + ["no"] * 55
    second = ["yes"] * 40 + ["no"] * 5 + ["yes"] * 15 + ["no"] * 40
    agreement = cohen_kappa(first, second)
    assert agreement.share.value == 0.8
    assert agreement.chance == pytest.approx(0.45 * 0.55 + 0.55 * 0.45)
    assert agreement.base_rates == {"no": (0.55, 0.45), "yes": (0.45, 0.55)}
    assert agreement.kappa == pytest.approx((0.8 - 0.495) / (1 - 0.495))


def test_a_high_agreement_on_a_rare_label_has_a_low_kappa():
    agreement = cohen_kappa(["safe"] * 99 + ["unsafe"], ["safe"] * 98 + ["unsafe", "safe"])
    assert agreement.share.value == 0.98
    assert agreement.kappa < 0
    assert cohen_kappa(["safe"] * 5, ["safe"] * 5).kappa is None
