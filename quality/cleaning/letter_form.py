"""Removal of the letter form around an answer: greeting and thanks at the start, sign-off at the end."""

from __future__ import annotations

import re

from quality.cleaning.sentences import sentences, strip_list_marker
from quality.cleaning.stock_sentences import GREETED, OPENING, SERVICE, consists_of, is_stock
from quality.cleaning.stock_words import COURTESY

_PERSON = (
    r"(?:there|all|everyone|again|questioner|sir/madam|dear|doctor|doc|dr|sir|madam|ma'am|friend|user|patient|member|"
    r"respected|mr|mrs|ms|mam)"
)
_GREETING = re.compile(
    r"(?i)\s*(?:dear sir ?(?:or|/) ?madam|to whom it may concern|respected (?:sir|madam)|assalam\w*(?: o? ?alaikum)?|"
    r"salam|"
    r"hi+|hello|hey|dear|"
    r"greetings(?: of the day)?|good (?:morning|evening|afternoon|"
    r"day)(?: to you)?|welcome|namaste)"
    rf"(?:[ ,]+(?:and )?{_PERSON})*\b\s*(?:[,!.]+|[-–](?=\s)|\n|[:;]-?\)|(?= and (?:welcome|thank)))\s*"
)
_NAMED_GREETING = re.compile(
    r"\s*(?:Hi|Hello|Hey|Dear)(?: (?:Mr|Mrs|Ms|Dr|Miss)\b\.?)? (?:\[NAME(?:-\d+)?\]|"
    r"[A-Z][a-z]{2,14})(?: [A-Z][a-z]+)?\s*[,!\n]\s*"
)
_INTRODUCED = re.compile(
    r"\s*(?i:i am|i.m|this is|my name is)(?: (?:Dr|Doctor|Mr|Mrs|Ms)\b\.? ?)(?:\[NAME(?:-\d+)?\]|[A-Z][\w'’-]*)"
    r"(?: [A-Z][\w'’-]*\.?){0,2}([^.!\n]{0,80})[.!\n]\s*"
)
_RUN_ON = re.compile(
    r"(?i)\s*thank(?:s| you)(?: (?:so|very) much| a lot)? for (?:your|the) (?:query|question)(?=\s+(\w+))"
)
_SERVICE_NAME = re.compile(
    r"\b((?:[Ww]elcome to|using|choosing|contacting|consulting|visiting|trusting|writing to)(?: the)?) "
    r"[A-Z][\w.-]*(?: [A-Z][\w.-]*){0,3}"
)
_LEANING = COURTESY | frozenset("because since which what who whose concerning".split())
_CLOSING_CHARS = 1000
"""Characters at the end of a text searched for a sign-off."""
_OPENING_CHARS = 400
"""Characters at the start of a text searched for a sentence of thanks."""


def remove_greeting(text: str) -> tuple[str, str]:
    """Remove the greeting at the start of a text and the stock thanks after it, unless nothing would be left."""
    at = 0
    while (end := _greeting_end(text, at)) is not None and text[end:].strip():
        at = end
    return text[at:], text[:at].strip()


def _greeting_end(text: str, at: int) -> int | None:
    """Return where a greeting or thanks that starts at ``at`` ends; None where there is none."""
    greeting = _NAMED_GREETING.match(text, at) or _GREETING.match(text, at)
    if greeting:
        return greeting.end()
    named = _INTRODUCED.match(text, at)
    if named and (not named[1].strip() or consists_of(named[1], SERVICE)):
        return named.end()
    run_on = _RUN_ON.match(text, at)
    if run_on and run_on[1].lower() not in _LEANING:
        return run_on.end()
    for span in sentences(text[at : at + _OPENING_CHARS])[:1]:
        sentence = _SERVICE_NAME.sub(r"\1 page", text[at + span.start : at + span.end])
        if is_stock(sentence, OPENING, SERVICE) or (
            at and GREETED.search(strip_list_marker(sentence)) and consists_of(sentence, SERVICE)
        ):
            return at + span.end
    return None


CREDENTIALS = (
    r"(?:M\.?D\.?|MBBS|M\.?B\.?,? ?B\.?S\.?|D\.?O\.?|Ph\.?D\.?|R\.?N\.?|NP|PA-C|DNB|DM|MCh|MS|MPH|MRCP|MRCS|FRCP|FRCS|"
    r"FACP|FACS|LMHC|LMFT|LPCC?|LCSW|LICSW|LMSW|MSW|MA|M\.A\.|M\.?Ed\.?|Psy\.?D\.?|DDS|DMD|Pharm\.?D\.?|CRNP|ARNP|"
    r"FNP|DPM|BDS|"
    r"MDS|NCC|LCPC|LPCA|CCMHC|RDN?|DPT|OD|BSN|MSN|BCPS|CNM|CDE|CNS|RPh|MRCGP|DCH|DGO)"
)
_NAME = r"(?:\[NAME(?:-\d+)?\]|[A-Z][\w'’-]*\.?(?: [A-Z][\w'’-]*\.?){0,2})"
_DOCTOR = rf"(?:Dr|DR|dr|Prof|Doctor)\b\.? ?(?:{_NAME}|[a-z]+(?: [a-z]+)?)"
_TITLES = rf"(?:,? {CREDENTIALS}(?!\w))"
_CLOSING = (
    r"(?i:(?:with )?(?:(?:kind(?:est)?|best|warm(?:est)?) )?(?:regards|wishes)|many thanks|wishing you well|"
    r"thanks (?:and|&) (?:regards|best wishes)"
    r"|(?:yours )?(?:sincerely|truly|faithfully|respectfully|warmly)(?: yours)?|cheers|take care|thanks|thank you)"
)
_ROLE = (
    r"(?:\s*\([^()\n\d]{2,40}\)|\s*[,\n]\s*(?:[A-Z][\w-]* ){0,3}(?:[A-Z][a-z]*(?:ist|ician|itian|eon)|Physician|Doctor|"
    r"Medicine|Consultant|Counsell?or|Nurse|Practitioner|Surgery|Pa?ediatrics))"
)
_TAIL = rf"{_TITLES}*{_ROLE}?\.?\s*$"
_FRONT = r"(?:(?<=[.!?\n])|(?<=[.!?] ))\s*"
_WITH_NAME = r"(?i:yours|signed|best|love)"
"""Closing words that close a letter only with a name or on a line of their own."""
_SIGN_OFFS = (
    re.compile(rf"{_FRONT}(?:{_CLOSING}|{_WITH_NAME})\s*(?:,|-|\n)\s*(?:{_DOCTOR}|{_NAME}){_TAIL}"),
    re.compile(rf"{_FRONT}{_CLOSING}[\s,.!-]*(?:{_DOCTOR}{_TAIL}|\s*$)"),
    re.compile(rf"\n\s*(?:[-–—]\s*)?{_DOCTOR}{_TAIL}|{_FRONT}[-–—]\s*{_DOCTOR}{_TAIL}"),
)
_SIGNATURE = re.compile(rf"{_FRONT}(?:{_CLOSING}[\s,.!-]*|[-–—]\s*)?({_NAME}),? {CREDENTIALS}(?!\w){_TAIL}")


def remove_sign_off(text: str) -> tuple[str, str]:
    """Remove the closing words and signature at the end of a text, unless nothing would be left."""
    start_at = max(len(text) - _CLOSING_CHARS, 0)
    matches = [*(pattern.search(text, start_at) for pattern in _SIGN_OFFS), _signature(text, start_at)]
    start = min((match.start() for match in matches if match and text[: match.start()].strip()), default=len(text))
    return text[:start], text[start:].strip()


def _signature(text: str, start_at: int) -> re.Match[str] | None:
    """Return a name with credentials at the end of a text; "Multiple Sclerosis, MS" is not one."""
    match = _SIGNATURE.search(text, start_at)
    if not match:
        return None
    initials = "".join(word[0] for word in match[1].split())
    behind = re.sub(r"\W", "", match[0].rpartition(match[1])[2])
    return None if behind.upper().startswith(initials.upper()) else match
