"""Removal of stock phrases inside a text; each is known to the letter, so nothing else is removed with it."""

from __future__ import annotations

import re

from quality.cleaning.sentences import Span, without
from quality.cleaning.stock_sentences import remove_self_description

_SELF = re.compile(
    r"(?i)(?:^|(?<=[.!?\n])|(?<=[.!?\n] ))as an? (?:AI|artificial intelligence)(?: language)?"
    r"(?: model| assistant| chatbot| program)?(?: (?:trained|developed|created|made|built) by \w+)?,\s*(?=\w)"
)


def remove_self(text: str) -> tuple[str, str]:
    """Remove sentences in which a model speaks only of itself, and the bare phrase from other sentences."""
    kept, removed = remove_self_description(text)
    phrases = [match[0].strip() for match in _SELF.finditer(kept)]
    return _SELF.sub("", kept), "\n".join(filter(None, [removed, *phrases]))


_MORE = (
    r"(?:for (?:more|further|any|other)(?: further)? (?:information|info|doubts?|quer(?:y|ies)|questions?|details),? ?)"
)
_SPECIALIST = r"(?:an? |the |your )?(?:[a-z]+ ){0,3}?(?:[a-z]+(?:ologist|iatrist|ician|ist|geon)s?|doctors?)"
_CONSULT_ONLINE = re.compile(
    rf"(?i){_MORE}?\b(?:please |kindly |you can |you may )?(?:consult(?: with)?|(?:revert|get)(?: back)?"
    rf"(?: with (?:more|further) (?:information|queries|doubts?))? to) {_SPECIALIST} online\b\.?\s*(?:-+>+|—>|>+)"
)
_ARROW = re.compile(r"(?i)(?<=\bonline)\s*(?:-+>+|—>|>+)|\s*-->\s*$|\s*-->(?=\s*<link>)")


def remove_consult_online(text: str) -> tuple[str, str]:
    """Remove "For more information consult a … online -->", and an arrow whose link is gone."""
    removed = [match[0].strip() for match in _CONSULT_ONLINE.finditer(text)]
    kept = _CONSULT_ONLINE.sub("", text)
    removed += [match[0].strip() for match in _ARROW.finditer(kept)]
    return _ARROW.sub("", kept), "\n".join(removed)


_CHAT_DOCTOR = re.compile(r"(?i)(\b[\w-]+)?([)\]]?)(\s+|(?<=[.!?])|^)chat ?doctor\s*([.!]+|$)")
_SPEAKER = re.compile(r"(?im)^\s*chat ?doctor\s*:\s*(?=\S)")
_GOVERNS = frozenset(
    "a am an and are as ask asked at be by called choosing chosen consult consulting contact contacted contacting dear "
    "for from hello hi in is joined like my named of on or our than thank thanks that the this through to trust using "
    "via visit was welcome with your".split()
)
"""Words that need a name after them."""


def remove_chat_doctor(text: str) -> tuple[str, str]:
    """Remove the name of a service that was pasted over the end of sentences."""
    removed: list[str] = []

    def cut(match: re.Match[str]) -> str:
        if (match[1] or "").lower() in _GOVERNS:
            return match[0]
        removed.append("Chat Doctor")
        kept_text = (match[1] or "") + match[2]
        return kept_text + (match[4] or ".") if kept_text else ""

    kept = _CHAT_DOCTOR.sub(cut, text)
    removed += [match[0].strip() for match in _SPEAKER.finditer(kept)]
    return _SPEAKER.sub("", kept), "\n".join(removed)


_YEARS = r"(?:19|20)\d\d(?:\s*[-–,]\s*(?:19|20)\d\d)*"
_FIRM = r"(?:Inc|Ltd|LLC|GmbH|Publications|Publishing|Press|Company|Co|Elsevier|Springer|Wiley(?:-Liss)?)\b\.?"
_OWNER = r"(?:,? (?:[A-Z][\w&.'’-]*|of|and|the|for|by|&))"
_RIGHTS = r"(?i:all rights reserved)\.?"
_SIGN = r"(?:©|\([cC]\))"
_COPYRIGHT = re.compile(
    rf"(?:(?<=[.!?\n])|(?<=[.!?][ \"”])|^)\s*(?:(?i:copyright)\s*{_SIGN}?|{_SIGN}\s*(?i:copyright)|©)\s*{_YEARS}"
    rf"{_OWNER}{{0,10}}\.?(?:\s*{_RIGHTS})?[ \t]*(?=\n|$)|"
    rf"(?:(?<=[.!?\n])|(?<=[.!?] )|^)\s*\([cC]\)\s*{_YEARS}{_OWNER}{{0,10}}?"
    rf"(?:,? {_FIRM}(?:\s*{_RIGHTS})?|\.?\s*{_RIGHTS})"
    r"[ \t]*(?=\n|$)"
)


def remove_copyright(text: str) -> tuple[str, str]:
    """Remove copyright notices at the end of a line: a sign or the word, a year, a holder, and no other words."""
    spans = [Span(*match.span()) for match in _COPYRIGHT.finditer(text)]
    kept, removed = without(text, spans)
    return (kept, removed.strip()) if kept.strip() else (text, "")


# The sentences that GARD puts around every table of symptoms; the table itself stays.
_PHENOTYPES = re.compile(
    r"The Human Phenotype Ontology provides the following list of signs and symptoms for [^.\n?!]{1,160}\.\s+"
    r"(?=If the information is available, the table below)|"
    r"If the information is available, the table below includes how often the symptom is seen in people with this "
    r"condition\.|You can use the MedlinePlus Medical Dictionary to look up the definitions for these medical terms\.|"
    r"The Human Phenotype Ontology \(HPO\) has collected information on how often a sign or symptom occurs in a "
    r"condition\.|Much of this information comes from Orphanet, a European rare disease database\.|"
    r"The frequency of a sign or symptom is usually listed as a rough estimate of the percentage of patients who have "
    r"that feature\.|The frequency may also be listed as a fraction\.|The first number of the fraction is how many "
    r"people had the symptom, and the second number is the total number of people who were examined in one study\.|"
    r"For example, a frequency of 25/25 means that in a study of 25 people all patients were found to have that "
    r"symptom\.|Because these frequencies are based on a specific study, the fractions may be different if another "
    r"group of patients are examined\.|Sometimes, no information on frequency is available\.|"
    r"In these cases, the sign or symptom may be rare or common\."
)


def remove_phenotype_notice(text: str) -> tuple[str, str]:
    """Remove GARD's notice on the origin and reading of its symptom tables."""
    return without(text, [Span(*match.span()) for match in _PHENOTYPES.finditer(text)])
