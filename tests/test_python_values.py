"""Lists and objects as Python prints them, in cells of CSV files."""

import warnings

import pytest

from sources.formats.python_values import parse_python


def test_a_list_of_texts_is_read():
    assert parse_python("['Dry lips', \"Can't sleep\"]") == ["Dry lips", "Can't sleep"]


@pytest.mark.parametrize("text", ["", "Dry lips", "['Dry", "__import__('os')", "{[]: 1}", "(" * 5_000, "\0", "1\0"])
def test_other_text_is_refused_with_the_text(text):
    with pytest.raises(ValueError, match="is not a Python value"):
        parse_python(text)


def test_a_dose_gives_no_warning():
    with warnings.catch_warnings(), pytest.raises(ValueError, match="is not a Python value"):
        warnings.simplefilter("error")
        parse_python("[5mg or 10mg]")
