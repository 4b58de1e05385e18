"""Conditions under which a cue makes a name of the words next to it, and evidence against it."""

from __future__ import annotations

import re

from quality.privacy.given_names import NAMES_AND_WORDS
from quality.privacy.name_cues import AUTHOR_AFTER, CITED_AFTER, CITED_BEFORE, CREDENTIALS_AFTER
from quality.privacy.name_form import (
    Person,
    company,
    eponym,
    full_name,
    initialed,
    known,
    likely,
    likely_full_name,
    plain,
    well_known,
)
from quality.privacy.not_names import EPONYMS, MEDICAL_ENDING, NOT_NAMES, ONLY_EPONYMS, PLACES
from quality.privacy.other_languages import WORDS

_CITED_AFTER = re.compile(CITED_AFTER)
_CITED_BEFORE = re.compile(CITED_BEFORE, re.IGNORECASE)
_AUTHOR_AFTER = re.compile(AUTHOR_AFTER)
_INSTITUTIONAL = frozenset(
    """
    clinics healthcare nordisk pharma pharmaceuticals tech court courts cross dawley department hotline
    helpline inc laboratories labs line locator mice ombudsman
    party rats registry retailer ricans senate shield sprague states supreme united versus vs wistar
    """.split()
)
"""Words of names that do not belong to a person."""
_GERM = re.compile(
    r"(?:coccus|bacter|bacillus|ella|ium|monas|virus|myces|phyta|ensis|idae|aceae|ii|ae|ideo|fato|uro"
    r"|odico|medizin|logie)$"
)
_CAPITAL_VERB = re.compile(r" (?:WAS|IS|HAS|HAD|WILL|DENIES|REPORTS)\b")
_VERB_NEXT = re.compile(r"[ ][a-zà-ÿ]{2,}")
_AUTHOR_INITIALS = re.compile(r"[ ]+[A-Z]{1,3}[,.;]")
_BESIDE_BEFORE = re.compile(r"\b(?:by|with|por|con|von|da|par|com|avec|mit|per) $")
_GAVE_BEFORE = re.compile(r"\b(?:gave|give|giving|put|feed|takes?|di|doy|dar)\s+(?:to\s+)?$", re.IGNORECASE)
_ANY_DOCTOR_BEFORE = re.compile(r"\b(?:your|an?|the|my|or|and|other|every|any|su|un|una|al|el|la)\s*$", re.IGNORECASE)
_ACTED_BEFORE = re.compile(r"\b(?:by|to|with|from|attention|attn|per|of)\s*$", re.IGNORECASE)
_STARTS = re.compile(r"(?:^|[\n:.(]|[ ,](?:a|y|de|por|que|con|par|chez|et|[Pp]acient?e|[Pp]atient))[ \t]*$")
_PERSON_AFTER = re.compile(
    r",?(?: who)? (?:is|was|has|had|today|lives|said|says|reports|refiere|dice|vive|hoy|tiene|ha|è|prende|hat"
    r"|ist|war|nimmt|tem|foi|est[áa]|toma"
    r"|ten[ií]a|es|a)\b|,? \(?\d{1,2}\b|,$"
)
_SENTENCE_AFTER = re.compile(r"[.,;:?!)'’]|\s*$|[ \t][a-zà-ÿ(]")
_SPEAKS_AFTER = re.compile(
    r"[,.!]| calling| speaking| here\b| from\b| \(|,? and (?:I\b|i\b|my\b|am\b|this\b)|,? y (?:tengo|mi|soy|me|llevo"
    r"|llamo|quer[íi]a|quiero|necesito|escribo|vivo|padezco)\b"
    r"|,? und (?:ich|habe|bin)\b|,? e (?:tenho|ho|sono|sou)\b"
    r"|,? et (?:j|mon\b|ma\b|je\b)"
)
_GOES_ON_ABROAD = re.compile(r",? (?:i (?:tinc|mam)|și am|si am|и (?:у )?меня|у меня|και έχω|bị|em bị)\b")
_DRUG_NEXT = re.compile(r"\s*(?:[Dd]os(?:e|is|i|agem|age)|Doza|Dawka|Class|Use|Liều|Доза)\b|\s*\d+ ?(?:mg|ml|g)\b")
_GIVEN_NEXT = re.compile(r"[ ,;]*\n?[ ]*(?:Pr[ée]noms?|Vorname|First name|Given name|Nombre|Prenume)[ ]?:")
_CALLS_AFTER = re.compile(r" (?:calling|speaking)\b|,? y llamo\b")
_TELLS_AFTER = re.compile(
    r" (?:reports|states|says|said|tells|told|gave|brought|called|refiere|dice|cuenta|aporta|explica)\b"
)
_LINE_END = re.compile(rf"(?:{CREDENTIALS_AFTER})?[ .!,]*(?:\n|$)")
_MARK_AFTER = re.compile(r"[ ]?[,:.!?\n]")
_FIELD_END = re.compile(r"[ \t]*(?:[,.;()\n|/\"”]|[-–]|\d|$|MRN|DOB|Age|[A-Z][\w ]{1,20}:|is\b|was\b|y/o|aged?\b)")
_IDENTIFIER_NEXT = re.compile(r"\.(?:\s*(?:N[.]?[ ]?[ºo°]|N[úu]m|Col\b|DNI|NHC|NIF|[Tt]el|[Tt]f)|[ ]*(?:\n|$))")
_FRENCH_WORDS = re.compile(r"[\s,](?:est|une|les|des|pour|avec|dans|depuis|ans|plaint|été)[\s,.]")


def cited(person: Person) -> bool:
    """Return whether the text after a name makes it an author's or a discoverer's: "et al", a year, "DL, Finelli L"."""
    return _CITED_AFTER.match(person.after) is not None or _AUTHOR_INITIALS.match(person.after) is not None


def introduced(person: Person) -> bool:
    """Return whether "named X" names a person of the text, not the one who described a disease."""
    return not cited(person)


def cited_before(person: Person) -> bool:
    """Return whether the text before a name makes it an author's or a discoverer's: "described by", "we thank"."""
    return _CITED_BEFORE.search(person.before) is not None


def treating(person: Person) -> bool:
    """Return whether a doctor is mentioned as someone's doctor, not as an author, a discoverer or an eponym."""
    if cited(person) or cited_before(person) or company(person):
        return False
    if len(person.words) == 1 and person.words[0] in ONLY_EPONYMS:
        return False
    return person.words[-1] not in EPONYMS or not eponym(person)


def addressed(person: Person) -> bool:
    """Return whether "doctor X" is a person and not "your doctor" before a heading: the sentence goes on after it."""
    if not treating(person) or (person.name.isupper() and max(map(len, person.words)) < 4):
        return False
    return known(person) or (not_medicine(person) and not eponym(person) and _goes_on(person))


def _goes_on(person: Person) -> bool:
    return _SENTENCE_AFTER.match(person.after) is not None


def sister(person: Person) -> bool:
    """Return whether "Sister X" is a nurse or a nun, not "Sister Chromatids": a given name, or someone acted upon."""
    return known(person) or (addressed(person) and _ACTED_BEFORE.search(person.before) is not None)


def called(person: Person) -> bool:
    """Return whether "Doctor X" is a person and not the words "your Doctor" in a heading."""
    return known(person) or (addressed(person) and _ANY_DOCTOR_BEFORE.search(person.before) is None)


def not_medicine(person: Person) -> bool:
    """Return whether no word is a medical term, an occupation or an eponym."""
    return not any(word in NOT_NAMES or word in EPONYMS or word in WORDS for word in person.words if len(word) > 1)


def family(person: Person) -> bool:
    """Return whether "my son X" names the son: a given name, or a word followed by "is", "has" or an age."""
    if known(person):
        return True
    if _GAVE_BEFORE.search(person.before) or eponym(person):
        return False
    odd = any(MEDICAL_ENDING.search(word) for word in person.words)
    goes_on = _PERSON_AFTER.match(person.after) or (
        _BESIDE_BEFORE.search(person.before) and person.after[:1] in ".;)" and not odd
    )
    return likely_full_name(person) or (bool(goes_on) and not_medicine(person))


def closes(person: Person) -> bool:
    """Return whether a name closes a letter: only the line's end after it, and no word for an occupation."""
    return _LINE_END.match(person.after) is not None and (known(person) or initialed(person) or not_medicine(person))


def closes_text(person: Person) -> bool:
    """Return whether a name after a dash ends the whole text: "- Susan"."""
    return person.after.strip(" .\n") == "" and known(person)


def miss(person: Person) -> bool:
    """Return whether "Miss X" is a person: a given name, or no medical term."""
    return known(person) or not_medicine(person)


def abroad(person: Person) -> bool:
    """Return whether a cue of another language introduces a name, not a common word, medical term or occupation."""
    return known(person) or (not_medicine(person) and plain(person.words[0]) not in WORDS and not eponym(person))


def present_abroad(person: Person) -> bool:
    """Return the same for "I am X", where a speaker continues after it."""
    return abroad(person) and (
        well_known(person)
        or (len(person.words) > 1 and _MARK_AFTER.match(person.after) is not None)
        or _GOES_ON_ABROAD.match(person.after) is not None
    )


def closes_abroad(person: Person) -> bool:
    """Return whether a name closes a letter of another language."""
    return abroad(person) and closes(person)


def greeted_abroad(person: Person) -> bool:
    """Return whether a greeting of another language names someone, followed by punctuation."""
    return abroad(person) and greeted(person)


def labelled_abroad(person: Person) -> bool:
    """Return whether a label of another language is followed by a name."""
    return abroad(person) and labelled(person)


def field_abroad(person: Person) -> bool:
    """Return whether a label that may also mark a speaker is followed by a name."""
    return abroad(person) and (field(person) or (len(person.words) > 1 and _LINE_END.match(person.after) is not None))


def titled_in_capitals(person: Person) -> bool:
    """Return whether "MRS X" is a person and not "MR IMAGING": a given name, or an action of a person next."""
    medical = any(MEDICAL_ENDING.search(word) for word in person.words)
    addressed_so = person.before.endswith("DEAR ") or _CAPITAL_VERB.match(person.after) is not None
    return known(person) or (not_medicine(person) and not medical and addressed_so)


def cared(person: Person) -> bool:
    """Return whether the person who treated a patient is named: two likely name words, or an initial and one."""
    return likely_full_name(person) or initialed(person)


def person_like(person: Person) -> bool:
    """Return whether two or more words are a person in running text, not a finding, a germ or a place."""
    if full_name(person):
        return True
    odd = any(
        MEDICAL_ENDING.search(word) or _GERM.search(word) or word in PLACES or word in _INSTITUTIONAL
        for word in person.words
        if word not in NAMES_AND_WORDS
    )
    return not odd and likely_full_name(person) and not cited(person)


def does_next(person: Person) -> bool:
    """Return whether a verb follows a name: "Today X walked"."""
    return _VERB_NEXT.match(person.after) is not None and person_like(person)


def greeted(person: Person) -> bool:
    """Return whether a greeting names someone and no place: a given name, or any other directly before punctuation."""
    return called_by(person) and not (len(person.words) == 1 and person.words[0] in PLACES)


def labelled(person: Person) -> bool:
    """Return whether the value after a label such as "next of kin" is a name: likely one, or alone on its line."""
    if _DRUG_NEXT.match(person.after):
        return False
    return likely(person) or initialed(person) or (not_medicine(person) and _LINE_END.match(person.after) is not None)


def field(person: Person) -> bool:
    """Return whether a labelled value is a person: a name that ends the field; a full stop may end a speaker's turn."""
    if _GIVEN_NEXT.match(person.after):
        return True
    if _FIELD_END.match(person.after) is None or _DRUG_NEXT.match(person.after):
        return False
    if person.name[0].upper() == person.name[0].lower():  # a script without capitals
        return True
    stop = person.after.startswith(".") and _IDENTIFIER_NEXT.match(person.after) is None
    return known(person) or ((likely(person) or initialed(person)) and not stop)


def present(person: Person) -> bool:
    """Return whether "I am X" or "this is X" gives a name: a well-known one, or two words before a continuation."""
    speaks = _SPEAKS_AFTER.match(person.after) is not None
    named = well_known(person) and (person.words[-1] not in EPONYMS or speaks)
    calls = _CALLS_AFTER.match(person.after) is not None and not_medicine(person)
    return named or calls or (likely_full_name(person) and speaks)


def called_by(person: Person) -> bool:
    """Return whether "call me X" gives a name: a given name, or any other directly before punctuation."""
    return known(person) or (
        not_medicine(person) and _MARK_AFTER.match(person.after) is not None and not eponym(person)
    )


def mentioned(person: Person) -> bool:
    """Return whether "daughter X" names her: a given name, or an action that only a person does."""
    return known(person) or (not_medicine(person) and _TELLS_AFTER.match(person.after) is not None)


def don(person: Person) -> bool:
    """Return whether "D." is a Spanish "don" and not a letter: at a sentence's start or after a small word."""
    return _STARTS.search(person.before) is not None and likely(person)


def monsieur(person: Person) -> bool:
    """Return whether "M." is a French "monsieur" and not a genus or an author's initial."""
    return _STARTS.search(person.before) is not None and _FRENCH_WORDS.search(person.text) is not None


def signs_a_note(person: Person) -> bool:
    """Return whether a name with a degree signs a note, where it could be an author or a speaker."""
    return full_name(person) and _AUTHOR_AFTER.match(person.after) is None


def signs_with_credential(person: Person) -> bool:
    """Return the same where the degree is not a state of the USA, so that the name need not be well known."""
    return likely_full_name(person) and _AUTHOR_AFTER.match(person.after) is None


def signs_on_its_line(person: Person) -> bool:
    """Return whether a name with its credentials has a line of its own, as a signature has."""
    before = person.text[max(0, person.start - 4) : person.start]
    return likely_full_name(person) and (person.start == 0 or before.strip(" \t-–—*~").endswith("\n"))


def aged_in_capitals(person: Person) -> bool:
    """Return whether the words before an age in a text of capitals are a person: two or three that open a line."""
    opens = person.text[: person.start].rstrip(" \t")[-1:] in ("", "\n", ".", ":")
    medical = any(MEDICAL_ENDING.search(word) for word in person.words)
    return opens and 1 < len(person.words) < 4 and likely_full_name(person) and not medical


def aged(person: Person) -> bool:
    """Return whether the words before an age are a person: likely a full name, or a well-known given one."""
    return likely_full_name(person) or well_known(person)
