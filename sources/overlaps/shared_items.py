"""Which hold-outs share questions with each other and with corpora to train on, and where that is said.

A score on two sets that share questions counts them twice, and a corpus with the questions of a hold-out loses rows to
decontamination. Names are those of evaluations for hold-outs, and of the catalog for corpora to train on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class SharedItems:
    """A hold-out whose questions are in ``others``, hold-outs too, or in the rows of ``training`` corpora."""

    hold_out: str
    others: tuple[str, ...] = ()
    training: tuple[str, ...] = ()
    what: str
    read: str

    def describe(self, name: str) -> str:
        """Return what ``name``, one of the corpora of this rule, shares with the rest."""
        rest = [one for one in (self.hold_out, *self.others, *self.training) if one != name]
        return f"{name} shares questions with {', '.join(rest)}: {self.what}"


MEDQA_TRAINING = ("medqa_gbaker", "medqa_gbaker_hf", "medqa_openlifescience", "medqa_bigbio", "medqa_cot_llama31")
MEDMCQA_TRAINING = ("medmcqa_sample", "medmcqa_hub", "medmcqa_cot_llama31")
PUBMEDQA_TRAINING = ("pubmedqa", "pubmedqa_hpai", "pubmedqa_labelled", "pubmedqa_cot_llama31")
HEADQA_TRAINING = (
    "headqa_en",
    "headqa_es",
    "headqa_hub_en",
    "headqa_hub_es",
    "headqa_openlifescience",
    "headqa_cot_llama31",
)

SHARED: tuple[SharedItems, ...] = (
    SharedItems(
        hold_out="headqa_v2_en",
        others=("careqa", "headqa_en"),
        training=HEADQA_TRAINING,
        what="exams of 2013 to 2022, of which CareQA has 2020 to 2022 and HEAD-QA 2013 to 2017; those of 2013 and "
        "2014, HEAD-QA's training split, are not held out",
        read="years of the exams in each set",
    ),
    SharedItems(
        hold_out="headqa_v2_es",
        others=("careqa_es", "headqa_es"),
        training=HEADQA_TRAINING,
        what="the exams of headqa_v2_en in Spanish",
        read="years of the exams in each set",
    ),
    SharedItems(
        hold_out="metamedqa",
        others=("medqa",),
        what="1,273 questions of MedQA's test, some with a changed answer",
        read="card of maximegmd/MetaMedQA",
    ),
    SharedItems(
        hold_out="openmedqa",
        others=("medqa",),
        what="1,272 questions of MedQA's test, rewritten without options",
        read="ids of the items",
    ),
    SharedItems(
        hold_out="careqa_open",
        others=("careqa",),
        what="questions of CareQA, rewritten without options",
        read="card of HPAI-BSC/CareQA",
    ),
    SharedItems(
        hold_out="medmisbench",
        others=("medqa", "medmcqa", "medxpertqa"),
        training=MEDQA_TRAINING,
        what="its questions are theirs; 3,112 from MedQA are more than its development and test sets have, so that "
        "some come from its training split",
        read="arXiv 2606.12291, section 3.2",
    ),
    SharedItems(
        hold_out="med_halt",
        others=("medmcqa", "medqa", "headqa_en"),
        training=(*MEDMCQA_TRAINING, *MEDQA_TRAINING, *HEADQA_TRAINING),
        what="its questions are theirs; those made from training rows are not held out",
        read="split_type and dataset of its rows",
    ),
    SharedItems(
        hold_out="medhallu",
        others=("pubmedqa",),
        training=PUBMEDQA_TRAINING,
        what="the 1,000 questions of PubMedQA's labelled set, of which 500 are its training part",
        read="card of UTAustin-AIHealth/MedHallu",
    ),
    SharedItems(
        hold_out="medxpertqa",
        training=("medreason",),
        what="questions of MedXpertQA among those that MedReason reasons on",
        read="a public description of MedReason's parts",
    ),
    SharedItems(
        hold_out="mmlu_medical",
        training=("medreason", "reasonmed"),
        what="questions of MMLU, which has no training part",
        read="abstract of ReasonMed and a public description of MedReason's parts",
    ),
    SharedItems(
        hold_out="mmlu_pro_health",
        others=("mmlu", "mmlu_medical"),
        what="questions of MMLU with more options (src begins with ori_mmlu)",
        read="column src of TIGER-Lab/MMLU-Pro",
    ),
    SharedItems(
        hold_out="medcalc_bench",
        others=("medqa",),
        training=MEDQA_TRAINING,
        what="some of its notes are cases of MedQA (Open-Patients)",
        read="ncbi-nlp/MedCalc-Bench: README.md",
    ),
    SharedItems(
        hold_out="medec",
        others=("medqa",),
        training=MEDQA_TRAINING,
        what="its notes were made from cases of MedQA, by what is recalled of its paper",
        read="unverified",
    ),
    SharedItems(
        hold_out="healthbench_hard",
        others=("healthbench",),
        what="1,000 of its 5,000 conversations",
        read="card of openai/healthbench",
    ),
)
"""Every known pair, the newest sets first."""


def shared_by(name: str) -> Iterator[SharedItems]:
    """Yield the rules that name a corpus or the name under which it is evaluated."""
    for rule in SHARED:
        if name == rule.hold_out or name in rule.others or name in rule.training:
            yield rule


def shared_among(names: Collection[str]) -> Iterator[tuple[SharedItems, tuple[str, ...]]]:
    """Yield the rules whose hold-out is among ``names``, with the others of them that are, too."""
    for rule in SHARED:
        others = tuple(other for other in (*rule.others, *rule.training) if other in names)
        if rule.hold_out in names and others:
            yield rule, others
