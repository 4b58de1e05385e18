"""Stock text: notices, greetings, sign-offs, what services and models say of themselves.

A removal takes a phrase that is known to the letter, or a sentence that is made of stock words alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from quality.cleaning.letter_form import remove_greeting, remove_sign_off
from quality.cleaning.sentences import Removal
from quality.cleaning.stock_phrases import (
    remove_chat_doctor,
    remove_consult_online,
    remove_copyright,
    remove_phenotype_notice,
    remove_self,
)
from quality.cleaning.stock_sentences import (
    SERVICE,
    remove_dangling,
    remove_disclaimer,
    remove_hope,
    remove_questions,
    remove_thanks,
    remove_wishes,
    whole_sentence,
)
from quality.cleaning.stock_words import COURTESY, DISCLAIMER

SIGNATURE_CHARS = 240
"""Characters at the end of a text in which a sign-off is looked for."""


@dataclass(frozen=True)
class Stock:
    """One kind of stock text: what takes it out, and how the texts that may hold it are found.

    ``about`` are strings of which a text that holds it has one at least, in whatever case; with ``words`` one of them
    stands in a whole sentence of these words. ``hint`` is a pattern that such texts match besides; ``tail`` is the
    number of characters at the end in which it is looked for, 0 for all of a text.
    """

    name: str
    remove: Removal
    about: str = ""
    words: frozenset[str] = frozenset()
    hint: str = ""
    tail: int = 0

    @property
    def cues(self) -> tuple[str, ...]:
        """Return the strings of ``about``."""
        return tuple(filter(None, self.about.split(",")))

    @property
    def sentence(self) -> str:
        """Return the pattern of texts with a whole sentence of these words; empty without words."""
        return whole_sentence("|".join(self.cues), self.words) if self.words else ""


STOCK: tuple[Stock, ...] = (
    Stock("hpo_notice", remove_phenotype_notice, "human phenotype ontology"),
    Stock("chat_doctor", remove_chat_doctor, "chat doctor,chatdoctor"),
    Stock(
        "consult_online",
        remove_consult_online,
        "online,-->",
        hint=r"(?i)online\s*\.?\s*(?:-+|—)?>|-->\s*(?:$|<link>)",
    ),
    Stock(
        "not_medical_advice",
        remove_disclaimer,
        "substitut,advice,opinion,disregard,purpose,information,replac,constru,constitut,relationship,liab,"
        "responsib,disclaimer,notice,content,material,online,nothing here,nothing in,this chat,this reply,"
        "this answer,our answers,website,web page,webpage,this page,this site,article,message,service,forum,"
        "this post,discussion,a doctor,a physician,professional,provider,practitioner,medical care,"
        "clinical care,health care,medical diagnosis,clinical diagnosis,health diagnosis,medical jud,"
        "clinical jud,health jud,intended,meant,author,views expressed,statements,examine you,diagnosis,"
        "written,leaflet,this text,sustituye,reemplaza,constitu,remplace,a clinician",
        DISCLAIMER,
    ),
    Stock(
        "as_a_model",
        remove_self,
        "an ai,artificial intelligence,language model,not a doctor,not a physician",
        hint=r"(?i)\ban? (?:AI|artificial intelligence|(?:large )?language model)\b|not an? (?:doctor|physician)[.!]",
    ),
    Stock(
        "greeting",
        remove_greeting,
        hint=r"(?i)^\s*(?:good |hi|hello|hey|dear|thank|many thanks|greetings|good |welcome|namaste|i |we |i.m |"
        r"respected|assalam|salam|hope|this is|my name|and |hola|bonjour|salut|gracias|muchas|merci|to whom)",
    ),
    Stock(
        "thanks",
        remove_thanks,
        "thank,i appreciate,good question,great question,excellent question,welcome to,your quer,your question,"
        "your concern,your message,your problem,your case,your history,your post,your detail,your report",
        SERVICE,
    ),
    Stock("hope_this_helps", remove_hope, "hope,hoping,trust", COURTESY),
    Stock(
        "further_questions",
        remove_questions,
        "question,query,queri,doubt,concern,clarification,assistance,help,information,feel free,hesitate,"
        "to answer,to assist,to clarify,me know,us know,you can,you may,welcome to ask,accept ,rate ,upvote ,"
        "close ,like ,you need,you have,you want,you require,at your,forward to,back to me,back to us,"
        "back to you,write back,get back,come back,revert back,reach back,contact back,ask back,report back,"
        "keep back,reach out,contact ,write ,in touch,keep me,keep us,rating,review,forget to,glad to,"
        "should anything,ask me,ask us,ask here,message me,message us,report to me,report to us,report me,"
        "report here,come here,come to me,come to us,come out,from you,pleasure,am here,m here,are here,"
        "am available,are available,m available,always available,still available,am around,are around,"
        "m around,always around,still around",
        COURTESY,
    ),
    Stock(
        "wishes",
        remove_wishes,
        "wish,have a nice,have a good,have a great,have a lovely,have a wonderful,have a healthy,"
        "have a blessed,have a very nice,have a very good,have a very great,have a very lovely,"
        "have a very wonderful,have a very healthy,have a very blessed,sending you,good luck,of luck,"
        "take care,take good care,all the best,very best,my best,get well,god bless,stay safe,stay healthy,"
        "stay blessed,stay well,stay happy,be safe,be healthy,be well,be happy,keep safe,keep healthy,"
        "keep blessed,keep well,keep happy,enjoy your,hope,regards",
        COURTESY,
    ),
    Stock(
        "sign_off",
        remove_sign_off,
        hint=r"(?i:regards|sincerely|faithfully|respectfully|warmly|\bcheers\b|\btake care\b|\b(?:best|warm) wishes|"
        r"\bthanks\b|\byours\b|\bsigned\b|wishing you well)|(?:[Tt]hank you|[Tt]ruly|[Ww]ishes)\W*$|"
        r"\b(?:[Bb]est|[Ll]ove),\s|[A-Z][A-Za-z.-]{0,5}[A-Z.][\s).]*$|\b[Dd][Rr]\b[^\n]{0,60}\s*$",
        tail=SIGNATURE_CHARS,
    ),
    Stock(
        "dangling_link",
        remove_dangling,
        "click,press here,press on,press the,press this,tap ,follow the,follow this,follow on,use the,"
        "use this,visit, here,here:,share ,more information,more details,further information,further details,"
        "additional information,additional details,for more, .,at:,link:,website:,below:,via:,at :,link :,"
        "website :,subscribe,sign up,tweet ,book ,read more",
        hint=r"(?i)(?:click|tap|press|follow|use|visit) (?:here|on|the|this|our)|\bhere\s*(?:[.!:]|$|\n)|"
        r"(?:share|tweet|like) (?:this|it)|subscribe|sign up|book (?:your|an|now)|read more|"
        r"(?:more|further|additional) (?:information|details) (?:is|are|can)|"
        r"\b(?:visit|at|see|here|to|from|on|via|website|link|page)\s+[.,]|"
        r"\b(?:at|link|website|below|visit|via)\s*:(?:\s|$)|"
        r"for (?:more|further) (?:information|details),? (?:please )?(?:visit|see) ",
    ),
    Stock("copyright", remove_copyright, "©,(c),copyright", hint=r"©|(?i)\(c\) ?(?:copyright )?\d{4}|copyright ?\d{4}"),
)
"""The stock texts in the order in which they are looked for."""

GREETED = next(kind.hint for kind in STOCK if kind.name == "greeting")
SIGNED = (
    r"\b(?:[Bb]est|[Ll]ove),\s|[A-Z][A-Za-z.-]{0,5}[A-Z.][\s).]*$|\b[Dd][Rr]\b|"
    r"(?:ist|ician|eon|edicine|onsultant|urse)\W*$|\)\W*$|"
    r"(?i:regards|sincerely|faithfully|respectfully|warmly|cheers|yours|signed|truly|take care|wishes|thank)"
)


_KIND_CUES = list(dict.fromkeys(cue for kind in STOCK for cue in kind.cues))


def may_hold_stock(texts: pl.Series) -> tuple[pl.Series, dict[str, pl.Series]]:
    """Return the places of the texts that may hold any stock text, and of those that may hold each kind with cues."""
    frame = texts.alias("text").to_frame().with_row_index("at")
    cued = pl.col("text").str.contains_any(_KIND_CUES, ascii_case_insensitive=True)
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
