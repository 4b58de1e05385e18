"""Near-duplicates: what resembles what, which row stays, and what its copies say of it."""

import json
import random

import numpy as np
import polars as pl
import pytest
from datasketch import MinHash, MinHashLSH
from minhash_truth import components, corpus, duplicates, jaccard, shingles, similar_pairs

from quality.duplicates import clusters, minhash
from quality.duplicates.minhash import Banding, banding
from quality.duplicates.near_duplicates import deduplicate, near_duplicates, text_batches
from quality.duplicates.near_settings import CONVERSATION, NearRules
from quality.duplicates.signatures import BLOCK_BYTES, blocks, shingle_sets, signatures

CERTAIN = NearRules(recall=0.999999, permutations=512)
"""Rules under which hardly a pair at the threshold is missed, for tests that compare with brute force."""


def rows(texts, ids=None, **more):
    return pl.DataFrame({"id": ids or [f"r{i:05}" for i in range(len(texts))], "text": texts, **more}, strict=False)


def found(texts, rules=CERTAIN, **more):
    return near_duplicates([rows(texts)], rules, **more).clusters


def groups(found):
    return sorted(found.group_by("representative").agg(pl.col("id").sort())["id"].to_list())


def spelled(number):
    """Return a word for a number: one with digits would be a name that tells rows apart, as IL-2 and IL-6."""
    return "q" + "".join(chr(ord("a") + int(digit)) for digit in str(number))


# --- against brute force -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def texts():
    return corpus(600, seed=3)


def test_clusters_are_the_components_of_all_similar_pairs(texts):
    least = components(len(texts), similar_pairs(texts, CERTAIN.threshold))
    expected = {}
    for i, low in enumerate(least):
        expected.setdefault(low, []).append(f"r{i:05}")
    assert groups(found(texts)) == sorted(ids for ids in expected.values() if len(ids) > 1)


def taken_in_order(texts, order, least):
    """Return who stays, plainly: each row in turn, unless one that stays is similar; and the most similar of those."""
    sets, stays, gone = {id: shingles(text) for id, text in texts.items()}, [], {}

    def score_of(one, other):
        score = jaccard(sets[one], sets[other])
        return score if score >= least and duplicates((texts[one], None), (texts[other], None), least) else 0

    for id in order:
        score, kept = max(((score_of(id, kept), -n) for n, kept in enumerate(stays)), default=(0, 0))
        if score >= least:
            gone[id] = (stays[-kept], score)
        else:
            stays.append(id)
    return gone


@pytest.mark.parametrize("broad", [2, 2000])
def test_a_row_goes_only_if_one_that_stays_is_similar(texts, broad, monkeypatch):
    monkeypatch.setattr(clusters, "BROAD", broad)
    by_id = {f"r{i:05}": text for i, text in enumerate(texts)}
    result = found(texts)
    others = result.filter(pl.col("duplicate_of").is_not_null())
    expected = taken_in_order(by_id, [id for id in sorted(by_id) if shingles(by_id[id])], CERTAIN.threshold)
    assert {id: (kept, score) for id, _, kept, score in others.rows()} == expected
    assert len(result) - len(others) > result["representative"].n_unique(), "the corpus has chains"


@pytest.mark.parametrize(("threshold", "rules"), [(0.72, NearRules()), (0.77, NearRules(threshold=CONVERSATION))])
def test_default_recall_of_similar_pairs_is_98_percent(threshold, rules):
    texts = corpus(800, seed=11)
    kept = dict(found(texts, rules).select("id", "representative").iter_rows())
    pairs = similar_pairs(texts, threshold)
    together = sum(kept.get(f"r{i:05}", i) == kept.get(f"r{j:05}", j) for i, j in pairs)
    assert len(pairs) > 300
    assert together / len(pairs) >= 0.98


# --- which row stays, and that nothing else decides ----------------------------------------------------------------


def test_the_row_first_by_the_order_stays_then_by_id():
    frame = rows(["one two three four five six"] * 4, ids=["d", "c", "b", "a"], tier=[1, 0, 0, None], size=[9, 5, 5, 9])
    result = near_duplicates([frame], NearRules(), order=["tier", "size"]).clusters
    assert result["representative"].unique().to_list() == ["b"]
    assert result.filter(pl.col("id") == "b").row(0) == ("b", "b", None, None)
    assert result.filter(pl.col("id") != "b")["duplicate_of"].unique().to_list() == ["b"]
    assert near_duplicates([frame], NearRules()).clusters["representative"][0] == "a"


def test_row_order_batches_and_threads_change_nothing(texts):
    frame = rows(texts, rank=[i * 7 % 5 for i in range(len(texts))])
    expected = near_duplicates([frame], NearRules(), order=["rank"], threads=1).clusters
    for seed, threads in ((1, 2), (2, 7)):
        shuffled = frame.sample(fraction=1, shuffle=True, seed=seed)
        batches = [shuffled[:100], shuffled[100:101], shuffled[101:]]
        assert near_duplicates(batches, NearRules(), order=["rank"], threads=threads).clusters.equals(expected)


def test_ids_may_be_numbers():
    result = near_duplicates([rows(["same words here"] * 2, ids=[20, 3])], NearRules()).clusters
    assert result.select("id", "representative").rows() == [(3, 3), (20, 3)]


# --- what a text is made of ----------------------------------------------------------------------------------------


def alike(a, b, **changes):
    """Return the similarity that the machine code sees between two texts."""
    a, b = (set(s) for s in shingle_sets(pl.Series([a, b]), NearRules(**changes)))
    return len(a & b) / len(a | b)


SCRIPTS = {
    "english": "The patient, aged 71, reports DULL pain (left side) after 2.5 mg of warfarin; it isn't code_7.",
    "spanish": "El paciente refiere dolor en el tórax y disnea; se indicó ÁCIDO acetilsalicílico 100 mg.",
    "greek": "Ο ΑΣΘΕΝΗΣ ΕΧΕΙ ΠΥΡΕΤΟ και βήχα εδώ και τρεις ημέρες, χωρίς δύσπνοια.",
    "arabic": "يشكو المريض من صُداعٍ شديد وحمى منذ ثلاثة أيام، ولا يوجد طفح جلدي.",
    "hindi": "रोगी को तीन दिन से तेज़ बुखार और सिर में दर्द है।",
    "chinese": "患者主诉胸痛三天，伴有呼吸困难和aspirin过敏史，体温38.5℃。",
    "japanese": "患者は三日前から発熱と頭痛を訴えている。アスピリンは無効。",
    "thai": "ผู้ป่วยมีไข้สูงและไอแห้งมาสามวัน ไม่มีผื่น",
    "korean": "환자는 사흘 동안 두통과 발열을 호소한다.",
    "emoji": "Thanks doctor 👍🏽 my 👶 is better ❤️ now 👨‍👩‍👧 all good 😀😀",
    "signs": "BP <140/90 and SpO2 ≥ 94 % ± 2, Na+ 140; see §4 — ‘stable’… T -2.5, 12 − 4 * 3, a/b, IL-6, x / y ↑",
    "ideographs": "𠀀𠀁𠀂𠀃𠀄𠀅 rare 𡀀 signs",
}


@pytest.mark.parametrize("text", SCRIPTS.values(), ids=SCRIPTS.keys())
def test_tokens_are_those_of_the_plain_version(text):
    assert len(shingle_sets(pl.Series([text]), NearRules())[0]) == len(shingles(text)) > 1
    words = text.split()
    changed = " ".join([*words[:-2], "changed", *words[-1:]])
    assert alike(text, changed) == jaccard(shingles(text), shingles(changed))


@pytest.mark.parametrize("size", [1, 2, 5, 9])
def test_shingles_of_any_size_are_those_of_the_plain_version(texts, size):
    rules = NearRules(shingle_tokens=size)
    assert shingle_sets(pl.Series(texts), rules).list.len().to_list() == [len(shingles(text, size)) for text in texts]


def test_case_spacing_and_punctuation_do_not_count_but_meaning_does():
    assert alike("Straße: 5 µg daily, for WEEKS.", "straße 5 μg  daily for\n\tweeks") == 1
    assert alike("keep sodium < 140 mmol today", "keep sodium > 140 mmol today") < 1
    assert alike("soft\u00adware works as a device", "software works as a device") == 1


def test_units_are_words_characters_or_whatever_the_script_has():
    chinese, english = "患者主诉胸痛三天", "chest pain for three days now"
    lengths = {
        unit: shingle_sets(pl.Series([chinese, english]), NearRules(unit=unit)).list.len().to_list()
        for unit in ("auto", "word", "character")
    }
    assert lengths == {"auto": [4, 2], "word": [1, 2], "character": [4, 20]}


def test_a_text_shorter_than_a_shingle_is_one_shingle():
    assert groups(found(["Yes.", "yes", "no", "yes it is", "Yes, it is!", "aspirin"])) == [
        ["r00000", "r00001"],
        ["r00003", "r00004"],
    ]


def test_texts_without_a_token_resemble_nothing():
    assert found([None, None, "", "", " \n", "?!", "?!"]).height == 0


def test_texts_without_a_token_are_equal_if_asked():
    result = found([None, "", "?!", "yes"], NearRules(join_empty=True))
    assert groups(result) == [["r00000", "r00001", "r00002"]]
    assert result["similarity"].to_list() == [None, 1.0, 1.0]


def test_blocks_hold_every_text_once():
    texts = pl.Series("text", ["x" * 300_000, None, "", "short"] * 30 + ["y" * (3 * BLOCK_BYTES)])
    parts = list(blocks(pl.DataFrame({"text": texts}).with_columns(subject=pl.lit("a"), must_match=pl.lit(None))))
    assert len(parts) > 3
    assert pl.concat(parts)["text"].equals(texts.fill_null(""))


# --- what a row is about, and opposite statements ------------------------------------------------------------------

ANSWER = (
    "Both parents hand on one changed copy of the gene, and children who receive two changed copies fall ill. A visit "
    "to a counsellor is offered to all families, who may bring their own questions to it, and costs nothing."
)


def pair(one, other, answer=ANSWER):
    """Say whether two questions with one answer are duplicates, by the machine code and plainly."""
    frame = pl.DataFrame({"id": ["a", "b"], "question": [one, other], "answer": [answer] * 2})
    result = not deduplicate(frame, text=["question", "answer"], id="id", rules=CERTAIN).found.clusters.is_empty()
    plain = duplicates((f"{one}\n{answer}", one), (f"{other}\n{answer}", other), CERTAIN.threshold)
    assert result == plain
    return result


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Is Gaucher disease passed on?", "Is Krabbe disease passed on?"),
        ("Is Gaucher disease passed on?", "Is Gaucher disease type 2 passed on?"),
        ("Is Gaucher disease type I passed on?", "Is Gaucher disease type II passed on?"),
        ("Is haemophilia A passed on?", "Is haemophilia B passed on?"),
        ("Is haemophilia passed on?", "Is acquired haemophilia passed on?"),
        ("Is NPC1 disease passed on?", "Is NPC2 disease passed on?"),
        ("Is hypokalaemia passed on?", "Is hyperkalaemia passed on?"),
        ("Is dysphagia passed on?", "Is dysphasia passed on?"),
        ("Is CADASIL passed on?", "Is CARASIL passed on?"),
        ("My aunt has gout. Is it passed on?", "My aunt has lupus. Is it passed on?"),
        ("¿Se hereda la porfiria?", "¿Se hereda la talasemia?"),
        ("क्या दमा होता है?", "क्या दाम होता है?"),
        ("Is it passed on?", "Is gout passed on?"),
        ("Is Haemophilia A Passed On?", "Is Haemophilia B Passed On?"),
        ("IS VITAMIN A SAFE IN GOUT?", "IS VITAMIN E SAFE IN GOUT?"),
        ("IS VITAMIN A SAFE IN GOUT?", "IS A VITAMIN SAFE IN GOUT?"),
    ],
)
def test_one_answer_to_questions_on_different_subjects_is_many_rows(one, other):
    assert not pair(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Is Gaucher disease passed on?", "is GAUCHER disease passed on"),
        ("Is Gaucher disease passed on?", "Is Gauhcer diseases passed on?"),
        ("Is Gaucher disease passed on?", "Good evening doctor, is Gaucher disease passed on? Many thanks!"),
        ("What's Gaucher disease?", "What is Gaucher disease?"),
        ("Can I pass on Gaucher disease?", "can i pass on gaucher disease?"),
        ("Is Crohn's disease passed on?", "Is Crohn disease passed on?"),
        ("Is there a test or a cure for gout?", "Is There A Test Or A Cure For Gout?"),
        ("Is there a test or a cure for gout?", "IS THERE A TEST OR A CURE FOR GOUT?"),
        ("¿Hay una prueba o un análisis y a la vez una cura?", "¿HAY UNA PRUEBA O UN ANÁLISIS Y A LA VEZ UNA CURA?"),
    ],
)
def test_a_question_written_another_way_is_the_same(one, other):
    assert pair(one, other)


STATEMENT = (
    "The note of the ward says that {} and that the team will meet again on Monday to look at the curve, to speak with "
    "the family about what comes next and to write all of it down for the night shift, who asked for a clear plan."
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("sodium is ↑ and chloride ↓", "sodium is ↓ and chloride ↑"),
        ("the base excess is -4 today", "the base excess is 4 today"),
        ("the base excess is −4.5 today", "the base excess is 4.5 today"),
        ("the factor is 18 - 6 today", "the factor is 18 / 6 today"),
        ("the factor is 18 - 6 today", "the factor is 6 - 18 today"),
        ("the slope = 2 for him", "the slope ≠ 2 for him"),
        ("lactate > 4 was found", "lactate < 4 was found"),
        ("he may eat before the scan", "he may not eat before the scan"),
        ("he should drive", "he should never drive"),
        ("yes, he may go", "no, he may go"),
        ("he sleeps with a mask", "he sleeps without a mask"),
        ("he got 40 mg of it", "he got 40 mcg of it"),
        ("he got 4.0 mg of it", "he got 40 mg of it"),
        ("the left kidney is gone", "the right kidney is gone"),
        ("the dose was increased", "the dose was reduced"),
        ("vitamin B is low", "vitamin D is low"),
        ("he got 40 mg of it", "he got 40 µg of it"),
        ("it held 40 mM of salt", "it held 40 µM of salt"),
        ("a fever of 39 °C was seen", "a fever of 39 °F was seen"),
        ("she is HIV+ since spring", "she is HIV- since spring"),
        ("her blood is AB+ as known", "her blood is AB− as known"),
        ("cells are CD4⁺ and large", "cells are CD4⁻ and large"),
        ("the mice are +/- as bred", "the mice are -/- as bred"),
        ("an α-blocker was given", "a β-blocker was given"),
        ("المريض لا يشكو من ألم", "المريض يشكو من ألم"),
        ("রোগীর জ্বর আসে", "রোগীর জ্বর আসে না"),
        ("the Trp53 gene is lost", "the TRP53 gene is lost"),
        ("he has macrocytic cells", "he has microcytic cells"),
        ("मरीज को बुखार है", "मरीज को बुखार नहीं है"),
    ],
)
def test_opposite_statements_are_never_duplicates(one, other):
    texts = [STATEMENT.format(one), STATEMENT.format(other)]
    assert jaccard(*map(shingles, texts)) >= 0.6
    assert found(texts, NearRules(threshold=0.6, recall=0.999999, permutations=512)).is_empty()
    assert not duplicates((texts[0], None), (texts[1], None), 0.6)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("he takes 40 mg of it", "he takes 40 milligrams of it"),
        ("he got it", "he [3] got it"),
        ("the dose was increased", "the dose was raised"),
        ("he got it × 2", "he got it * 2"),
        ("do not walk", "don't walk"),
        ("it was 39 °C then", "it was 39 C then"),
        ("pre- and postnatal care is due", "pre and postnatal care is due"),
        ("he got it", "in short he got it"),
        ("he got 40 mg of it", "he got it"),
    ],
)
def test_other_words_for_the_same_are_no_opposites(one, other):
    texts = [STATEMENT.format(one), STATEMENT.format(other)]
    assert len(found(texts, NearRules(threshold=0.6, recall=0.999999, permutations=512))) == 2
    assert duplicates((texts[0], None), (texts[1], None), 0.6)


def test_questions_in_a_single_column_say_what_it_is_about():
    texts = [f"Question: Is {name} passed on? Answer: {ANSWER}" for name in ("gout", "Gaucher disease", "gout")]
    assert groups(found(texts)) == [["r00000", "r00002"]]


def test_a_template_of_thousands_of_subjects_is_no_cluster():
    draw = random.Random(8)
    drawn = ("".join(draw.choices("bcdfgklmnprstvz", k=9)) for _ in range(3000))
    names = {"".join(sorted(name)): name for name in drawn}  # no anagrams, which pass for typing errors
    texts = [f"Is {name} passed on? {ANSWER}" for name in sorted(names.values())]
    result = near_duplicates([rows([*texts, texts[5] + " Take care."])], NearRules())
    assert groups(result.clusters) == [["r00005", f"r{len(names):05}"]]
    assert result.cut == 0


# --- signatures and bands ------------------------------------------------------------------------------------------


def sketch(hashes, permutations=128, seed=1):
    minhash = MinHash(permutations, seed=seed, hashfunc=int)
    minhash.update_batch(hashes)
    return minhash


@pytest.mark.parametrize(("permutations", "seed"), [(128, 1), (64, 7), (256, 1)])
def test_signatures_are_those_of_datasketch_bit_for_bit(texts, permutations, seed):
    rules = NearRules(permutations=permutations, seed=seed, recall=0.9)
    column = pl.Series([*texts[:50], "", "one"])
    hashes = shingle_sets(column, rules)
    for ours, values in zip(signatures(column, rules), hashes, strict=True):
        theirs = sketch(values.to_list(), permutations, seed)
        assert ours.dtype == theirs.hashvalues.dtype
        assert np.array_equal(ours, theirs.hashvalues)


def test_a_datasketch_index_finds_our_signatures():
    column = pl.Series([SCRIPTS["english"], SCRIPTS["english"] + " Stable.", SCRIPTS["arabic"]])
    drawn = minhash.permutations(NearRules().permutations, NearRules().seed)
    first, second, other = (
        MinHash(hashvalues=signature, permutations=drawn, seed=NearRules().seed, scheme="affine32")
        for signature in signatures(column, NearRules())
    )
    lsh = MinHashLSH(threshold=0.5)
    lsh.insert("first", first)
    lsh.insert("other", other)
    assert lsh.query(second) == ["first"]


def test_bands_and_rows_follow_from_threshold_and_recall():
    assert NearRules().banding == Banding(bands=25, rows=5)
    assert NearRules(threshold=CONVERSATION).banding == Banding(bands=17, rows=5)
    assert NearRules().banding.chance(0.72) == pytest.approx(0.9954, abs=1e-4)
    assert Banding(bands=14, rows=8).chance(0.72) == pytest.approx(0.65, abs=5e-3), "datatrove's default"


def test_the_curve_runs_from_none_to_all():
    curve = NearRules().banding.curve(steps=10)
    assert curve.columns == ["jaccard", "chance"]
    assert curve["chance"].is_sorted()
    assert curve.row(0) == (0.0, 0.0)
    assert curve.row(-1) == (1.0, 1.0)


def test_a_recall_out_of_reach_is_refused_with_what_is_in_reach():
    with pytest.raises(
        ValueError, match=r"8 permutations find 0\.9\d+ of the pairs at threshold 0\.3, expected 0\.999"
    ):
        banding(0.3, 0.999, 8)
    with pytest.raises(ValueError, match="raise permutations or lower recall"):
        NearRules(permutations=1)
    with pytest.raises(ValueError, match="threshold"):
        NearRules(threshold=1.5)


# --- odd and large inputs ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([], []),
        (["alone in the world of texts"], []),
        (["all of these are equal"] * 3, [["r00000", "r00001", "r00002"]]),
        ([f"nothing {i} is {i} like {i} this {i} at {i} all" for i in range(50)], []),
        (["aspirin", "Aspirin!", "ibuprofen"], [["r00000", "r00001"]]),
        (["😀😀😀", "😀😀😀", "😀😡😀"], [["r00000", "r00001"]]),
    ],
    ids=["no rows", "one row", "all equal", "no duplicates", "one word", "emoji"],
)
def test_odd_inputs(texts, expected):
    assert groups(found(texts)) == expected


def test_no_batch_at_all_gives_no_cluster():
    assert near_duplicates([], NearRules()).clusters.is_empty()


def test_a_text_of_ten_megabytes():
    words = [f"{spelled(i % 9973)}{spelled(i % 31)}" for i in range(1_200_000)]
    long = " ".join(words)
    assert len(long) > 10_000_000
    changed = " ".join([*words[:500_000], "inserted", *words[500_000:]])
    result = found([long, "short", changed, long[:100]])
    assert groups(result) == [["r00000", "r00002"]]
    assert 0.9999 < result["similarity"].min() < 1


def test_fifty_thousand_copies_are_one_cluster():
    result = found(["the same words over and over again"] * 50_000)
    assert result.height == 50_000
    assert result["representative"].unique().to_list() == ["r00000"]


def test_thousands_of_similar_rows_are_one_cluster():
    words = [spelled(i) for i in range(60)]
    texts = [" ".join([*words[:40], "only" + spelled(i), *words[40:]]) for i in range(5000)]
    result = found(texts, NearRules())
    assert result.height == 5000
    assert result["representative"].n_unique() == 1


def test_a_long_chain_is_one_cluster_of_which_every_few_links_a_row_stays():
    words = [spelled(i) for i in range(2600)]
    texts = [" ".join(words[i : i + 40]) for i in range(2560)]
    result = found(texts)
    assert (result.height, result["representative"].n_unique()) == (len(texts), 1)
    alike = max(i for i in range(40) if jaccard(shingles(texts[0]), shingles(texts[i])) >= CERTAIN.threshold)
    stays = result.filter(pl.col("duplicate_of").is_null())["id"].sort().to_list()
    assert stays == [f"r{i:05}" for i in range(0, len(texts), alike + 1)]
    assert result["similarity"].min() >= CERTAIN.threshold


def test_half_similar_rows_of_one_template_stay_apart():
    template = [spelled(i) for i in range(60)]
    texts = [" ".join([*template, *(f"own{i}x{k}" for k in range(15))]) for i in range(3000)]
    assert 0.6 < jaccard(shingles(texts[0]), shingles(texts[1])) < 0.72
    result = near_duplicates([rows([*texts, texts[7] + " end"])], NearRules())
    assert groups(result.clusters) == [["r00007", "r03000"]]
    assert result.cut == 0


# --- the tables that come out --------------------------------------------------------------------------------------

QA = pl.DataFrame(
    {
        "id": ["q1", "q2", "q3", "q4"],
        "question": [
            "Which nerve is hurt in a wrist drop?",
            "which nerve is hurt in a WRIST DROP",
            "What is gout?",
            None,
        ],
        "answer": ["The radial nerve, in the spiral groove.", "The radial nerve in the spiral groove", None, None],
        "rank": [3, 1, 2, 2],
    }
)


def test_deduplicate_parts_the_rows_and_says_why():
    result = deduplicate(QA.lazy(), text=["question", "answer"], id="id", order=["rank"])
    assert result.kept.collect().equals(QA.filter(pl.col("id") != "q1"))
    dropped = result.dropped.collect()
    assert dropped.columns == [*QA.columns, "reason", "evidence", "representative", "duplicate_of", "similarity"]
    evidence = '{"duplicate_of":"q2","similarity":1.0}'
    assert dropped.row(0)[-5:] == ("near_duplicate", evidence, "q2", "q2", 1.0)


def test_dropped_rows_without_an_id_are_numbered_and_kept_ones_are_as_they_came():
    result = deduplicate(QA.drop("id"), text=["answer"])
    assert result.kept.collect().equals(QA.drop("id")[[0, 2, 3]])
    assert result.dropped.collect().select("row", "duplicate_of").rows() == [(1, 0)]


def test_columns_of_the_input_never_stand_where_the_verdict_is_expected():
    own = ("row", "reason", "evidence", "similarity", "duplicate_of", "representative", "set", "cluster", "text")
    frame = QA.with_columns(pl.lit("mine").alias(name) for name in own)
    for id in (None, "id"):
        result = deduplicate(frame, text=["answer"], id=id)
        assert result.kept.collect().equals(frame[[0, 2, 3]])
        dropped = result.dropped.collect()
        assert dropped["reason"].to_list() == ["near_duplicate"]
        assert dropped["similarity"].to_list() == [1.0]
        assert dropped["input_similarity"].to_list() == ["mine"]
    named = deduplicate(frame.with_columns(evidence="id"), text=["answer"], id="evidence").dropped.collect()
    assert named.select("input_evidence", "duplicate_of").rows() == [("q2", "q1")]


def test_drops_carry_a_reason_and_their_evidence():
    drops = deduplicate(QA, text=["question", "answer"], id="id").found.drops
    assert drops.select("id", "drop_reason").rows() == [("q2", "near_duplicate")]
    assert json.loads(drops["evidence"][0]) == {
        "duplicate_of": "q1",
        "similarity": 1.0,
    }


def test_text_batches_bound_the_rows_in_memory():
    batches = list(text_batches(pl.concat([QA] * 10).lazy(), ["question", "answer"], "id", ["rank"], batch_rows=16))
    assert max(batch.height for batch in batches) <= 16
    assert pl.concat(batches)["text"][0] == QA["question"][0] + "\n" + QA["answer"][0]


def test_what_cannot_be_meant_is_refused():
    with pytest.raises(ValueError, match="no column answr; there are id, question, answer, rank"):
        deduplicate(QA, text=["question", "answr"], id="id")
    with pytest.raises(ValueError, match=r"id 'q1' occurs twice, expected every row to have its own"):
        deduplicate(pl.concat([QA, QA[:1]]), text=["answer"], id="id")
    with pytest.raises(ValueError, match="1 rows have no id"):
        near_duplicates([rows(["a", "b"], ids=["x", None])], NearRules())
    with pytest.raises(ValueError, match="order names 'cluster', which has another meaning here"):
        near_duplicates([rows(["a"])], NearRules(), order=["cluster"])
    with pytest.raises(ValueError, match="a batch has columns id, text, expected tier too"):
        near_duplicates([rows(["a"])], NearRules(), order=["tier"])
