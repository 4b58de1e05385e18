"""Dialogue, general, safety and preference corpora, read from the real files: every row count, and what trips readers.

Reads ``../shared/data`` beside the repository, or the folder that SABILA_MIRROR names.
"""

import os
import re
from collections import Counter
from pathlib import Path, PurePosixPath

import pytest

from sources.connectors.aart import AART
from sources.connectors.aci_bench import ACI_BENCH, ACI_BENCH_HELD_OUT
from sources.connectors.bbq import BBQ
from sources.connectors.crows_pairs import CROWS_PAIRS
from sources.connectors.do_not_answer import DO_NOT_ANSWER
from sources.connectors.gsm8k import GSM8K, GSM8K_TEST
from sources.connectors.harm_behaviors import HARMBENCH, STRONGREJECT
from sources.connectors.hh_rlhf import HH_RLHF_TEST, MARKS
from sources.connectors.jailbreak_llms import FORBIDDEN_QUESTIONS, JAILBREAK_PROMPTS
from sources.connectors.medsafetybench import MEDSAFETYBENCH, MEDSAFETYBENCH_TEST
from sources.connectors.mts_dialog import MTS_DIALOG, MTS_DIALOG_HELD_OUT
from sources.connectors.self_instruct import SELF_INSTRUCT_SEED, USER_ORIENTED_INSTRUCTIONS
from sources.connectors.truthfulqa import TRUTHFULQA
from sources.connectors.ultramedical import ULTRAMEDICAL_EXAMPLES
from sources.connectors.xstest import XSTEST
from sources.fetch.mirror import mirrored
from sources.read import read
from sources.record import Malformed, Record
from sources.shapes.row_shapes import transcript

SHARED = Path(__file__).parent.parent.parent / "shared" / "data"
MIRROR = Path(os.environ.get("SABILA_MIRROR", SHARED))
pytestmark = pytest.mark.skipif(
    not MIRROR.is_dir(), reason=f"no real data in {MIRROR}; set SABILA_MIRROR to its folder"
)

LLAMA2_BY_CATEGORY = (59, 57, 31, 56, 50, 24, 61, 64, 48)
BY_CATEGORY = {f"gpt4/{n}": 50 for n in range(1, 10)} | {f"llama2/{n}": c for n, c in enumerate(LLAMA2_BY_CATEGORY, 1)}

COUNTS = [
    (MTS_DIALOG, {"MTS-Dialog-TrainingSet": 1_201}),
    (
        MTS_DIALOG_HELD_OUT,
        {
            "MTS-Dialog-ValidationSet": 100,
            "MTS-Dialog-TestSet-1-MEDIQA-Chat-2023": 200,
            "MTS-Dialog-TestSet-2-MEDIQA-Sum-2023": 200,
        },
    ),
    (ACI_BENCH, {"train": 67}),
    (
        ACI_BENCH_HELD_OUT,
        {"valid": 20, "clinicalnlp_taskB_test1": 40, "clinicalnlp_taskC_test2": 40, "clef_taskC_test3": 40},
    ),
    (ULTRAMEDICAL_EXAMPLES, {"examples": 50}),
    (GSM8K, {"train": 7_473}),
    (GSM8K_TEST, {"test": 1_319}),
    (SELF_INSTRUCT_SEED, {"seed_tasks": 175}),
    (USER_ORIENTED_INSTRUCTIONS, {"user_oriented_instructions": 252}),
    (AART, {"aart-v1-20231117": 3_269}),
    (JAILBREAK_PROMPTS, {"jailbreak_prompts": 666}),
    (FORBIDDEN_QUESTIONS, {"questions": 390}),
    (XSTEST, {"xstest_prompts": 450}),
    (HARMBENCH, {"harmbench_behaviors_text_all": 400}),
    (STRONGREJECT, {"strongreject_dataset": 313}),
    (BBQ, {"Age": 3_680, "Disability_status": 1_556, "Religion": 1_200}),
    (TRUTHFULQA, {"TruthfulQA": 790}),
    (DO_NOT_ANSWER, {"data_en": 939}),
    (CROWS_PAIRS, {"crows_pairs_anonymized": 1_508}),
]


READ = {}


def rows(corpus):
    if corpus.name not in READ:
        READ[corpus.name] = [row for file in mirrored(corpus, MIRROR) for row in read(corpus, file)]
    return READ[corpus.name]


def records(corpus):
    return [row for row in rows(corpus) if isinstance(row, Record)]


def normalised(text):
    return re.sub("[^a-z0-9]+", " ", text.lower()).strip()


@pytest.mark.parametrize(("corpus", "counts"), COUNTS, ids=[corpus.name for corpus, _ in COUNTS])
def test_every_row_of_every_file_is_a_record_of_its_own(corpus, counts):
    read_rows = rows(corpus)
    assert [(row.file, row.line, row.error) for row in read_rows if isinstance(row, Malformed)] == []
    assert Counter(PurePosixPath(row.file).stem for row in read_rows) == counts
    assert len({row.id for row in read_rows}) == len(read_rows) == corpus.published_rows


def test_mts_dialog_keeps_the_line_breaks_of_each_file():
    assert sum("\r\n" in row.messages[0].content for row in records(MTS_DIALOG)) == 1_199
    assert not any("\r" in row.messages[0].content for row in records(MTS_DIALOG_HELD_OUT))


def test_mts_dialog_sections():
    sections = Counter(row.meta["section"] for row in records(MTS_DIALOG))
    assert len(sections) == 20
    assert sections.most_common(4) == [("FAM/SOCHX", 351), ("GENHX", 282), ("PASTMEDICALHX", 118), ("CC", 77)]
    answers = [row.answer for row in records(MTS_DIALOG)]
    assert len(answers) - len(set(answers)) == 130
    assert sum(len(answer) < 20 for answer in answers) == 176


def test_each_held_out_mts_file_shares_two_dialogues_with_training():
    train = {normalised(row.messages[0].content) for row in records(MTS_DIALOG)}
    held_out = records(MTS_DIALOG_HELD_OUT)
    shared = Counter(row.file for row in held_out if normalised(row.messages[0].content) in train)
    assert list(shared.values()) == [2, 2, 2]


def test_aci_bench_recordings():
    assert Counter(row.meta["recording"] for row in records(ACI_BENCH)) == {
        "aci": 35,
        "virtassist": 20,
        "virtscribe": 12,
    }


def test_ultramedical_scores_are_all_understood():
    examples = records(ULTRAMEDICAL_EXAMPLES)
    assert Counter(row.meta["type"] for row in examples) == {"Open-End": 25, "Exam": 20, "Literature": 5}
    assert Counter(row.meta["rating"] for row in examples) == {9: 25, 7: 22, 8: 3}
    exams = [row for row in examples if row.meta["type"] == "Exam"]
    assert all(row.answer.endswith(f"So, the answer is {row.meta['reference']}.") for row in exams)


def test_gsm8k_answers_are_numbers():
    assert all(re.fullmatch(r"-?[\d,.]+", row.answer) for row in records(GSM8K) + records(GSM8K_TEST))
    assert not any("####" in row.rationale for row in records(GSM8K))


def test_hh_rlhf_pairs_with_differing_prompts_are_malformed():
    bad = [row for row in rows(HH_RLHF_TEST) if isinstance(row, Malformed)]
    assert len(rows(HH_RLHF_TEST)) == HH_RLHF_TEST.published_rows == 2_312
    assert len(bad) == 5
    assert all("answer different prompts" in row.error for row in bad)


def test_hh_rlhf_turns_and_replies():
    chosen = [transcript(raw.value["chosen"], MARKS) for raw in raws(HH_RLHF_TEST)]
    assert sum(len(turns) > 2 for turns in chosen) == 1_650
    pairs = records(HH_RLHF_TEST)
    assert sum(row.response == "" for row in pairs) == 4
    assert all(row.rejected for row in pairs)
    assert all(row.messages[0].role == "user" and row.messages[-1].role == "user" for row in pairs)
    prompts = [row.messages for row in pairs]
    assert len(prompts) - len(set(prompts)) == 2


def raws(corpus):
    return [raw for file in mirrored(corpus, MIRROR) for raw in corpus.rows(file)]


@pytest.mark.parametrize("corpus", [MEDSAFETYBENCH, MEDSAFETYBENCH_TEST], ids=lambda corpus: corpus.name)
def test_medsafetybench_counts_by_author_and_category(corpus):
    read_rows = records(corpus)
    assert Counter(f"{row.meta['author']}/{row.meta['category']}" for row in read_rows) == BY_CATEGORY
    assert len({row.id for row in read_rows}) == len(rows(corpus)) == corpus.published_rows == 900
    assert all(row.response and row.rejected is None for row in read_rows)


def test_medsafetybench_train_and_test_are_disjoint():
    train, test = ({row.messages for row in records(c)} for c in (MEDSAFETYBENCH, MEDSAFETYBENCH_TEST))
    assert (len(train), len(test), len(train & test)) == (900, 900, 0)


def test_aart_prompts_repeat():
    prompts = [row.messages[0].content for row in records(AART)]
    assert len(prompts) - len(set(prompts)) == 45
    assert len(prompts) - len({normalised(prompt) for prompt in prompts}) == 61
    assert len({row.meta["crime"] for row in records(AART)}) == 70


def test_jailbreak_prompts_repeat_under_ids_that_do_not():
    prompts = [row.messages[0].content for row in records(JAILBREAK_PROMPTS)]
    assert (len(set(prompts)), len({normalised(prompt) for prompt in prompts})) == (653, 630)
    assert sum(row.meta["community_id"] is None for row in records(JAILBREAK_PROMPTS)) == 283
    assert set(Counter(row.meta["policy"] for row in records(FORBIDDEN_QUESTIONS)).values()) == {30}


def test_xstest_labels_and_types():
    assert Counter(row.meta["label"] for row in records(XSTEST)) == {"safe": 250, "unsafe": 200}
    types = Counter(row.meta["type"] for row in records(XSTEST))
    assert (len(types), set(types.values())) == (18, {25})


def test_harm_behaviours_by_kind():
    kinds = Counter(row.meta["kind"] for row in records(HARMBENCH))
    assert kinds == {"standard": 200, "copyright": 100, "contextual": 100}
    assert all((row.context is not None) == (row.meta["kind"] == "contextual") for row in records(HARMBENCH))
    assert len({row.meta["category"] for row in records(STRONGREJECT)}) == 6


def test_bbq_labels_are_zero_based_positions_and_the_design_is_balanced():
    assert {row.gold for row in records(BBQ)} == {(0,), (1,), (2,)}
    for factor in ("question_polarity", "context_condition"):
        assert set(Counter(row.meta[factor] for row in records(BBQ)).values()) == {3_218}
    ambiguous = [row for row in records(BBQ) if row.meta["context_condition"] == "ambig"]
    assert all(row.meta["groups"][row.gold[0]] == "unknown" for row in ambiguous)


def test_truthfulqa_answers():
    questions = records(TRUTHFULQA)
    assert Counter(row.meta["type"] for row in questions) == {"Adversarial": 425, "Non-Adversarial": 365}
    assert Counter(row.meta["category"] for row in questions)["Health"] == 55
    assert all(row.answer.strip() in [row.options[i] for i in row.gold] for row in questions)


def test_do_not_answer_pairs_come_from_questions_with_both_kinds_of_reply():
    questions = records(DO_NOT_ANSWER)
    harmful = Counter(model for row in questions for model, label in row.meta["labels"].items() if label["harmful"])
    assert harmful == {"GPT4": 23, "ChatGPT": 14, "Claude": 16, "ChatGLM2": 85, "llama2-7b-chat": 3, "vicuna-7b": 52}
    assert sum(row.rejected is not None for row in questions) == 136
    assert all(row.response for row in questions)
    areas = [len({row.meta[name] for row in questions}) for name in ("risk_area", "types_of_harm", "specific_harms")]
    assert areas == [5, 12, 61]


def test_crows_pairs_by_bias_and_direction():
    bias = Counter(row.meta["bias_type"] for row in records(CROWS_PAIRS))
    assert (bias["race-color"], bias["gender"], bias["disability"]) == (516, 262, 60)
    assert Counter(row.meta["direction"] for row in records(CROWS_PAIRS)) == {"stereo": 1_290, "antistereo": 218}
