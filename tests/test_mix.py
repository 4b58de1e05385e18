"""Mixing by token share: what each part comes to, which rows go, and the shapes in which rows leave."""

import hashlib
import json

import polars as pl
import pytest
from pydantic import ValidationError
from rows import row, table

from pipelines.recipes.aloe_sft import catalog_parts
from sources.record import Message
from synth.formatting import trainer_formats
from synth.formatting.mix import Mix, mix
from synth.formatting.mix_parts import Part, Pick, leaves, part_of
from synth.formatting.row_limit import RowLimit, limit_rows
from synth.teachers.token_counts import Tokenizer, quarter_of_characters, tokenizer_count

ALOE = catalog_parts()
HALVES = (
    Part(name="cases", share=0.75, picks=(Pick(sources=("cases",)),)),
    Part(name="facts", share=0.25, picks=(Pick(sources=("facts*",)),)),
)


def words(texts):
    return texts.str.count_matches(r"\S+")


def rows_of(source, n, words=10):
    """Return ``n`` rows whose question and answer hold so many words together."""
    return [row(f"{source}:{i}", "asked", answer=" ".join(["told"] * (words - 1))) for i in range(n)]


def shards(*rows):
    return lambda: iter([table(*rows)])


def mixed(rows, **config):
    return mix(shards(*rows), Mix(**{"parts": HALVES, **config}), words)


def account(decision):
    return {line["part"]: line for line in decision.tables["account"].iter_rows(named=True)}


def kept(rows, decision):
    dropped = set(decision.drops["id"])
    return {one.id for one in rows} - dropped


def test_aloe_shares_are_those_of_the_paper():
    shares = {path: round(share, 6) for path, share, _ in leaves(ALOE)}
    assert shares == {
        "synthetic": 0.2,
        "general/instruction": 0.135,
        "general/function-calling": 0.035,
        "general/long-context": 0.03,
        "medical": 0.6,
    }


@pytest.mark.parametrize(
    ("fields", "part"),
    [
        ({"id": "medquad:1"}, "medical"),
        ({"id": "medquad:1", "meta": {"cot": {"teacher": "embedded", "origin": "sampled"}}}, "synthetic"),
        ({"id": "medquad:1", "meta": {"cot": {"teacher": "embedded"}}}, "medical"),
        ({"id": "medqa_cot_llama31:1"}, "synthetic"),
        ({"id": "magpie_ultra:1", "task": "instruction"}, "general/instruction"),
        ({"id": "meds_ins:1", "task": "instruction"}, "medical"),
        ({"id": "agent_instruct:1", "task": "function-calling"}, "general/function-calling"),
        ({"id": "longcite_45k:1", "task": "long-context"}, "general/long-context"),
    ],
)
def test_a_row_is_in_the_first_part_that_takes_it(fields, part):
    assert table(row(**fields)).select(part_of(ALOE)).item() == part


def test_without_a_total_the_scarcest_part_gives_all_it_has():
    rows = rows_of("cases", 100) + rows_of("facts", 10)
    decision = mixed(rows)
    lines = account(decision)
    assert (lines["facts"]["rows"], lines["cases"]["rows"]) == (10, 30)
    assert (lines["facts"]["share_reached"], lines["cases"]["share_reached"]) == (0.25, 0.75)
    assert len(kept(rows, decision)) == 40


def test_a_total_gives_each_part_its_share_or_all_it_has():
    lines = account(mixed(rows_of("cases", 100) + rows_of("facts", 10), tokens=800))
    assert (lines["cases"]["tokens_wanted"], lines["cases"]["tokens"]) == (600, 600)
    assert (lines["facts"]["tokens_wanted"], lines["facts"]["tokens"]) == (200, 100)
    assert lines["facts"]["share_reached"] == pytest.approx(100 / 700)


def test_the_account_adds_up_to_the_row():
    rows = rows_of("cases", 40) + rows_of("facts", 25) + rows_of("stray", 3)
    decision = mixed(rows, tokens=240, source_tokens=(("facts", 150),))
    lines = account(decision)
    assert sum(line["rows"] for line in lines.values()) == len(rows) - decision.drops.height
    assert {name: line["rows_available"] for name, line in lines.items()} == {"cases": 40, "facts": 15}
    assert lines["facts"]["rows_over_cap"] == 10


@pytest.mark.parametrize("size", [7, 11, 13])
def test_a_part_ends_less_than_one_row_below_its_share(size):
    line = account(mixed(rows_of("cases", 100, words=size) + rows_of("facts", 100), tokens=400))["cases"]
    assert 300 - size < line["tokens"] <= 300


def test_a_dropped_row_says_what_was_wanted_and_reached():
    drop = mixed(rows_of("cases", 100) + rows_of("facts", 10)).drops.row(0, named=True)
    assert drop["drop_reason"] == "mix"
    assert json.loads(drop["evidence"]) == {"part": "cases", "share_wanted": 0.75, "share_reached": 0.75}


def test_a_row_of_no_part_and_a_row_over_a_cap_say_so():
    rows = [*rows_of("cases", 3), *rows_of("facts", 1), *rows_of("stray", 1)]
    drops = mixed(rows, tokens=1_000, source_tokens=(("cases", 20),)).drops
    evidence = {drop["id"].split(":")[0]: json.loads(drop["evidence"]) for drop in drops.iter_rows(named=True)}
    assert evidence == {
        "stray": {"part": None},
        "cases": {"part": "cases", "source": "cases", "source_tokens": 20},
    }


def test_neither_order_nor_shards_change_the_choice_but_the_seed_does():
    rows = rows_of("cases", 60) + rows_of("facts", 10)
    first = kept(rows, mixed(rows))
    shuffled = mix(lambda: (table(one) for one in reversed(rows)), Mix(parts=HALVES), words)
    assert kept(rows, shuffled) == first
    assert kept(rows, mixed(rows, seed=1)) != first


def test_more_rows_replace_few():
    rows = rows_of("cases", 400) + rows_of("facts", 50)
    more = rows_of("cases", 404) + rows_of("facts", 50)
    lost = kept(rows, mixed(rows, tokens=1_000)) - kept(more, mixed(more, tokens=1_000))
    assert len(lost) <= 4


def test_a_part_without_rows_is_refused_by_name():
    with pytest.raises(ValueError, match=r"part 'facts' has no rows.*share_out"):
        mixed(rows_of("cases", 5))


def test_the_share_of_an_absent_part_goes_to_its_siblings():
    general = (
        Part(name="instruction", share=0.6, picks=(Pick(sources=("magpie",)),)),
        Part(name="calls", share=0.4, picks=(Pick(sources=("calls",)),)),
    )
    parts = (
        Part(name="medical", share=0.8, picks=(Pick(sources=("cases",)),)),
        Part(name="general", share=0.2, parts=general),
    )
    lines = account(mixed(rows_of("cases", 100) + rows_of("magpie", 10), parts=parts, absent="share_out"))
    assert lines["general/instruction"]["share"] == pytest.approx(0.12)
    assert lines["general/instruction"]["share_wanted"] == pytest.approx(0.2)
    assert (lines["general/instruction"]["rows"], lines["medical"]["rows"]) == (10, 40)
    assert (lines["general/calls"]["rows"], lines["general/calls"]["share_wanted"]) == (0, 0)


def test_no_rows_at_all_mix_to_none():
    decision = mixed([], absent="share_out")
    assert decision.drops.is_empty()
    assert decision.tables["account"]["rows"].sum() == 0


def test_shares_that_do_not_sum_to_one_are_refused():
    with pytest.raises(ValidationError, match=r"shares of the parts of the mix sum to 0\.75, expected 1"):
        Mix(parts=HALVES[:1])


def test_two_parts_of_one_name_are_refused():
    twice = tuple(Part(name="cases", share=0.5, picks=(Pick(),)) for _ in range(2))
    with pytest.raises(ValidationError, match="have one name: cases, cases"):
        Mix(parts=twice)


def test_a_part_has_picks_or_parts_and_not_both_or_none():
    with pytest.raises(ValidationError, match="part 'cases' has 0 picks and 0 parts, expected one"):
        Part(name="cases", share=1)


@pytest.mark.parametrize(("text", "tokens"), [("", 0), ("abc", 1), ("abcd", 1), ("abcde", 2)])
def test_the_estimate_is_a_quarter_of_the_characters_rounded_up(text, tokens):
    assert quarter_of_characters(pl.Series([text])).to_list() == [tokens]


def test_a_tokenizer_of_another_hash_is_refused(tmp_path):
    path = tmp_path / "tokenizer.json"
    path.write_text("{}")
    with pytest.raises(ValueError, match=r"has sha256 44136f.*, expected 0000"):
        tokenizer_count(Tokenizer(path=str(path), sha256="0" * 64))


def test_a_tokenizer_counts_its_own_tokens_and_no_special_ones(tmp_path):
    tokenizers = pytest.importorskip("tokenizers")
    known = {"[UNK]": 0, "[CLS]": 1, "vitamin": 2, "c": 3}
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel(known, unk_token="[UNK]"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    made.post_processor = tokenizers.processors.TemplateProcessing(single="[CLS] $A", special_tokens=[("[CLS]", 1)])
    path = tmp_path / "tokenizer.json"
    made.save(str(path))
    count = tokenizer_count(Tokenizer(path=str(path), sha256=hashlib.sha256(path.read_bytes()).hexdigest()))
    assert count(pl.Series(["vitamin c", "", "vitamin c, please"])).to_list() == [2, 0, 4]


ASKED = row(response="Vitamin C.", rejected="Vitamin D.")
TURNS = (
    Message("system", "Be brief."),
    Message("user", "Hello."),
    Message("assistant", "Hi."),
    Message("user", "Go on."),
)


def test_sharegpt_holds_all_turns_and_the_response():
    assert trainer_formats.sharegpt(row(messages=TURNS, response="Done.")) == {
        "id": "corpus:1",
        "conversations": [
            {"from": "system", "value": "Be brief."},
            {"from": "human", "value": "Hello."},
            {"from": "gpt", "value": "Hi."},
            {"from": "human", "value": "Go on."},
            {"from": "gpt", "value": "Done."},
        ],
    }


def test_alpaca_holds_one_turn_and_its_system_prompt():
    assert trainer_formats.alpaca(row(messages=(TURNS[0], TURNS[3]), response="Done.")) == {
        "id": "corpus:1",
        "instruction": "Go on.",
        "input": "",
        "output": "Done.",
        "system": "Be brief.",
    }


def test_alpaca_refuses_a_conversation():
    with pytest.raises(ValueError, match="corpus:1 has turns system, user, assistant, user, expected one by the user"):
        trainer_formats.alpaca(row(messages=TURNS, response="Done."))


@pytest.mark.parametrize("shape", [trainer_formats.sharegpt, trainer_formats.alpaca, trainer_formats.preference])
def test_a_row_without_a_response_is_not_exported(shape):
    with pytest.raises(ValueError, match="corpus:1 has no response"):
        shape(row())


def test_a_preference_goes_out_as_trl_reads_it():
    assert trainer_formats.preference(ASKED) == {
        "prompt": [{"role": "user", "content": "Which vitamin prevents scurvy?"}],
        "chosen": [{"role": "assistant", "content": "Vitamin C."}],
        "rejected": [{"role": "assistant", "content": "Vitamin D."}],
    }


# --- a number of rows ----------------------------------------------------------------------------------------------


def test_a_set_is_cut_to_a_number_of_rows_and_added_rows_replace_few():
    rows = [*rows_of("cases", 300), *rows_of("facts", 100)]
    chosen = kept(rows, limit_rows(shards(*rows), RowLimit(rows=80, seed=3)))
    assert len(chosen) == 80
    assert 45 < sum(id.startswith("cases:") for id in chosen) < 75  # 60 by their share
    more = [*rows, *rows_of("news", 4)]
    assert len(chosen - kept(more, limit_rows(shards(*more), RowLimit(rows=80, seed=3)))) <= 4
    assert kept(rows, limit_rows(shards(*rows), RowLimit(rows=80, seed=4))) != chosen


def test_a_set_with_fewer_rows_than_asked_for_is_kept_whole():
    decision = limit_rows(shards(*rows_of("cases", 5)), RowLimit(rows=80))
    assert decision.drops.is_empty()
