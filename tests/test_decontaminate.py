"""Decontamination, layer by layer, on a small benchmark written for it."""

import json
import random

import numpy as np
import polars as pl
import pytest
from leak_truth import Truth

from quality.decontamination import rarity
from quality.decontamination.cleaned_items import with_cleaned
from quality.decontamination.find_leaks import Decontaminate, decontaminate, find_leaks
from quality.decontamination.inputs import ITEM_SCHEMA, ROW_SCHEMA, items_of, rows_of, text_rows
from quality.decontamination.item_index import build_index
from quality.decontamination.lexical_layers import SimilarityThresholds
from quality.decontamination.question_contrast import contrasts
from quality.decontamination.rarity import UNKNOWN_BITS, word_bits
from quality.decontamination.word_keys import text_keys, words
from sources.record import Message, Record
from sources.table import frame

VIGNETTE = (
    "A 58-year-old beekeeper is seen for three weeks of numb fingertips and a brittle gait. He drinks two bottles of "
    "elderberry cordial daily. Reflexes at the ankles are absent and the tongue is smooth and scarlet. Haemoglobin is "
    "91 g/L and the corpuscular volume 118 fL. Which vitamin would you measure first?"
)
NODES = ["Gaps in myelin", "Clusters of nuclei", "Dendritic spines"]
MYELIN = ["Axons regrow daily", "Myelin insulates axons"]
ITEMS = [
    ("neuro", "v1", VIGNETTE, ["Cobalamin", "Thiamine", "Retinol", "Biotin"], "Cobalamin"),
    ("neuro", "v2", "Which of the following is true?", MYELIN, "Myelin insulates axons"),
    ("neuro", "v3", "The nodes of Ranvier are:", NODES, "Gaps in myelin"),
    ("pharma", "p1", "Which antidote reverses heparin overdose?", ["Protamine", "Naloxone", "Flumazenil"], "Protamine"),
    ("pharma", "p2", "Digoxin poisoning is treated with which antibody fragments?", None, "Digoxin-specific Fab"),
    ("pharma", "p3", "维生素缺乏导致的巨幼细胞性贫血首选哪种治疗药物？", ["叶酸", "铁剂", "维生素丙"], "叶酸"),
    ("pharma", "p4", "Insulin", ["Hormone", "Enzyme"], "Hormone"),
]


def items(rows=ITEMS):
    return pl.DataFrame([(*row, None, None, None) for row in rows], schema=ITEM_SCHEMA, orient="row")


def row(question, options=None, answer=None, reasoning=None, id="r"):
    return pl.DataFrame([(id, question, options, answer, reasoning, None)], schema=ROW_SCHEMA, orient="row")


def found_pairs(rows, **more):
    """Return {(benchmark item, layer)} of the pairs found in rows."""
    pairs = find_leaks(rows, build_index(items()), Decontaminate(), **more)
    return set(pairs.select("item", "layer").iter_rows())


# --- layers ----------------------------------------------------------------------------------------------------------


def test_an_exact_copy_is_found_whatever_its_case_marks_and_order_of_options():
    copy = row("WHICH ANTIDOTE reverses  héparin overdose", ["flumazenil.", "Protamine", "naloxone"])
    assert found_pairs(copy) == {("p1", "exact")}


def test_a_dropped_row_names_layer_item_and_score_in_its_evidence():
    leaks = decontaminate(
        row("Which antidote reverses heparin overdose?", ["Protamine", "Naloxone", "Flumazenil"]), items()
    )
    assert leaks.drops.select("id", "drop_reason").rows() == [("r", "leak:exact")]
    evidence = json.loads(leaks.drops["evidence"][0])
    assert evidence["benchmark"] == "pharma"
    assert evidence["item"] == "p1"
    assert evidence["score"] == 1.0
    assert evidence["item_text"].startswith("Which antidote reverses heparin overdose?")


def test_a_bare_stem_with_other_options_is_no_leak():
    assert found_pairs(row("Which of the following is true?", ["Ribs float", "Bones bleed"])) == set()
    assert found_pairs(row("The nodes of Ranvier are:", ["Lymphatic vessels", "Cardiac pacemakers"])) == set()


def test_a_bare_stem_with_its_options_is_a_leak():
    options = ["Myelin insulates axons", "Axons regrow daily"]
    assert found_pairs(row("Which of the following is true?", options)) == {("v2", "exact")}


def test_an_equal_question_without_options_is_a_leak_if_it_says_enough():
    assert found_pairs(row("Which antidote reverses heparin overdose?")) == {("p1", "exact")}
    assert found_pairs(row("Which of the following is true?")) == set()


def test_a_copy_with_slips_and_other_words_is_found_by_its_rare_words():
    edited = VIGNETTE.replace("beekeeper", "bee-keeper").replace("scarlet", "scarlett").replace("daily", "every day")
    assert found_pairs(row(edited)) == {("v1", "ngram")}


def test_a_short_question_is_found_by_its_options_in_any_order():
    prompt = "Choose one letter. Nodes of Ranvier: A) Clusters of nuclei B) Dendritic spines C) Gaps in myelin"
    assert found_pairs(row(prompt, answer="C) Gaps in myelin")) == {("v3", "shuffled")}


def test_a_reworded_vignette_is_a_leak_with_the_right_answer():
    story = (
        "For three weeks a beekeeper has had numb fingertips and walks with a brittle gait; elderberry cordial is his "
        "daily drink. Ankle reflexes are absent, the tongue smooth, scarlet. Corpuscular volume is 118 fL."
    )
    assert found_pairs(row(story)) == set()
    assert found_pairs(row(story, answer="Cobalamin")) == {("v1", "ngram")}


def test_a_question_buried_in_an_answer_is_found_there_and_quoted():
    reasoning = f"Once I met this case. {VIGNETTE} One should think of the marrow."
    pairs = find_leaks(row("How do you teach?", reasoning=reasoning), build_index(items()), Decontaminate())
    assert pairs.select("item", "layer").rows() == [("v1", "verbatim")]
    assert pairs["passage"].to_list() == [VIGNETTE]


def test_a_question_that_is_only_an_option_is_a_leak_with_its_answer():
    options = ["A sunny porch", VIGNETTE.replace("brittle", "stiff").replace("numb fingertips", "dull toes")]
    assert found_pairs(row("What is a hospice?", options, answer="A sunny porch")) == set()
    assert found_pairs(row("When is Cobalamin measured?", options)) == {("v1", "ngram")}


def test_a_mere_part_of_a_question_is_another_question():
    item_text = (
        "To prevent vomiting and pain in children and adults who wake after surgery of the heart, the hand or the "
        "eye, a qelbutin antagonist is given early in the night. Which drug is it?"
    )
    index = build_index(items([("ward", "w", item_text, None, "Scopolamine")]))

    def leaks(question):
        return find_leaks(row(question, answer="Scopolamine"), index, Decontaminate()).height

    assert leaks("Which drug is a qelbutin antagonist?") == 0
    assert leaks("Which qelbutin antagonist prevents vomiting and pain after surgery of the heart or the hand?") == 1


def test_the_right_answer_next_to_a_similar_question_is_a_leak():
    question = "Which fragments treat poisoning by digoxin?"
    assert found_pairs(row(question, answer="digoxin-specific FAB")) == {("p2", "answer")}
    assert found_pairs(row(question, answer="None that I know")) == set()


def test_the_right_answer_makes_a_similar_question_a_leak():
    options = ["Cobalamin", "Thiamine", "Retinol", "Biotin"]
    other = VIGNETTE.replace("numb fingertips and a brittle gait", "itching").replace("elderberry cordial", "water")
    other = other.replace("scarlet", "normal").replace("58", "31")
    assert found_pairs(row(other, options, answer="Cobalamin")) == {("v1", "ngram")}
    assert found_pairs(row(other, options, answer="Retinol")) == set()


@pytest.mark.parametrize(
    ("question", "other"),
    [
        ("Which hormone is made in the first chamber of the oviduct?", "first -> second"),
        ("From which precursor does the gland synthesise melatonin?", "melatonin -> adrenaline"),
        ("A karyotype 45,XX,rob(14;21) belongs to a person who is:", "14 -> 15"),
        ("What happens to the pulse in hyperkalemia of the newborn?", "hyper -> hypo"),
        ("Where do most K ions leave the loop of the nephron?", "K -> H"),
        ("What is the effect of an increased filling pressure?", "increased -> decreased"),
        ("Which drug is best for an infected bladder in pregnancy?", " in pregnancy -> "),
    ],
)
def test_questions_that_name_another_thing_in_the_same_place_are_two(question, other):
    assert contrasts(question, question.replace(*other.split(" -> ")))
    assert not contrasts(question, question.upper())


@pytest.mark.parametrize(
    ("question", "other"),
    [
        ("Which fibres carry sharp pain?", "Which fibers carry sharp pain?"),
        ("What is giardiosis treated with?", "How is giardiasis treated?"),
        ("All of these are true of the spleen except:", "Which of these is not true of the spleen?"),
        (VIGNETTE, VIGNETTE.replace("58", "31")),
        ("At 30 weeks her blood pressure rises. What is next?", "At 34 weeks her blood pressure rises. What is next?"),
    ],
)
def test_another_wording_is_no_other_question(question, other):
    assert not contrasts(question, other)


def test_an_item_is_found_in_a_row_that_was_cleaned():
    raw = "Dear doctor, <p>Which antidote reverses heparin overdose in H&amp;E clinics?</p>"
    listed = items([("pharma", "p9", raw, None, "Protamine &alpha;")])
    cleaned = row("Dear doctor, Which antidote reverses heparin overdose in H&E clinics?", answer="Protamine α")
    index = build_index(with_cleaned(listed))
    assert find_leaks(cleaned, index, Decontaminate())["item"].to_list() == ["p9"]
    assert index.count() == 1
    assert with_cleaned(items()).height == len(ITEMS)


def test_all_neighbours_above_the_threshold_are_found_not_the_nearest_alone():
    def embed(texts):
        return np.array([["bee" in text or "abeja" in text, text == "corazón", 0.1] for text in texts])

    spanish = pl.concat([row("apicultor de abejas", id="a"), row("otra abeja", id="b"), row("corazón", id="c")])
    pairs = find_leaks(spanish, build_index(items()), Decontaminate(), embed=embed)
    assert pairs.select("id", "item", "layer").rows() == [("a", "v1", "embedding"), ("b", "v1", "embedding")]


def test_items_are_embedded_once_however_many_shards_are_compared():
    embedded = []

    def embed(texts):
        embedded.extend(texts)
        return np.eye(len(texts), 30)

    index = build_index(items())
    for question in ("a bee", "a wasp", "an ant"):
        find_leaks(row(question), index, Decontaminate(), embed=embed)
    assert len(embedded) == len(set(embedded)) > 3


@pytest.mark.parametrize(
    ("vectors", "message"),
    [(np.ones((1, 3)), r"shape \(1, 3\) for \d texts"), (np.full((9, 3), np.nan), "not finite")],
)
def test_an_embedding_that_is_none_is_refused(vectors, message):
    with pytest.raises(ValueError, match=message):
        find_leaks(row("a bee"), build_index(items()), Decontaminate(), embed=lambda texts: vectors[: len(texts)])


# --- the judge -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("verdict", "kept"), [(True, 1), (None, 1), (False, 0)])
def test_a_judge_clears_pairs_and_pairs_without_a_verdict_stay(verdict, kept):
    judged = []

    def judge(pairs):
        judged.extend(pairs)
        return [verdict] * len(pairs)

    pairs = find_leaks(row(VIGNETTE[:-20]), build_index(items()), Decontaminate(), judge=judge)
    assert judged[0][0].startswith("A 58-year-old beekeeper")
    assert judged[0][1].endswith("Biotin")
    assert pairs.height == kept
    assert pairs["verdict"].to_list() == [verdict] * kept


def test_a_suspect_is_left_to_the_judge():
    suspect = row("Which fragments treat poisoning by digoxin?", answer="None")
    assert found_pairs(suspect) == set()
    assert found_pairs(suspect, judge=lambda pairs: [True] * len(pairs)) == {("p2", "judge")}
    assert found_pairs(suspect, judge=lambda pairs: [None] * len(pairs)) == {("p2", "judge")}


def test_an_exact_copy_is_not_sent_to_the_judge():
    def judge(pairs):
        raise AssertionError(pairs)

    assert found_pairs(row(VIGNETTE, ITEMS[0][3]), judge=judge) == {("v1", "exact")}


def test_a_judge_that_loses_a_verdict_is_refused():
    with pytest.raises(ValueError, match="judge gave 0 verdicts on 1 pairs"):
        found_pairs(row(VIGNETTE[:-20]), judge=lambda pairs: [])


# --- what comes in ---------------------------------------------------------------------------------------------------


def test_the_users_questions_are_compared_apart_from_other_texts_of_a_record():
    turns = (("system", "Be kind."), ("user", "One?"), ("assistant", "Yes."), ("user", "Two?"))
    record = Record(
        id="s:1", source="s", license="MIT", task="qa", lang="en", split="train", file="f", line=1,
        messages=tuple(Message(*turn) for turn in turns),
        context="C", options=("a", "b"), answer="a", rationale="R", response="P", rejected="X",
    )  # fmt: skip
    table = frame([record])
    question_side = ("s:1", "One?\nTwo?", ["a", "b"], "a")
    assert rows_of(table).rows() == [(*question_side, "Be kind.\nYes.\nC\nR\nP\nX", None)]
    assert items_of(table).rows() == [("s", *question_side, "Be kind.\nYes.\nR\nP\nX", None, "C")]


def test_any_table_with_text_columns_can_be_searched():
    table = pl.DataFrame({"prompt": [VIGNETTE, None], "reply": ["Cobalamin", "none"], "n": [7, 8]})
    pairs = find_leaks(text_rows(table, ["prompt", "reply"]), build_index(items()), Decontaminate())
    assert pairs.select("id", "item").rows() == [("0", "v1")]
    assert text_rows(table, ["prompt"], "n")["id"].to_list() == ["7", "8"]


def test_a_text_column_that_is_not_there_is_named():
    with pytest.raises(ValueError, match=r"\['text'\] are not all among \['prompt'\]"):
        text_rows(pl.DataFrame({"prompt": ["a"]}), ["text"])


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (row("a").drop("options"), r"columns \['options'\] are missing"),
        (row("a").with_columns(question=pl.lit(3)), "column question is Int32, expected String"),
        (row("a", id=None), "column id is null in 1 rows"),
    ],
)
def test_a_table_of_another_shape_is_refused(table, message):
    with pytest.raises(ValueError, match=message):
        found_pairs(table)


def test_empty_rows_or_items_have_no_leaks():
    none = items([])
    leaks = decontaminate(row(VIGNETTE), none)
    assert leaks.pairs.is_empty()
    assert leaks.drops.is_empty()
    assert leaks.report.is_empty()
    assert decontaminate(row("a").clear(), items()).report["items"].sum() == len(ITEMS)
    assert found_pairs(row(None)) == set()
    assert found_pairs(row("", [], "", "")) == set()
    assert found_pairs(row("?! ...", ["-"], reasoning="🙂")) == set()


def test_items_without_content_neither_leak_nor_count_as_checked():
    empty_items = [
        ("bare", "1", None, None, None),
        ("bare", "2", "True?", ["yes", "no"], "yes"),
        ("bare", "3", "Insulin", None, None),
    ]
    leaks = decontaminate(
        pl.concat([row("True?", ["yes", "no"]), row("Insulin", id="i"), row(None, id="n")]), items(empty_items)
    )
    assert leaks.pairs.is_empty()
    assert leaks.report.select("items", "checked").rows() == [(3, 0)]


def test_a_script_without_spaces_is_compared_by_pairs_of_characters():
    copy = "请回答：维生素缺乏导致的巨幼细胞性贫血应首选哪种治疗药物？"
    assert found_pairs(row(copy)) == {("p3", "ngram")}
    assert found_pairs(row("缺铁性贫血的治疗药物是什么？")) == set()


def test_equal_items_are_one_to_compare_and_each_is_reported():
    twice = [
        *ITEMS,
        ("other", "o1", VIGNETTE, ITEMS[0][3][::-1], "Cobalamin"),
        ("other", "o2", VIGNETTE, ITEMS[0][3], "Cobalamin"),
    ]
    leaks = decontaminate(row(VIGNETTE, ITEMS[0][3]), items(twice))
    assert leaks.pairs.select("benchmark", "item").rows() == [("neuro", "v1"), ("other", "o1"), ("other", "o2")]
    assert leaks.drops.height == 1
    assert leaks.report.select("benchmark", "items", "flagged", "exact", "rows").rows() == [
        ("neuro", 3, 1, 1, 1),
        ("other", 2, 2, 2, 1),
        ("pharma", 4, 0, 0, 0),
    ]


def test_neither_workers_nor_the_order_of_rows_change_what_is_found():
    rng = random.Random(1)
    texts = [item[2] for item in ITEMS] * 300
    rows = pl.concat([row(f"{rng.random()} {text}", id=str(at)) for at, text in enumerate(texts)])
    index = build_index(items())
    one = find_leaks(rows, index, Decontaminate(), workers=1)
    assert one["id"].n_unique() > 300
    assert find_leaks(rows, index, Decontaminate(), workers=3).equals(one)
    assert find_leaks(rows.sample(fraction=1, shuffle=True, seed=2), index, Decontaminate()).equals(one)


def test_a_long_text_is_searched_window_by_window():
    filler = "The weather over the northern harbour was calm and bright. " * 300
    assert found_pairs(row("Read on.", reasoning=filler + VIGNETTE + filler)) == {("v1", "verbatim")}
    slips = VIGNETTE.replace("beekeeper", "bekeeper").replace("scarlet", "scarlett")
    assert found_pairs(row("Read on.", reasoning=filler + slips + " Cobalamin. " + filler)) == {("v1", "answer")}
    assert found_pairs(row(filler * 20)) == set()


# --- words and what they weigh ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Émile’s FIANCÉE", "emile s fiancee"),
        ("e\u0301te\u0301", "été"),
        ("ﬁve ½ cups", "five 1 2 cups"),
        ("ＨＢＡ１ｃ", "hba1c"),
        ("soft\u00adhyphen", "softhyphen"),
        ("straße", "STRASSE"),
    ],
)
def test_texts_that_read_the_same_have_one_key(one, other):
    assert text_keys(pl.Series([one]))[0] == text_keys(pl.Series([other]))[0]


def test_words_are_cut_to_six_characters_and_keep_their_place():
    result = words(pl.Series(["haemorrhages, haemorrhagic", None, "中文字 a"]))
    assert result.offsets.tolist() == [0, 2, 2, 5]
    assert result.keys[0] == result.keys[1]
    assert result.at.tolist() == [0, 14, 0, 3, 10]


def test_word_weights_come_from_a_fixed_table_and_not_from_the_benchmarks():
    keys = words(pl.Series(["patient", "myelin", "quixotically"])).keys
    common, rare, unknown = word_bits(keys)
    assert common <= 2 < rare < unknown == UNKNOWN_BITS


def test_a_damaged_table_of_words_is_refused(tmp_path, monkeypatch):
    damaged = tmp_path / "word_rates.tsv"
    damaged.write_text("myelin\t3\n", encoding="utf-8")
    monkeypatch.setattr(rarity, "RATES", damaged)
    with pytest.raises(ValueError, match="sha256"):
        rarity._rates.__wrapped__()


def test_the_scan_agrees_with_a_simple_version_of_it():
    rng = random.Random(7)
    vocabulary = [f"w{number:03d}" for number in range(160)]

    def text(longest):
        return " ".join(rng.choice(vocabulary) for _ in range(rng.randrange(longest)))

    benchmark = [
        (rng.choice("ab"), str(at), text(30), [text(6) for _ in range(rng.randrange(5))], None) for at in range(60)
    ]
    index, truth = build_index(items(benchmark)), Truth(benchmark, SimilarityThresholds())
    seen = set()
    for _ in range(150):
        _, _, question, options, _ = rng.choice(benchmark)
        mixed = " ".join(word if rng.random() < 0.8 else rng.choice(vocabulary) for word in question.split())
        question, options = f"{text(12)} {mixed} {text(12)}", rng.choice([options, [text(6)], []])
        expected = truth.similarity(question, options)
        pairs = truth.scanned(question, options, index)
        assert {item: kind for item, (kind, _) in pairs.items()} == {item: kind for item, (kind, _) in expected.items()}
        assert [score for _, score in pairs.values()] == pytest.approx([expected[item][1] for item in pairs], abs=1e-5)
        seen |= {kind for kind, _ in expected.values()}
    assert len(seen) == 6
