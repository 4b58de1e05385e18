"""Rules that find people's names by what stands around them, in English, Spanish and French.

A capitalised word alone is never taken for a person: medical text is full of drugs, eponyms and authors that look the
same (a statistical tagger run over patients' questions flagged 56, of which 2 were right; Aloe Beta, arXiv 2505.04388).
A name is found by a cue (a title, a label, an introduction, a kinship, a signature, an age) and believed as far as
the cue can be trusted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from quality.personal.given_names import GIVEN_NAMES, NAMES_AND_WORDS
from quality.personal.name_cues import (
    AGE_AFTER,
    AGE_BEFORE,
    AUTHOR_AFTER,
    BARE_KIN,
    CARE,
    CARE_OR_MEANS,
    CITED_AFTER,
    CITED_BEFORE,
    CLOSING,
    CREDENTIAL_AFTER,
    DEGREE_AFTER,
    GREETING,
    IDENTIFIER_AFTER,
    INTRODUCTION,
    KIN,
    KIN_AFTER,
    LABEL_END,
    LIKELY_LABELS,
    NUMBER_AFTER,
    PERSON_VERB_AFTER,
    PROFESSION,
    SURE_LABELS,
    VERB_AFTER,
)
from quality.personal.not_names import EPONYMS, NEVER_NAMES, NOT_NAMES, ONLY_EPONYMS
from quality.personal.person_name import (
    NAME_START_HINT,
    Person,
    Trust,
    eponym,
    full_name,
    known,
    likely,
    likely_full_name,
    person_at,
    person_before,
    plain,
    surely,
    well_known,
)
from quality.personal.rule import Rule, hint_of

_CITED_AFTER = re.compile(CITED_AFTER)
_CITED_BEFORE = re.compile(CITED_BEFORE, re.IGNORECASE)
_AUTHOR_AFTER = re.compile(AUTHOR_AFTER)
_GAVE_BEFORE = re.compile(r"\b(?:gave|give|giving|put|feed|takes?|di|doy|dar)\s+(?:to\s+)?$", re.IGNORECASE)
_PERSON_AFTER = re.compile(r",?(?: who)? (?:is|was|has|had|tiene|ten[ií]a|es|est[áa]|a)\b|,? \(?\d{1,2}\b|,$")
_SENTENCE_AFTER = re.compile(r"[.,;:?!)'’]|\s*$|[ \t][a-zà-ÿ(]")
_TELLS_AFTER = re.compile(r" (?:reports|states|says|said|tells|told|gave|brought|called|refiere|dice|cuenta|aporta|explica)\b")
_LINE_END = re.compile(r"[ .!,]*(?:\n|$)")
_ANY_DOCTOR_BEFORE = re.compile(r"\b(?:your|an?|the|my|or|and|other|every|any|su|un|una|al|el|la)\s*$", re.IGNORECASE)
_ACTED_BEFORE = re.compile(r"\b(?:by|to|with|from|attention|attn|per|of)\s*$", re.IGNORECASE)
_COMMA = re.compile(r"[ ]?[,:.!?\n]")
_FIELD_END = re.compile(r"[ \t]*(?:[,.;()\n|/\"”]|[-–]|\d|$|MRN|DOB|Age|[A-Z][\w ]{1,20}:|is\b|was\b|y/o|aged?\b)")
_JOINED = re.compile(r"(?:, | and |, and | y | et )")
_STARTS = re.compile(r"(?:^|[\n:.(]|[ ,](?:a|y|de|por|que|con|par|chez|et|[Pp]acient?e|[Pp]atient))[ \t]*$")
_FRENCH_WORDS = re.compile(r"[\s,](?:est|une|les|des|pour|avec|dans|depuis|ans|plaint|été)[\s,.]")


# --- how far a cue is trusted ---


def _treating(person: Person) -> bool:
    """Say whether a doctor is spoken of as someone's doctor, not as an author, a discoverer or an eponym."""
    if _CITED_AFTER.match(person.after) or _CITED_BEFORE.search(person.before):
        return False
    if len(person.words) == 1 and person.words[0] in ONLY_EPONYMS:
        return False
    return person.words[-1] not in EPONYMS or not eponym(person)


def _addressed(person: Person) -> bool:
    """Say whether "doctor X" is a person and not "your doctor" before a heading: the sentence goes on after the name."""
    if not _treating(person) or (person.name.isupper() and max(map(len, person.words)) < 4):
        return False
    return known(person) or (_not_medicine(person) and not eponym(person) and _goes_on(person))


def _goes_on(person: Person) -> bool:
    return _SENTENCE_AFTER.match(person.after) is not None


def _sister(person: Person) -> bool:
    """Say whether "Sister X" is a nurse or a nun and no "Sister Chromatids": a given name, or someone acted upon."""
    return known(person) or (_addressed(person) and _ACTED_BEFORE.search(person.before) is not None)


def _called(person: Person) -> bool:
    """Say whether "Doctor X" is a person and not the words "your Doctor" in a heading."""
    return known(person) or (_addressed(person) and _ANY_DOCTOR_BEFORE.search(person.before) is None)


def _not_medicine(person: Person) -> bool:
    return not any(word in NOT_NAMES or word in EPONYMS for word in person.words)


def _family(person: Person) -> bool:
    """Say whether "my son X" names the son: a given name, or a word that "is", "has" or gets an age right after."""
    if known(person):
        return True
    if _GAVE_BEFORE.search(person.before) or eponym(person):
        return False
    return likely_full_name(person) or _PERSON_AFTER.match(person.after) is not None and _not_medicine(person)


def _closes(person: Person) -> bool:
    """Say whether a name closes a letter: nothing but the line's end after it, and no word of the trade."""
    return _LINE_END.match(person.after) is not None and (known(person) or _not_medicine(person))


def _closes_text(person: Person) -> bool:
    """Say whether a name after a dash ends the whole text: "- Susan"."""
    return person.after.strip(" .\n") == "" and known(person)


def _greeted(person: Person) -> bool:
    """Say whether a greeting names someone: a given name, or any other word with a mark right after it."""
    return known(person) or (_not_medicine(person) and _COMMA.match(person.after) is not None and not eponym(person))


def _labelled(person: Person) -> bool:
    return likely(person) or (_not_medicine(person) and _LINE_END.match(person.after) is not None)


def _field(person: Person) -> bool:
    """Say whether a labelled value is a person: a name, and the field ends with it; a stop may end a speaker's turn."""
    if _FIELD_END.match(person.after) is None:
        return False
    return known(person) or (likely(person) and not person.after.startswith("."))


def _present(person: Person) -> bool:
    """Say whether "I am X" or "this is X" gives a name: a well-known one, or two words and a mark."""
    return well_known(person) or (likely_full_name(person) and re.match(r"[,.]| calling| speaking", person.after) is not None)


def _mentioned(person: Person) -> bool:
    """Say whether "daughter X" names her: as "this is X" does, or by what only a person does next."""
    return _present(person) or (_not_medicine(person) and _TELLS_AFTER.match(person.after) is not None)


def _don(person: Person) -> bool:
    """Say whether "D." is a Spanish "don" and not a letter: at a sentence's start or after a small word."""
    return _STARTS.search(person.before) is not None and likely(person)


def _monsieur(person: Person) -> bool:
    """Say whether "M." is a French "monsieur" and not a genus or an author's initial."""
    return _STARTS.search(person.before) is not None and _FRENCH_WORDS.search(person.text) is not None


def _signs_a_note(person: Person) -> bool:
    """Say whether a name with a degree signs a note, where it could be an author or a speaker."""
    return full_name(person) and _AUTHOR_AFTER.match(person.after) is None


def _signs_with_credential(person: Person) -> bool:
    return likely_full_name(person) and _AUTHOR_AFTER.match(person.after) is None


def _aged(person: Person) -> bool:
    return likely_full_name(person) or well_known(person)


# --- rules ---


def _cue(name: str, cue: str, trust: Trust, *, certain: bool = False, many: bool = False) -> Rule:
    """Return the rule of names that follow a cue; ``certain`` allows words that are names only there, ``many`` a list."""
    pattern = re.compile(rf"(?<![\w-]){cue}")
    stops = NEVER_NAMES if certain else NOT_NAMES

    def spans(text: str) -> Iterator[tuple[int, int]]:
        for match in pattern.finditer(text):
            start: int | None = match.end()
            while start is not None and (person := person_at(text, start, match.start(), stops)) and trust(person):
                yield person.start, person.end
                joined = _JOINED.match(text, person.end) if many else None
                start = joined.end() if joined else None

    return Rule(name=f"name-{name}", kind="NAME", hint=f"(?:^|[^A-Za-z0-9_-]){hint_of(pattern)}{NAME_START_HINT}", spans=spans)


def _tail(name: str, tail: str, trust: Trust) -> Rule:
    """Return the rule of names that stand right before what gives them away."""
    pattern = re.compile(tail)

    def spans(text: str) -> Iterator[tuple[int, int]]:
        for match in pattern.finditer(text):
            person = person_before(text, match.start())
            if person is not None and trust(person) and not _CITED_BEFORE.search(person.before):
                yield person.start, person.end

    return Rule(name=f"name-{name}", kind="NAME", hint=r"\p{Lu}[\p{L}’'-]+" + hint_of(pattern), spans=spans)


# --- names in lower case: patients in a hurry, transcripts of speech ---

_LOWER_WORDS = r"(?P<first>[a-zà-ÿ]{2,})(?:[ ](?P<second>[a-zà-ÿ]{2,}))?"
_LOWER_INTRODUCTION = re.compile(
    r"(?i:(?:my|his|her|patient[’']?s) name(?: is|[’']s)|patient is|this is|me llamo|mi nombre es|je m[’']appelle|doctora?|miss|mister|i[’']?m|i am|soy|je suis) +"
    + _LOWER_WORDS
)
_LOWER_GREETING = re.compile(rf"(?:hi|hello|hey|hola|good (?:morning|afternoon))[ ,]{{1,3}}{_LOWER_WORDS}")
_LOWER_TITLE = re.compile(rf"(?:mrs?|ms|dra?|sra?)[ ]?\.[ ]?{_LOWER_WORDS}")
_LOWER_AGE = re.compile(rf"{_LOWER_WORDS},? is an? \d{{1,3}} ?-? ?years?[- ]old")
_AUTHOR_INITIALS = re.compile(r"[ ]+[A-Z]{1,3}[,.;]")
_MARK_AFTER = re.compile(r"[ ]?[.,;:?!)]|[ ]?[’']s\b|\s*$")


def _lower(name: str, pattern: re.Pattern[str], trust: Callable[[str, re.Match[str]], bool]) -> Rule:
    """Return the rule of names in lower case: a believed word, and the next one unless it cannot be a surname."""
    cue = re.compile(rf"(?<![\w-]){pattern.pattern}")

    def spans(text: str) -> Iterator[tuple[int, int]]:
        for match in cue.finditer(text):
            alone = match["second"] is None or plain(match["second"]) in NOT_NAMES
            if trust("first", match):
                yield match.start("first"), match.end("first" if alone else "second")
            elif not alone and pattern is _LOWER_AGE and trust("second", match):
                yield match.span("second")

    return Rule(name=f"name-lower-{name}", kind="NAME", hint=f"(?:^|[^A-Za-z0-9_-]){hint_of(pattern)}", spans=spans)


def _given(word: str, match: re.Match[str]) -> bool:
    return plain(match[word]) in GIVEN_NAMES and plain(match[word]) not in NOT_NAMES


def _greeted_alone(word: str, match: re.Match[str]) -> bool:
    """Say whether a greeting is followed by a given name and then by nothing that could be a surname."""
    return _given(word, match) and (match["second"] is None or plain(match["second"]) in NOT_NAMES)


def _titled(word: str, match: re.Match[str]) -> bool:
    """Say whether "dr. x" is a name and not "my dr. said": a given name, or a word that a mark follows."""
    marked = _MARK_AFTER.match(match.string, match.end(word)) is not None
    return _given(word, match) or (marked and plain(match[word]) not in NOT_NAMES)


NAME_RULES: tuple[Rule, ...] = (
    _cue("doctor", r"(?:D[Rr][Aa]?|Profa?|Docteur|Professor)(?:\.[ \t\xa0]{0,2}|[ \t\xa0]{1,2})", _treating, certain=True),
    _cue("doctors", r"(?:D[Rr]s|Dres)\.?[ ]", _treating, certain=True, many=True),
    _cue(
        "title",
        r"(?:(?:Mrs?|Ms|Mx|Sra?|Srta|Sres|D[ñn]a|Mme|Mlle)(?:\.[ \t\xa0]{0,2}|[ \t\xa0]{1,2})"
        r"|M(?:RS?|S)\.[ ](?=[A-Z][A-Z.])|(?:Madam|Mister|Don|Do[ñn]a|Monsieur|Madame)[ \t\xa0]{1,2})",
        surely,
        certain=True,
    ),
    _cue("title-capitals", r"(?:M(?:RS?|S)|MISS|DR)[ ](?=[A-Z]{2})", known),
    _cue("miss", r"Miss[ ]", _not_medicine),
    _cue("don", r"D\.[ ]", _don),
    _cue("monsieur", r"M\.[ ]", _monsieur),
    _cue("profession", rf"{PROFESSION}[ ]", _addressed),
    _cue("profession-capital", r"(?:Doctora?|Nurse|Midwife|Enfermer[oa]|Matrona)[ ]", _called),
    _cue("sister", r"Sister[ ]", _sister),
    _cue("introduction", rf"(?i:{INTRODUCTION})[ ](?:is[ ]|(?:Mr|Mrs|Ms|Dr|Dra)\.?[ ])?", surely, certain=True),
    _cue("present", r"(?i:(?:i[’']?m|i am|soy|je suis|this is|le habla|it[’']s))[ ]", _present),
    _cue("kin", rf"(?i:{KIN}),?[ ](?:named[ ]|called[ ])?(?:(?:el|la)[ ])?", _family),
    _cue("bare-kin", rf"{BARE_KIN},?[ ]", _mentioned),
    _cue("label", rf"(?i:{SURE_LABELS}){LABEL_END}", _labelled),
    _cue("field", rf"(?i:{LIKELY_LABELS}){LABEL_END}", _field),
    _cue("greeting", rf"(?i:{GREETING}(?: there)?[ ,]{{1,2}})", _greeted),
    _cue("closing", rf"(?i:{CLOSING})[ ]?[,.!–-]*\s{{1,3}}", _closes),
    _cue("dash", r"\n[ ]?(?:[-–—]{1,2}|[*~]) ?", _closes_text),
    _cue("care", rf"(?i:{CARE})[ ](?:(?:her|his|a|the) [a-z]+,?[ ])?", likely_full_name),
    _cue("care-or-means", rf"(?i:{CARE_OR_MEANS})[ ](?:(?:her|his|a|the) [a-z]+,?[ ])?", full_name),
    _cue("after-age", rf"(?i:{AGE_BEFORE})[ ]", likely_full_name),
    _tail("age", AGE_AFTER, _aged),
    _tail("number", NUMBER_AFTER, full_name),
    _tail("kin-after", KIN_AFTER, likely_full_name),
    _tail("identifier", IDENTIFIER_AFTER, likely_full_name),
    _tail("person-verb", PERSON_VERB_AFTER, likely_full_name),
    _tail("verb", VERB_AFTER, full_name),
    _tail("degree", DEGREE_AFTER, _signs_a_note),
    _tail("credential", CREDENTIAL_AFTER, _signs_with_credential),
    _lower("introduction", _LOWER_INTRODUCTION, _given),
    _lower("greeting", _LOWER_GREETING, _greeted_alone),
    _lower("title", _LOWER_TITLE, _titled),
    _lower("age", _LOWER_AGE, _given),
)


# --- the same person again ---


def name_again(text: str, names: Iterable[str]) -> Iterator[tuple[int, int]]:
    """Yield where words of names already found in a text stand again without a cue: "Karen continues to do well".

    Words that are also words, places or eponyms do not count, nor does a surname before a year or "et al".
    """
    words = {word for name in names for word in re.findall(r"[^\W\d_]{3,}", name) if _is_only_a_name(plain(word))}
    if not words:
        return
    for match in re.finditer(rf"(?<!\w)(?:{'|'.join(sorted(words))})(?!\w)", text):
        person = Person(text, match.start(), match.start(), match.end(), (plain(match[0]),))
        if not (eponym(person) or _CITED_AFTER.match(person.after) or _AUTHOR_INITIALS.match(person.after)):
            yield match.span()


def _is_only_a_name(word: str) -> bool:
    return word not in NOT_NAMES and word not in NAMES_AND_WORDS and (word in GIVEN_NAMES or word not in EPONYMS)


AGAIN = Rule(name="name-again", kind="NAME", hint="", spans=lambda text: iter(()))
"""What a finding by ``name_again`` is named after."""
