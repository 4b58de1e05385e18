"""The typed record and its polars schema are twins."""

from dataclasses import fields

import polars as pl
import pytest
from rows import row

from sources.record import Draft, Message, Record, check
from sources.table import SCHEMA, frame, records, relist


def test_record_and_schema_name_the_same_fields_in_the_same_order():
    assert [field.name for field in fields(Record)] == SCHEMA.names()


def test_records_survive_the_table_unchanged():
    full = row(
        "corpus:2",
        messages=(Message("system", "Be brief."), Message("user", "¿Qué es la anemia?")),
        context="",
        options=("uno", "dos"),
        gold=(1,),
        answer="dos",
        rationale="porque sí",
        meta={"year": 2019, "topics": ["blood"]},
    )
    bare = row("corpus:3")
    table = frame([full, bare])
    assert table.schema == SCHEMA
    assert list(records(table)) == [full, bare]


def test_no_records_make_an_empty_table_of_the_schema():
    assert frame([]).schema == SCHEMA


def test_relist_cuts_values_into_lists_of_the_same_lengths():
    like = pl.Series("options", [["a", "b"], [], ["c"]])
    assert relist(pl.Series(["x", "y", "z"]), like).to_list() == [["x", "y"], [], ["z"]]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"id": ""}, "id is ''"),
        ({"messages": ()}, "no message"),
        ({"messages": [Message("doctor", "Hello")]}, "role is 'doctor', expected one of system, user, assistant"),
        ({"messages": [Message("user", 5)]}, "message is 5, expected text"),
        ({"answer": 3.5}, "answer is 3.5, expected text"),
        ({"options": ["a", None]}, "option is None"),
        ({"options": ["a", "b"], "gold": [2]}, "gold is 2, expected a position among 2 options"),
        ({"options": ["a", "b"], "gold": [-1]}, "gold is -1"),
    ],
)
def test_a_draft_that_cannot_be_a_record_says_what_is_wrong(change, said):
    draft = Draft(**{"id": "1", "messages": [Message("user", "Why?")], **change})
    with pytest.raises((ValueError, TypeError), match=said):
        check(draft)
