"""Stock text: notices, greetings, sign-offs, what services and models say of themselves.

A removal takes a phrase that is known to the letter, or a sentence that is made of stock words alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from quality.letter_form import CREDENTIALS, remove_greeting, remove_sign_off
from quality.sentences import Removal
from quality.stock_phrases import (
    remove_chat_doctor,
    remove_consult_online,
    remove_copyright,
    remove_phenotype_notice,
    remove_self,
)
from quality.stock_sentences import (
    remove_dangling,
    remove_disclaimer,
    remove_hope,
    remove_questions,
    remove_thanks,
    remove_wishes,
)


@dataclass(frozen=True, kw_only=True)
class Stock:
    """One kind of stock text: the pattern of the texts that may hold it, and what takes it out of one."""

    name: str
    hint: str
    remove: Removal


STOCK: tuple[Stock, ...] = (
    Stock(name="hpo_notice", hint=r"Human Phenotype Ontology", remove=remove_phenotype_notice),
    Stock(name="chat_doctor", hint=r"(?i)chat ?doctor", remove=remove_chat_doctor),
    Stock(
        name="consult_online", hint=r"(?i)online\s*\.?\s*(?:-+|—)?>|-->\s*(?:$|<link>)", remove=remove_consult_online
    ),
    Stock(
        name="not_medical_advice",
        hint=r"(?i)substitut|(?:medical|professional|clinical|health) (?:advice|care|judg|diag)|seek (?:the )?|"
        r"information(?:al)? purpose|educational purpose|for (?:general )?information(?:al)? only|not replace",
        remove=remove_disclaimer,
    ),
    Stock(
        name="as_a_model",
        hint=r"(?i)\ban? (?:AI|artificial intelligence|(?:large )?language model)\b|not an? (?:doctor|physician)[.!]",
        remove=remove_self,
    ),
    Stock(
        name="greeting",
        hint=r"(?i)^\s*(?:good |hi|hello|hey|dear|thank|many thanks|greetings|good |welcome|namaste|i )",
        remove=remove_greeting,
    ),
    Stock(
        name="thanks",
        hint=r"(?i)\bthank|\bi appreciate|good question|great question|excellent question|\bwelcome to\b|"
        r"through your|read your|understand your",
        remove=remove_thanks,
    ),
    Stock(name="hope_this_helps", hint=r"(?i)\bhop(?:e|ing|efully)\b|\btrust (?:this|that|my)", remove=remove_hope),
    Stock(
        name="further_questions",
        hint=r"(?i)\b(?:questions?|quer(?:y|ies)|doubts?|concerns?|clarifications?|assistance|further help|more help|"
        r"(?:further|more|additional|other) information)\b|feel free|hesitate|(?:happy|glad|pleased|here) to|"
        r"let (?:me|us) know if|you (?:can|may) (?:always )?(?:contact|write)",
        remove=remove_questions,
    ),
    Stock(
        name="wishes",
        hint=r"(?i)\bwish|have an? (?:very )?[a-z]|good luck|take care|best of luck|the best|get well|god bless|"
        r"\bstay [shbw]",
        remove=remove_wishes,
    ),
    Stock(
        name="sign_off",
        hint=r"(?i:(?:regards|wishes|sincerely|truly|faithfully|cheers|care|thanks|you|yours|warmly|respectfully|"
        r"signed|best|love)\b"
        r"(?:[^\n]{0,60}\s*){1,3}$)|"
        rf"{CREDENTIALS}\s*$|\s[Dd][Rr]\b[^\n]{{0,60}}\s*$",
        remove=remove_sign_off,
    ),
    Stock(
        name="dangling_link",
        hint=r"(?i)(?:click|tap|press) (?:here|on|the|this)|\b(?:visit|at|see|here|to)\s+[.,]|\bhere\s*:|"
        r"^for (?:more|further) |\W[Ff]or (?:more|further) ",
        remove=remove_dangling,
    ),
    Stock(name="copyright", hint=r"©|(?i)\(c\) ?(?:copyright )?\d{4}|copyright ?\d{4}", remove=remove_copyright),
)
"""The stock texts in the order in which they are looked for."""
