"""Stock text: notices, greetings, sign-offs, what services and models say of themselves.

A removal takes a phrase that is known to the letter, or a sentence that is made of stock words alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from quality.letter_form import remove_greeting, remove_sign_off
from quality.sentences import Removal
from quality.stock_phrases import (
    remove_chat_doctor,
    remove_consult_online,
    remove_copyright,
    remove_phenotype_notice,
    remove_self,
)
from quality.stock_sentences import (
    SERVICE,
    remove_dangling,
    remove_disclaimer,
    remove_hope,
    remove_questions,
    remove_thanks,
    remove_wishes,
    whole_sentence,
)
from quality.stock_words import COURTESY, DISCLAIMER

SIGNATURE_CHARS = 240
"""Characters at the end of a text in which a sign-off is looked for."""


@dataclass(frozen=True, kw_only=True)
class Stock:
    """One kind of stock text: the pattern of the texts that may hold it, and what takes it out of one.

    ``tail`` is the number of characters at the end in which the pattern is looked for, 0 for all of a text.
    ``cues`` are strings of which a text with the pattern holds one at least, in whatever case; none where the pattern
    is quick. ``sentence`` is a slower pattern that only few of the texts with the first one match.
    """

    name: str
    hint: str
    remove: Removal
    tail: int = 0
    cues: tuple[str, ...] = ()
    sentence: str = ""


def _cues(said: str) -> tuple[str, ...]:
    return tuple(said.split(","))


_OF_HEALTH = ("medical", "professional", "clinical", "health")
_GOOD = ("nice", "good", "great", "lovely", "wonderful", "healthy", "blessed")

STOCK: tuple[Stock, ...] = (
    Stock(
        name="hpo_notice",
        hint=r"Human Phenotype Ontology",
        remove=remove_phenotype_notice,
        cues=_cues("human phenotype ontology"),
    ),
    Stock(
        name="chat_doctor",
        hint=r"(?i)chat ?doctor",
        remove=remove_chat_doctor,
        cues=_cues("chat doctor,chatdoctor"),
    ),
    Stock(
        name="consult_online",
        hint=r"(?i)online\s*\.?\s*(?:-+|—)?>|-->\s*(?:$|<link>)",
        remove=remove_consult_online,
        cues=_cues("online,-->"),
    ),
    Stock(
        name="not_medical_advice",
        hint=r"(?i)substitut\w* for|(?:not|never|neither|nor|n.t)\b[^.\n]*(?:medical|professional|clinical|"
        r"health) (?:advice|"
        r"care|judg|diag)|disregard|(?:seek|get) (?:the )?(?:medical |professional )?(?:advice|opinion)|"
        r"information(?:al)? (?:and educational )?purpose|educational purpose|"
        r"for (?:general )?information(?:al)? only|not replace|construed|constitute|relationship|liability|"
        r"responsibility|in nature|disclaimer|notice|prescription|intended|meant|diagnose|apply|liable|responsible|"
        r"not an? (?:\w+ )?(?:doctor|physician|professional|provider)|opinion|replac\w+|always",
        remove=remove_disclaimer,
        cues=(
            *_cues(
                "substitut,advice,opinion,disregard,purpose,information only,informational only,replac,construed,"
                "constitut,relationship,liability,responsibility,in nature,disclaimer,notice,prescription,intended,"
                "meant,diagnose,apply,liable,responsible,not a,always"
            ),
            *(f"{of} {what}" for of in _OF_HEALTH for what in ("care", "judg", "diag")),
        ),
        sentence=whole_sentence(
            r"substitut|advice|diagnos|judge?ment|opinion|purpose|only|replac|construed|constitut|relationship|liab|"
            r"responsib|nature|disclaimer|notice|prescription|intended|meant|apply|not an? |always|"
            r"(?:medical|professional|clinical|health) care",
            DISCLAIMER,
        ),
    ),
    Stock(
        name="as_a_model",
        hint=r"(?i)\ban? (?:AI|artificial intelligence|(?:large )?language model)\b|not an? (?:doctor|physician)[.!]",
        remove=remove_self,
    ),
    Stock(
        name="greeting",
        hint=r"(?i)^\s*(?:good |hi|hello|hey|dear|thank|many thanks|greetings|good |welcome|namaste|i |"
        r"respected|assalam|salam|hope|let me|"
        r"this is|my name|and )",
        remove=remove_greeting,
    ),
    Stock(
        name="thanks",
        hint=r"(?i)\bthank|\bi appreciate|good question|great question|excellent question|\bwelcome to\b|"
        r"\bi (?:\w+ ){1,4}your\b",
        remove=remove_thanks,
        cues=_cues(
            "thank,i appreciate,good question,great question,excellent question,welcome to,your quer,your question,"
            "your concern,your message,your problem,your case,your history,your post,your detail,your report,your "
        ),
        sentence=whole_sentence(r"thank|appreciate|question|welcome to|your", SERVICE),
    ),
    Stock(
        name="hope_this_helps",
        hint=r"(?i)\bhop(?:e|ing|efully)\b|\btrust (?:this|that|my)",
        remove=remove_hope,
        cues=_cues("hope,hoping,trust this,trust that,trust my"),
        sentence=whole_sentence(r"hop(?:e|ing|efully)|trust", COURTESY),
    ),
    Stock(
        name="further_questions",
        hint=r"(?i)(?:any|more|other|further|additional|follow-?up) (?:\w+[ /]){0,3}?(?:question|quer(?:y|ies)|"
        r"doubt|concern|"
        r"clarification|assistance|help|information)|feel free|hesitate|(?:happy|glad|pleased|here) to (?:help|"
        r"assist|answer|"
        r"clarify)|let (?:me|us) know if|you (?:can|may) (?:always )?(?:contact|write)|"
        r"(?:accept|rate|upvote|close|like) (?:my|this|the) |"
        r"(?:should|if) you (?:need|have|want|require)|at your (?:disposal|service)|looking forward|look forward",
        remove=remove_questions,
        cues=_cues(
            "question,query,queri,doubt,concern,clarification,assistance,help,information,feel free,hesitate,to answer,"
            "to assist,to clarify,me know if,us know if,you can,you may,accept ,rate ,upvote ,close ,"
            "like ,you need,you have,"
            "you want,you require,at your,forward to"
        ),
        sentence=whole_sentence(
            r"(?:any|more|other|further|additional|follow-?up) (?:[a-z_]+[ /]){0,3}?(?:question|quer|doubt|concern|"
            r"clarification|assistance|help|information)|feel free|hesitate|to (?:help|assist|answer|clarify)|know if|"
            r"contact|write|accept|rate|upvote|close|like|you need|you have|you want|you require|at your|forward to",
            COURTESY,
        ),
    ),
    Stock(
        name="wishes",
        hint=r"(?i)wish(?:ing)? you|have an? (?:very )?(?:nice|good|great|lovely|wonderful|healthy|blessed)|"
        r"good luck|take care|"
        r"best of luck|all the best|best wishes|get well|god bless|\bstay (?:safe|healthy|blessed|well)",
        remove=remove_wishes,
        cues=(
            *_cues("wish you,wishing you,good luck,take care,best of luck,all the best,best wishes,get well,god bless"),
            *_cues("stay safe,stay healthy,stay blessed,stay well"),
            *(f"have {a}{what}" for a in ("a ", "an ") for what in ("very ", *_GOOD)),
        ),
        sentence=whole_sentence(
            rf"wish|have an? (?:very )?(?:{'|'.join(_GOOD)})|luck|care|the best|best wishes|get well|bless|stay",
            COURTESY,
        ),
    ),
    Stock(
        name="sign_off",
        hint=r"(?i:regards|sincerely|faithfully|respectfully|warmly|\bcheers\b|\btake care\b|\b(?:best|warm) wishes|"
        r"\bthanks\b|\byours\b|\bsigned\b|wishing you well)|(?:[Tt]hank you|[Tt]ruly|[Ww]ishes)\W*$|"
        r"\b(?:[Bb]est|[Ll]ove),\s|[A-Z][A-Za-z.-]{0,5}[A-Z.][\s).]*$|\b[Dd][Rr]\b[^\n]{0,60}\s*$",
        remove=remove_sign_off,
        tail=SIGNATURE_CHARS,
    ),
    Stock(
        name="dangling_link",
        hint=r"(?i)(?:click|tap|press|follow|use|visit) (?:here|on|the|this|our)|\bhere\s*(?:[.!]|$|\n)|"
        r"share (?:this|it)|"
        r"(?:more|further|additional) (?:information|details) (?:is|are|can)|"
        r"\b(?:visit|at|see|here|to)\s+[.,]|\bhere\s*:|"
        r"^for (?:more|further) |\W[Ff]or (?:more|further) ",
        remove=remove_dangling,
    ),
    Stock(
        name="copyright",
        hint=r"©|(?i)\(c\) ?(?:copyright )?\d{4}|copyright ?\d{4}",
        remove=remove_copyright,
        cues=_cues("©,(c),copyright"),
    ),
)
"""The stock texts in the order in which they are looked for."""

CUES = (
    "human phenotype,chat doctor,chatdoctor,online,-->,substitut,advice,medical care,professional,purpose,an ai,"
    "language model,artificial intel,a doctor,a physician,information only,informational only,not replace,thank,"
    "welcome,through your,read your,understand your,i appreciate,good question,great question,excellent question,"
    "hope,hoping,trust,question,queries,query,doubt,concern,clarif,assistance,further,more help,additional,"
    "feel free,hesitate,to help,to assist,to answer,to clarify,let me know,let us know,you can,you may,wish,"
    "have a,good luck,take care,of luck,the best,get well,god bless,stay ,regards,sincerely,faithfully,"
    "respectfully,warmly,cheers,yours,signed,truly,©,(c),copyright,click,press ,tap ,visit,here:,here :,here .,"
    "see .,at .,to .,for more,here,visit ,share ,follow ,use the,use this,further ,additional ,more information,"
    "more details,construed,constitut,relationship,liab,responsib,in nature,disclaimer,notice,prescription,"
    "intended,meant,diagnose,apply,not a,always,your ,accept ,rate ,upvote,close ,like ,you need,you have,"
    "you want,you require,forward"
).split(",")
"""What a text with any of it holds at least, in whatever case, but for greetings and signatures at its ends."""
GREETED = r"(?i)^\s*(?:hi|hello|hey|dear|greetings|good |namaste|respected|assalam|salam|i |let me|this is|my name)"
SIGNED = (
    r"\b(?:[Bb]est|[Ll]ove),\s|[A-Z][A-Za-z.-]{0,5}[A-Z.][\s).]*$|\b[Dd][Rr]\b|"
    r"(?:ist|ician|eon|edicine|onsultant|urse)\W*$|\)\W*$"
)


_KIND_CUES = list(dict.fromkeys(cue for kind in STOCK for cue in kind.cues))


def may_hold_stock(texts: pl.Series) -> tuple[pl.Series, dict[str, pl.Series]]:
    """Return the places of the texts that may hold any stock text, and of those that may hold each kind with cues."""
    frame = texts.alias("text").to_frame().with_row_index("at")
    cued = pl.col("text").str.contains_any(CUES, ascii_case_insensitive=True)
    greeted = pl.col("text").str.head(20).str.contains(GREETED)
    signed = pl.col("text").str.tail(SIGNATURE_CHARS).str.contains(SIGNED)
    any_kind = frame.filter(cued | greeted | signed)
    found = pl.col("text").str.extract_many(_KIND_CUES, ascii_case_insensitive=True, overlapping=True)
    cues = any_kind.select("at", cue=found.list.eval(pl.element().str.to_lowercase())).explode("cue").drop_nulls("cue")
    kinds = {
        kind.name: cues.filter(pl.col("cue").is_in(kind.cues))["at"].unique(maintain_order=True)
        for kind in STOCK
        if kind.cues
    }
    return any_kind["at"], kinds
