"""What renames a step: the code of its function, however it is wrapped, and the values bound to it."""

from functools import partial

import pytest

from pipelines.fingerprint import code_hash
from quality.exact import exact_duplicates
from synth.compose import compose
from synth.instructions import instruct


def test_the_code_of_a_function_is_that_of_its_module():
    assert code_hash(compose) == code_hash(compose)
    assert code_hash(compose) != code_hash(instruct)


def test_a_bound_function_is_hashed_by_its_own_code():
    bound = [code_hash(partial(function, config=None)) for function in (compose, instruct, exact_duplicates)]
    assert len(set(bound)) == 3


@pytest.mark.parametrize(
    "other", [partial(compose, config=2), partial(compose, 1), partial(partial(compose, 1), config=1)]
)
def test_what_is_bound_is_part_of_the_hash(other):
    assert code_hash(other) not in (code_hash(compose), code_hash(partial(compose, config=1)))


def test_a_bound_value_without_a_stable_form_is_refused():
    with pytest.raises(TypeError, match="is not made of JSON values"):
        code_hash(partial(compose, config=object()))
