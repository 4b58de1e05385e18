"""Near-duplicates among records: what is compared of a row, by which threshold, and which row stays."""

import json
import random

from rows import row, table

from quality.duplicates.near_records import MOST_SEGMENTS, NearRecords, near_duplicate_records
from sources.record import Message

STORY = (
    "A man of 60 years with diabetes comes with a swollen and painful left calf two weeks after a long journey by air "
    "and asks whether he should take aspirin or see a physician at once because of it"
)


def dropped(*records, **config):
    decision = near_duplicate_records(lambda: iter([table(*records)]), NearRecords(**config))
    return {id: json.loads(evidence)["duplicate_of"] for id, _, evidence in decision.drops.iter_rows()}


def test_a_word_changed_in_a_long_row_makes_no_other_row():
    edited = STORY.replace("man", "woman")
    assert dropped(row("a:1", question=STORY), row("a:2", question=edited), row("a:3", question=STORY[:60])) == {
        "a:2": "a:1"
    }


def test_question_and_answer_are_compared_together():
    assert dropped(row("a:1", question=STORY, answer="x " * 40), row("a:2", question=STORY, answer=STORY[::-1])) == {}


def test_questions_on_one_passage_are_many_questions():
    passage = STORY * 5
    one = row("a:1", question="How old is the man?", context=passage)
    other = row("a:2", question="Which leg hurts?", context=passage)
    assert dropped(one, other) == {}


def test_multiple_choice_rows_with_other_answers_are_never_duplicates():
    options = ("yes", "no")
    yes = row("a:1", question=STORY, options=options, gold=(0,), answer="yes")
    no = row("a:2", question=STORY, options=options, gold=(1,), answer="no")
    again = row("a:3", question=STORY + " indeed", options=options, gold=(0,), answer="yes")
    assert dropped(yes, no, again) == {"a:3": "a:1"}


def test_conversations_have_a_threshold_of_their_own():
    def talk(id, text):
        turns = (Message("user", text), Message("assistant", "How long?"), Message("user", "Two days."))
        return row(id, messages=turns)

    edited = STORY.replace("man", "woman").replace(" with a swollen", " with that swollen")
    pair = (talk("a:1", STORY), talk("a:2", edited))
    assert dropped(*pair) == {}
    assert dropped(*pair, conversation={"threshold": 0.5}) == {"a:2": "a:1"}


def test_the_keep_policy_is_that_of_exact_duplicates():
    strict, free = row("a:1", question=STORY, license="CC-BY-NC-4.0"), row("b:1", question=STORY + " now")
    assert dropped(strict, free) == {"a:1": "b:1"}
    ranked = (row("a:1", question=STORY), row("b:1", question=STORY + " now"))
    assert dropped(*ranked, source_ranks=(("a", 2), ("b", 1))) == {"a:1": "b:1"}


def test_a_shard_of_one_open_question_is_a_shard():
    assert dropped(row("a:1", question=STORY, answer="x y")) == {}


def test_no_rows_no_duplicates():
    assert dropped() == {}


def test_rows_are_added_to_the_signatures_of_a_build_without_rows():
    empty = near_duplicate_records(lambda: iter(()), NearRecords())
    rows = table(row("a:1", question=STORY), row("a:2", question=STORY + " now"))
    added = near_duplicate_records(lambda: iter([rows]), NearRecords(), empty.memory)
    whole = near_duplicate_records(lambda: iter([rows]), NearRecords())
    assert added.drops.rows() == whole.drops.rows()


def test_the_segments_of_many_small_additions_are_merged():
    draw = random.Random(4)
    words = [f"word{n}" for n in range(400)]
    asked = [" ".join(draw.sample(words, 20)) for _ in range(MOST_SEGMENTS + 3)]
    rows = [row(f"a:{n}", question=text, answer=f"yes {n}") for n, text in enumerate(asked)]
    copy = row("b:1", question=asked[0], answer="yes 0")
    memory, segments = {}, []
    for one in [*rows, copy]:
        decision = near_duplicate_records(lambda one=one: iter([table(one)]), NearRecords(), memory)
        memory = decision.memory
        segments.append(sum(name.startswith("single-rows-") for name in memory))
    assert max(segments) == MOST_SEGMENTS
    assert segments[-1] < MOST_SEGMENTS
    whole = near_duplicate_records(lambda: iter([table(*rows, copy)]), NearRecords())
    assert decision.drops.rows() == whole.drops.rows() != []
