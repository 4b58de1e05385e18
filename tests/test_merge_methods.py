"""The formulas of merging, against values worked out by hand or measured on mergekit, and where chance comes from."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from training.merging.arithmetic import FORMULAS
from training.merging.methods import METHODS
from training.merging.number_types import STORED_TYPES, Floats, Span, narrowed, widened
from training.merging.tensor import BLOCK, Merging
from training.training_errors import MergeError

A = [1, -2, 0.5, 0.1, 0, 3]
B = [-0.5, 1, 0.6, -0.2, 0, 1]
ZERO = [0] * 6
HALF = [{"weight": 1, "density": 0.5}] * 2
UNEQUAL = [{"weight": 0.7}, {"weight": 0.3}]


def floats(values):
    return Floats(np.array(values, dtype=np.float32).reshape(-1).view(np.uint8), "F32", "w of MODEL")


def merged(method, models, base=None, own=None, pool=None, seed=0, name="w", **shared):
    """Return what a method makes of tensors, given as nested lists or arrays of one shape."""
    rules = METHODS[method]
    work = Merging(
        name=name,
        shape=np.shape(models[0]),
        models=[floats(model) for model in models],
        base=None if base is None else floats(base),
        seed=seed,
        pool=pool,
    )
    own = [{**rules.own, **each} for each in own or [{}] * len(models)]
    formula = FORMULAS[method](work, own, {**rules.shared, **shared})
    parts = work.each(lambda span: formula(span).copy())
    return np.concatenate(parts).reshape(np.shape(models[0]))


def close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


# --- values ----------------------------------------------------------------------------------------------------------


def test_linear_is_the_weighted_mean_or_the_weighted_sum():
    close(merged("linear", [A, B], own=[{"weight": 3}, {"weight": 1}]), np.array(A) * 0.75 + np.array(B) * 0.25)
    close(merged("linear", [A, B], own=[{"weight": 3}, {"weight": 1}], normalize=False), np.array(A) * 3 + np.array(B))


def test_linear_with_weights_that_cancel_out_is_an_error_that_says_what_to_do():
    with pytest.raises(MergeError, match=r"add up to 0, expected another sum.*normalize: false"):
        merged("linear", [A, B], own=[{"weight": 1}, {"weight": -1}])


def test_slerp_goes_along_the_arc():
    close(merged("slerp", [[0, 2]], base=[1, 0], t=0.25), [0.92388, 0.765367])
    close(merged("slerp", [[0, 2]], base=[1, 0], t=0), [1, 0])
    close(merged("slerp", [[0, 2]], base=[1, 0], t=1), [0, 2])


@pytest.mark.parametrize("other", [[2, 2], [-1, -1], [0, 0]])
def test_slerp_goes_straight_where_there_is_no_arc(other):
    close(merged("slerp", [other], base=[1, 1], t=0.25), np.array([1, 1]) * 0.75 + np.array(other) * 0.25)


def test_task_arithmetic_adds_weighted_differences():
    close(merged("task_arithmetic", [A, B], ZERO, UNEQUAL), [0.55, -1.1, 0.53, 0.01, 0, 2.4])
    base = [1, 1, 1, 1, 1, 1]
    expected = 1 + 0.5 * (0.7 * (np.array(A) - 1) + 0.3 * (np.array(B) - 1))
    close(merged("task_arithmetic", [A, B], base, UNEQUAL, **{"lambda": 0.5}), expected)


def test_ties_keeps_the_largest_half_and_elects_a_sign():
    close(merged("ties", [A, B], ZERO, HALF), [1, -2, 0.6, 0, 0, 2])
    close(merged("ties", [A, B], ZERO, HALF, normalize=False), [1, -2, 0.6, 0, 0, 4])
    close(merged("ties", [A, B], ZERO, UNEQUAL), [1, -2, 0.53, 0.1, 0, 2.4])


def test_ties_as_its_authors_code_it_keeps_one_entry_more_than_half():
    four_of_six = [{"weight": 1, "density": 4 / 6}] * 2
    close(merged("ties", [A, B], ZERO, four_of_six), [1, -2, 0.55, 0, 0, 2])


@pytest.mark.parametrize(("values", "kept"), [(A, [1, -2, 0, 0, 0, 3]), (B, [0, 1, 0.6, 0, 0, 1])])
def test_trimming_keeps_the_largest_half(values, kept):
    close(merged("ties", [values], ZERO, HALF[:1]), kept)


def test_trimming_keeps_the_first_of_equals_so_that_the_number_is_exact():
    close(merged("ties", [[1, -1, 1, 1, 1, 1]], ZERO, HALF[:1]), [1, -1, 1, 0, 0, 0])


def test_trimming_counts_over_the_whole_tensor_and_not_over_its_spans():
    random = np.random.default_rng(0)
    values = np.round(random.standard_normal((3 * BLOCK // 64, 64)), 2).astype(np.float32)  # many equals
    found = merged("ties", [values], np.zeros_like(values), [{"weight": 1, "density": 0.3}])
    kept = found != 0
    assert kept.sum() == int(0.3 * values.size)
    assert np.abs(values[kept]).min() >= np.abs(values[~kept]).max()


def test_trimming_keeps_one_entry_at_least_and_none_at_density_zero():
    close(merged("ties", [A], ZERO, [{"weight": 1, "density": 0.01}]), [0, 0, 0, 0, 0, 3])
    close(merged("ties", [A], ZERO, [{"weight": 1, "density": 0}]), ZERO)


def test_dare_without_drops_elects_signs_without_dividing():
    close(merged("dare_ties", [A, B], ZERO, UNEQUAL), [0.7, -1.4, 0.53, 0.07, 0, 2.4])
    close(merged("dare_linear", [A, B], ZERO, UNEQUAL), [0.55, -1.1, 0.53, 0.01, 0, 2.4])


def test_model_stock_mixes_by_the_angle_between_the_differences():
    close(merged("model_stock", [[1, 0], [1, 1]], [0, 0]), [0.828427, 0.414214])
    rows = merged("model_stock", [[[1, 0], [1, 0]], [[1, 1], [0, 1]]], np.zeros((2, 2)), filter_wise=True)
    close(rows, [[0.828427, 0.414214], [0, 0]])  # a right angle leaves the base


def test_model_stock_keeps_the_base_where_the_differences_cancel_out():
    close(merged("model_stock", [[2, 0], [-2, 0]], [0, 0]), [0, 0])


# --- chance ----------------------------------------------------------------------------------------------------------


def wide(seed=0, rows=300, columns=2048):
    return np.random.default_rng(seed).standard_normal((rows, columns)).astype(np.float32)


SPARSE = [{"weight": 1, "density": 0.5, "epsilon": 0.1}]


@pytest.mark.parametrize("method", ["dare_linear", "della_linear"])
def test_what_drops_leave_is_scaled_to_the_same_sum_of_magnitudes_or_by_the_chance_to_stay(method):
    values = wide()
    base = np.zeros_like(values)
    own = SPARSE if method == "della_linear" else [{"weight": 1, "density": 0.5}]
    by_norm = merged(method, [values], base, own)
    kept = by_norm != 0
    assert np.isclose(np.abs(by_norm).sum(dtype=float), np.abs(values).sum(dtype=float), rtol=1e-4)
    assert np.allclose((by_norm[kept] / values[kept]), by_norm[kept][0] / values[kept][0], rtol=1e-5)
    by_chance = merged(method, [values], base, own, rescaling="probability")
    assert ((by_chance != 0) == kept).all()
    factors = values[kept] / by_chance[kept]
    assert factors.min() >= 0.4 - 1e-6 and factors.max() <= 0.6 + 1e-6
    if method == "dare_linear":
        close(factors, 0.5)
    plain = merged(method, [values], base, own, rescale=False)
    close(plain, np.where(kept, values, 0))


def test_a_mask_over_the_example_scales_as_measured():
    # Of A the entries 0, 2 and 4 stay: by chance 1/0.5, by norm 6.6/1.5.
    seed = next(
        seed
        for seed in range(10_000)
        if (merged("dare_linear", [np.add(A, 10)], ZERO, HALF[:1], seed=seed) != 0).tolist() == [1, 0, 1, 0, 1, 0]
    )
    close(merged("dare_linear", [A], ZERO, HALF[:1], seed=seed), [4.4, 0, 2.2, 0, 0, 0])
    close(merged("dare_linear", [A], ZERO, HALF[:1], seed=seed, rescaling="probability"), [2, 0, 1, 0, 0, 0])


def test_della_keeps_the_larger_of_a_row_more_often():
    chances = np.array([0.52, 0.56, 0.48, 0.44, 0.40, 0.60])  # by the rank of A's magnitudes
    values = np.tile(np.add(A, [0, 0, 0, 0, 0.01, 0]), (40_000, 1)).astype(np.float32)
    kept = merged("della_linear", [values], np.zeros_like(values), SPARSE) != 0
    assert np.abs(kept.mean(axis=0) - chances).max() < 0.01  # four standard errors
    plain = merged("della_linear", [values], np.zeros_like(values), SPARSE, rescaling="probability")
    close((values / np.where(kept, plain, np.nan))[kept[:, 5], 5], 0.6)


def test_drops_are_as_many_as_asked_and_independent_from_one_model_to_the_next():
    values = wide()
    own = [{"weight": 1, "density": 0.2}] * 2
    first = merged("dare_linear", [values, np.zeros_like(values)], np.zeros_like(values), own) != 0
    second = merged("dare_linear", [np.zeros_like(values), values], np.zeros_like(values), own) != 0
    assert abs(first.mean() - 0.2) < 0.003 and abs(second.mean() - 0.2) < 0.003
    assert abs((first & second).mean() - 0.04) < 0.003


@pytest.mark.parametrize("method", sorted(METHODS))
def test_threads_change_nothing(method):
    rules = METHODS[method]
    models = [wide(1), wide(2)][: rules.most or 2]
    own = [{**SPARSE[0], "weight": 0.4}] * len(models)
    shared = {"t": 0.3} if method == "slerp" else {}
    alone = merged(method, models, wide(3) if rules.needs_base else None, own, **shared)
    with ThreadPoolExecutor(4) as pool:
        together = merged(method, models, wide(3) if rules.needs_base else None, own, pool=pool, **shared)
    assert alone.tobytes() == together.tobytes()


def test_chance_depends_on_the_seed_and_on_the_tensors_name():
    values = wide(rows=4)
    drops = {
        merged("dare_linear", [values], np.zeros_like(values), HALF[:1], **more).tobytes()
        for more in ({}, {"seed": 1}, {"name": "v"}, {})
    }
    assert len(drops) == 3


def test_epsilon_that_leaves_the_range_of_a_chance_is_an_error():
    with pytest.raises(
        MergeError, match=r"density 0.1 and epsilon 0.15 give chances from -0.05 to 0.25.*lower epsilon"
    ):
        merged("della", [A], ZERO, [{"weight": 1, "density": 0.1}])


# --- numbers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["BF16", "F16", "F32"])
def test_every_number_of_a_type_comes_back_the_same(dtype):
    bits = np.arange(1 << 16, dtype=np.uint16)
    held = bits.view(STORED_TYPES[dtype]) if dtype != "F32" else (bits.astype(np.uint32) << 16).view(np.float32)
    exponent = 0x7F80 if dtype != "F16" else 0x7C00
    held = held[bits & exponent != exponent]  # without infinities and what is no number
    wide_ones, back = np.empty(len(held), np.float32), np.empty_like(held)
    assert widened(held, dtype, wide_ones)
    assert narrowed(wide_ones, dtype, back)
    assert back.tobytes() == held.tobytes()


def test_bfloat16_rounds_to_the_nearest_and_of_two_equally_near_to_the_even_one():
    def rounded(value):
        held, back = np.empty(1, np.uint16), np.empty(1, np.float32)
        narrowed(np.array([value], np.float32), "BF16", held)
        widened(held, "BF16", back)
        return float(back[0])

    step = 2**-7  # between bfloat16 numbers just above 1
    assert rounded(1 + 0.4 * step) == 1
    assert rounded(1 + 0.6 * step) == 1 + step
    assert rounded(1 + 0.5 * step) == 1
    assert rounded(1 + 1.5 * step) == 1 + 2 * step
    assert rounded(-1 - 0.6 * step) == -1 - step


@pytest.mark.parametrize(("dtype", "bits"), [("BF16", 0x7F80), ("BF16", 0xFFC1), ("F16", 0x7C00), ("F16", 0x7E00)])
def test_a_number_that_is_none_is_found_where_it_stands(dtype, bits):
    raw = np.array([0x3C00, bits, 0x3C00], dtype=np.uint16).view(np.uint8)
    with pytest.raises(MergeError, match=r"w of MODEL holds (inf|nan) at element 1, expected finite numbers: .*"):
        Floats(raw, dtype, "w of MODEL").into(Span(0, 3), np.empty(3, np.float32))


def test_small_differences_survive_in_float32():
    # In bfloat16 1 + 0.001 is 1: a sum made there would lose what ten models learned together.
    base = np.ones(4, np.float32)
    found = merged("task_arithmetic", [base * np.float32(1.001)] * 10, base, [{"weight": 1}] * 10)
    close(found, 1.01)
