"""Rules for people's names by their context, in English, Spanish and French.

A capitalised word alone never counts: medical text is full of drugs, eponyms and authors that look the same (a
statistical tagger run over patients' questions flagged 56, of which 2 were right; Aloe Beta, arXiv 2505.04388). A name
is found by a cue (a title, a label, an introduction, a kinship, a signature, an age), each with its own conditions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

from quality.privacy import name_confidence as trust
from quality.privacy import name_cues as cues
from quality.privacy import other_languages as other
from quality.privacy.given_names import GIVEN_NAMES, NAMES_AND_WORDS
from quality.privacy.lowercase_names import LOWER_NAME_RULES
from quality.privacy.name_form import (
    NAME_START_HINT,
    Person,
    Trust,
    eponym,
    full_name,
    likely_full_name,
    person_at,
    person_before,
    plain,
    surely,
)
from quality.privacy.not_names import EPONYMS, NEVER_NAMES, NOT_NAMES
from quality.privacy.privacy_rule import (
    BEYOND_ASCII,
    CAPITAL,
    CUE_START,
    CUE_START_HINT,
    LATER_CAPITAL,
    LETTER,
    Rule,
    hint_of,
    together,
)

_CAPITAL_WORD = rf"{CAPITAL}(?:{LETTER}|['-])+"
_CAPITAL_AND_MORE = _CAPITAL_WORD + "[^A-Za-z]"
_TITLE = (
    r"(?:D[Rr](?:[aA]|s)?|M(?:[xs]|[rR][sS]?|S|iss|ISS|lle|me)|S(?:r|ra|rta|res))[.\t\xa0 ]|[DM]\. |D[ñn]a|Dres"
    r"|Prof|Doct|[Dd]ott|Sig|sig[. r]|Sist|Mada|Miste|[Dd]on[ \t\xa0]|[Dd]o[ñn]a|[Mm]onsi|[Mm]adam|Herr|Frau|[Ss]ign"
    r"|[Ss]e[ñn]or|[Ss]enho|doctor|[Nn]urse|[Mm]idwi|[Ee]nferm|profes|[Mm]atron|infirm"
)
"""Pattern that every text with a title contains."""
_SIGN = r"[:=|–-]\**[ \t]*[\"“]?" + NAME_START_HINT
"""Pattern that every text with a label contains: a name, or a title, after the label's sign."""
_LABEL = 60  # characters that the longest label takes
_LABEL_SIGN = re.compile(cues.LABEL_SIGN)
_OPENS_A_FIELD = re.compile(r"(?:^|[\n|]|[ \t]{2}|[.;] )[ \t*#>-]{0,6}(?:[Ee]lectronically )?$")
_JOINED = re.compile(r"(?:, | and |, and | y | et )")


def _cue(name: str, cue: str, believe: Trust, *, certain: bool = False, many: bool = False, then: str = "") -> Rule:
    """Return the rule of names after a cue; ``certain`` allows words that are names only there, ``many`` a list.

    ``then`` is a pattern that every text has after the name's start, where that narrows the hint.
    """
    pattern = re.compile(CUE_START + cue)
    stops = NEVER_NAMES if certain else NOT_NAMES

    def spans(text: str) -> Iterator[tuple[int, int]]:
        for match in pattern.finditer(text):
            start: int | None = match.end()
            while start is not None and (person := person_at(text, start, match.start(), stops)) and believe(person):
                yield person.start, person.end
                joined = _JOINED.match(text, person.end) if many else None
                start = joined.end() if joined else None

    hint = CUE_START_HINT + hint_of(re.compile(cue)) + NAME_START_HINT + then
    return Rule(name=f"name-{name}", kind="NAME", hint=hint, spans=spans)


@lru_cache(maxsize=8192)
def _values(text: str) -> tuple[Person, ...]:
    """Return possible names directly after a label's sign; the same for every rule of labels."""
    people = (person_at(text, match.end(), match.start(), NOT_NAMES) for match in _LABEL_SIGN.finditer(text))
    return tuple(filter(None, people))


def _label(name: str, labels: str, believe: Trust, *, form: bool = False) -> Rule:
    """Return the rule of names after a label. The value is checked first: few in a dialogue are names.

    In a ``form``, a label at the start of its line may have "Surname, Given" as its value.
    """
    label = re.compile(rf"{CUE_START}(?i:{labels}){cues.LABEL_END}$")

    def spans(text: str) -> Iterator[tuple[int, int]]:
        for person in _values(text):
            labelled = label.search(text, max(0, person.cue - _LABEL), person.cue)
            if labelled and form and _OPENS_A_FIELD.search(text, max(0, labelled.start() - _LABEL), labelled.start()):
                person = person_at(text, person.start, person.cue, NOT_NAMES, field=True) or person
            if labelled and believe(person):
                yield person.start, person.end

    start = f"{CUE_START_HINT}(?i:{labels}){cues.LABEL_END.replace('{1,20}', '+')}"
    return Rule(name=f"name-{name}", kind="NAME", hint=start + hint_of(_LABEL_SIGN) + NAME_START_HINT, spans=spans)


def _tail(name: str, tail: str, believe: Trust) -> Rule:
    """Return the rule of names directly before their cue."""
    pattern = re.compile(tail)

    def spans(text: str) -> Iterator[tuple[int, int]]:
        for match in pattern.finditer(text):
            person = person_before(text, match.start())
            if person is not None and believe(person) and not trust.cited_before(person):
                yield person.start, person.end

    return Rule(name=f"name-{name}", kind="NAME", hint=_CAPITAL_WORD + hint_of(pattern), spans=spans)


NAME_RULES: tuple[Rule, ...] = (
    *together(
        "titles",
        (LATER_CAPITAL, _TITLE),
        _cue(
            "doctor",
            r"(?:D[Rr][Aa]?|Profa?|Docteur|Professor)(?:\.[ \t\xa0]{0,2}|[ \t\xa0]{1,2})",
            trust.treating,
            certain=True,
        ),
        _cue("doctors", r"(?:D[Rr]s|Dres)\.?[ ]", trust.treating, certain=True, many=True),
        _cue(
            "title",
            r"(?:(?:Mrs?|Ms|Mx|Sra?|Srta|Sres|D[ñn]a|Mme|Mlle)(?:\.[ \t\xa0]{0,2}|[ \t\xa0]{1,2})"
            r"|M(?:RS?|S)\.[ ](?=[A-Z][A-Z.])|(?:[Ss]ig(?:\.ra|\.na|ra)?|[Dd]ott(?:\.ssa|oressa|ore)?)(?:\.[ ]?|[ ])"
            r"|(?:Madam|Mister|[Dd]on|[Dd]o[ñn]a|Monsieur|Madame|Herrn?|Frau|[Ss]ignor[ae]?|[Ss]ignorina"
            r"|[Ss]enhora?)[ \t\xa0]{1,2})",
            surely,
            certain=True,
        ),
        _cue("title-capitals", r"(?:M(?:RS?|S)|MISS|DR)[ ](?=[^\W\d_a-z]{2})", trust.titled_in_capitals),
        _cue("miss", r"Miss[ ]", trust.miss),
        _cue("don", r"D\.[ ]", trust.don),
        _cue("monsieur", r"M\.[ ]", trust.monsieur),
        _cue("profession", rf"{cues.PROFESSION}[ ]", trust.addressed),
        _cue("profession-capital", r"(?:Doctora?|Nurse|Midwife|Enfermer[oa]|Matrona)[ ]", trust.called),
        _cue("sister", r"Sister[ ]", trust.sister),
    ),
    *together(
        "introductions",
        (LATER_CAPITAL,),
        _cue(
            "introduction",
            rf"(?i:{cues.INTRODUCTION})[ ](?:is[ ]|(?:Mr|Mrs|Ms|Dr|Dra)\.?[ ])?",
            trust.introduced,
            certain=True,
        ),
        _cue(
            "present",
            r"(?i:(?:i[’']?m|i am|soy|je suis|ich bin|sono|sou(?: [oa])?|soc (?:en|la)|this is|le habla|it[’']s))[ ]",
            trust.present,
        ),
        _cue("called", rf"(?i:{cues.CALLED})[ ]", trust.called_by),
    ),
    *together(
        "kin",
        (LATER_CAPITAL,),
        _cue("kin", rf"(?i:{cues.KIN}),?[ ](?:named[ ]|called[ ])?(?:(?:el|la)[ ])?", trust.family),
    ),
    *together("introductions", (LATER_CAPITAL,), _cue("bare-kin", rf"{cues.BARE_KIN},?[ ]", trust.mentioned)),
    *together(
        "labels",
        (LATER_CAPITAL, _SIGN),
        _label("label", cues.SURE_LABELS, trust.labelled, form=True),
        _label("form", cues.FORM_LABELS, trust.field, form=True),
    ),
    *together("fields", (LATER_CAPITAL, _SIGN), _label("field", cues.LIKELY_LABELS, trust.field)),
    *together(
        "introductions",
        (LATER_CAPITAL,),
        _cue("greeting", rf"(?i:{cues.GREETING}(?: there)?[ ,]{{1,2}})", trust.greeted),
    ),
    *together(
        "kin",
        (LATER_CAPITAL,),
        _cue("closing", rf"(?i:{cues.CLOSING})[ ]?[,.!–-]*\s{{1,3}}", trust.closes),
        _cue("dash", r"\n[ ]?(?:[-–—]{1,2}|[*~]) ?(?=[^\n]{2,70}\s*$)", trust.closes_text, then=r"[^\n]*\s*$"),
    ),
    *together(
        "care",
        (LATER_CAPITAL,),
        _cue("care", rf"(?i:{cues.CARE})[ ](?:(?:her|his|a|the) [a-z]+,?[ ])?", trust.cared),
        _cue("spoken-of", rf"(?i:{cues.SPOKEN_OF})[ ]", trust.person_like),
    ),
    *together(
        "introductions",
        (LATER_CAPITAL,),
        _cue("role", rf"{cues.ROLE}[, ][ ]?", trust.person_like),
        _cue("day", rf"{cues.DAY},?[ ]", trust.does_next),
    ),
    *together(
        "care",
        (LATER_CAPITAL,),
        _cue("care-or-means", rf"(?i:{cues.CARE_OR_MEANS})[ ](?:(?:her|his|a|the) [a-z]+,?[ ])?", full_name),
        _cue("after-age", rf"(?i:{cues.AGE_BEFORE})[ ]", likely_full_name),
    ),
    *together(
        "tails",
        (_CAPITAL_AND_MORE,),
        _tail("age", cues.AGE_AFTER, trust.aged),
        _tail("age-capitals", r",? (?:AN? )?\d{1,3}[- ]?(?:YEARS?|YRS?|Y)[- /]?O(?:LD)?(?!\w)", trust.aged_in_capitals),
        _tail("number", cues.NUMBER_AFTER, full_name),
        _tail("kin-after", cues.KIN_AFTER, likely_full_name),
        _tail("identifier", cues.IDENTIFIER_AFTER, likely_full_name),
        _tail("bed", cues.BED_AFTER, trust.person_like),
        _tail("person-verb", cues.PERSON_VERB_AFTER, trust.person_like),
        _tail("patient-verb", cues.PATIENT_VERB_AFTER, trust.person_like),
        _tail("verb", cues.VERB_AFTER, full_name),
        _tail("degree", cues.DEGREE_AFTER, trust.signs_a_note),
        _tail("signature", cues.CREDENTIALS_LINE, trust.signs_on_its_line),
        _tail("credential", cues.CREDENTIAL_AFTER, trust.signs_with_credential),
    ),
    *together(
        "other languages",
        (BEYOND_ASCII, LATER_CAPITAL),
        _cue("title-abroad", other.TITLE, trust.abroad, certain=True),
        _cue("introduction-abroad", rf"(?i:{other.INTRODUCTION})[ ]", trust.abroad, certain=True),
        _cue("present-abroad", rf"(?i:{other.PRESENT})[ ]?", trust.present_abroad),
        _cue("kin-abroad", rf"(?i:{other.KIN}),?[ ]", trust.abroad),
        _cue("closing-abroad", rf"(?i:{other.CLOSING})[ ]?[,.!–-]*\s{{1,3}}", trust.closes_abroad),
        _cue("greeting-abroad", rf"(?i:{other.GREETING})[ ,]{{1,2}}", trust.greeted_abroad),
    ),
    *together(
        "labels of other languages",
        (BEYOND_ASCII, LATER_CAPITAL, _SIGN),
        _label("label-abroad", other.SURE_LABELS, trust.labelled_abroad, form=True),
        _label("field-abroad", other.LIKELY_LABELS, trust.field_abroad, form=True),
    ),
    *LOWER_NAME_RULES,
)


def again(names: Iterable[str]) -> Callable[[str], Iterator[tuple[int, int]]]:
    """Return a function that finds repeated mentions of known names without a cue: "Karen continues to do well".

    Words that are also words, places or eponyms do not count, nor does a surname before a year or "et al".
    """
    words = sorted({word for name in names for word in re.findall(r"[^\W\d_]{3,}", name) if _only_a_name(plain(word))})
    pattern = re.compile(rf"(?<!\w)(?:{'|'.join(words)})(?!\w)") if words else None

    def spans(text: str) -> Iterator[tuple[int, int]]:
        if pattern is None or not any(word in text for word in words):
            return
        for match in pattern.finditer(text):
            person = Person(text, match.start(), match.start(), match.end(), (plain(match[0]),))
            if not eponym(person) and not trust.cited(person):
                yield match.span()

    return spans


def _only_a_name(word: str) -> bool:
    return word not in NOT_NAMES and word not in NAMES_AND_WORDS and (word in GIVEN_NAMES or word not in EPONYMS)
