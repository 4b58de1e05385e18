"""Rules that find people's names by what stands around them, in English, Spanish and French.

A capitalised word alone is never taken for a person: medical text is full of drugs, eponyms and authors that look the
same (a statistical tagger run over patients' questions flagged 56, of which 2 were right; Aloe Beta, arXiv 2505.04388).
A name is found by a cue (a title, a label, an introduction, a kinship, a signature, an age) and believed as far as
the cue can be trusted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from quality.personal.given_names import GIVEN_NAMES
from quality.personal.not_names import EPONYM_HEADS, EPONYMS, NOT_NAMES
from quality.personal.person_name import (
    Person,
    Trust,
    full_name,
    known,
    likely,
    person_at,
    persons_in,
    plain,
    surely,
    well_known,
)
from quality.personal.rule import Rule, Spans

_GAP = r"[ \t\xa0]{1,2}"

# --- a doctor who treats, not one who is cited or remembered ---

_CITED_AFTER = re.compile(
    r"(?:[’']s?)?[ ,]*(?:et al|and (?:his |her )?(?:colleagues|co-?workers|team|associates)|y (?:sus )?col(?:s\.|aboradores|egas)"
    r"|et coll|\(?(?:1[5-9]\d\d|20\d\d)\)|of the \w+ (?:Institute|University|Foundation)"
    r"|[^.\n]{0,60}\b(?:in|en|of|around|since|during|de) (?:1[5-8]\d\d|19[0-8]\d)\b"
    r"|[^.\n]{0,40}\b(?:published|invented|discovered|pioneered|coined|Nobel|reported in|wrote in|writes in|public[óo]|descubri[óo]|invent[óo])\b"
    r"|[’']s? (?:study|studies|trial|research|book|theory|diet|method|work|paper|group|laborator|lab\b|team))",
)
_CITED_BEFORE = re.compile(
    r"(?:(?:named|called) (?:after|for|in honou?r of)|(?:described|discovered|invented|developed|published|written|authored"
    r"|edited|introduced|proposed|pioneered|descrita?|descubiert[oa]|publicad[oa]) (?:in \d{4} )?(?:by|por(?: el| la)?)"
    r"|(?:reviewed|updated|authors?|editors?|edited|written|courtesy|credit)(?: by)?:|\b(?:laborator(?:y|ies)|work|research|team) of)\s*$",
    re.IGNORECASE,
)


def _treating(person: Person) -> bool:
    """Say whether a doctor is spoken of as someone's doctor, not as an author, a discoverer or an eponym."""
    if _CITED_AFTER.match(person.after) or _CITED_BEFORE.search(person.before):
        return False
    eponym = re.match(rf"(?:[’']s?)?[ -]{EPONYM_HEADS}", person.after, re.IGNORECASE)
    return eponym is None or person.words[-1] not in EPONYMS


# --- cues that stand before a name ---


def _after_cue(cue: str, trust: Trust, *, many: bool = False, weak: bool = False) -> Spans:
    """Return the spans of names that follow a cue and are believed; ``many`` also takes "Smith and Jones"."""
    pattern = re.compile(cue)
    stops = {"stops": NOT_NAMES} if weak else {}

    def spans(text: str) -> Iterator[tuple[int, int]]:
        for match in pattern.finditer(text):
            start = match.end()
            while person := person_at(text, start, match.start(), **stops):
                if not trust(person):
                    break
                yield person.start, person.end
                joined = re.compile(r"(?:, | and |, and | y | et )").match(text, person.end) if many else None
                if joined is None:
                    break
                start = joined.end()

    return spans


def _given_away(person: Person) -> bool:
    """Say whether "my son X" names the son: a given name, or a word that "is", "has" or gets an age right after."""
    if known(person):
        return True
    if re.search(r"(?i)\b(?:gave|give|giving|put|feed|takes?|di|doy|dar)\s+(?:to\s+)?$", person.before):
        return False
    goes_on = re.match(r",?(?: who)? (?:is|was|has|had|tiene|ten[ií]a|es|est[áa]|a)\b|,? \(?\d{1,2}\b|,$", person.after)
    return goes_on is not None and likely(person._replace(words=(*person.words, "x")))


def _closing(person: Person) -> bool:
    """Say whether a name closes a letter: nothing but the line's end after it, and no word of the trade."""
    if not re.match(r"[ .!,]*(?:\n|$)", person.after):
        return False
    return known(person) or not any(word in NOT_NAMES for word in person.words)


_KIN = (
    r"son|daughter|wife|husband|mother|father|mom|mum|dad|brother|sister|grandmother|grandfather|grandson|granddaughter|"
    r"aunt|uncle|niece|nephew|cousin|friend|boyfriend|girlfriend|partner|fianc[eé]e?|baby|child|kid|boy|girl|twins?|"
    r"neighbou?r|roommate|doctor|gp|physician|nurse|midwife|surgeon|dentist|therapist|psychiatrist|cardiologist|neurologist|"
    r"oncologist|pediatrician|dermatologist|gynecologist|caregiver"
)
_KIN_ES = (
    r"hij[oa]|espos[oa]|mujer|marido|madre|padre|mam[áa]|pap[áa]|herman[oa]|abuel[oa]|niet[oa]|t[íi][oa]|sobrin[oa]|prim[oa]|"
    r"amig[oa]|novi[oa]|pareja|beb[ée]|ni[ñn][oa]|vecin[oa]|m[ée]dic[oa]|doctora?|enfermer[oa]|ginec[óo]log[oa]|pediatra|dentista"
)
_KIN_FR = r"fils|fille|femme|mari|m[èe]re|p[èe]re|fr[èe]re|s[œo]eur|amie?|copine?|b[ée]b[ée]|m[ée]decin|enfant"

_SURE_LABELS = (
    r"(?:patient|pt|client|subject|member|insured|policy ?holder)(?:['’]s)?[ ]?(?:full )?name|name of (?:the )?patient|full name|"
    r"(?:first|last|given|family|maiden) ?name|surname|next of kin|emergency contact(?: person)?|contact person|"
    r"(?:electronically )?signed(?: by)?|dictated(?: by)?|transcribed(?: by)?|attending(?: (?:physician|surgeon|doctor|md))?|"
    r"(?:primary|assistant|operating|referring|ordering|consulting|treating|admitting|family) (?:care )?(?:surgeon|physician|doctor|provider)|"
    r"surgeon|anesthesiologist|resident|consultant|pcp|primary care provider|legal guardian|guardian|"
    r"nombre(?: y apellidos?| completo| del paciente| de la paciente)|apellidos?(?: y nombres?)?|persona de contacto|"
    r"firmado(?: por)?|fdo\.?|m[ée]dico(?: (?:responsable|tratante|adjunto|remitente|solicitante|de cabecera|de familia))|"
    r"cirujan[oa](?: principal)?|anestesista|facultativo|familiar de contacto|tutor(?: legal)?|"
    r"nom(?: et pr[ée]nom| du patient| de famille)|pr[ée]nom|m[ée]decin traitant|personne [àa] contacter|sign[ée](?: par)?"
)
_LIKELY_LABELS = (
    r"patient|pt|name|client|contact|physician|doctor|provider|nurse|midwife|therapist|interviewer|informant|caregiver|"
    r"mother|father|husband|wife|spouse|son|daughter|brother|sister|partner|re|attn|attention|cc|from|to|"
    r"paciente|nombre|m[ée]dico|m[ée]dica|enfermer[oa]|matrona|espos[oa]|marido|hij[oa]|madre|padre|herman[oa]|remitente|"
    r"informante|acompa[ñn]ante|familiar|nom|infirmi[èe]re?|m[ée]decin|[ée]poux|[ée]pouse"
)
_LABEL_END = r"[ \t]?(?:\([^)\n]{1,20}\))?[ \t]*[:=–-]{1,2}[ \t]*(?:(?:Mr|Mrs|Ms|Dr|Dra|Sr|Sra|Mme|D|D[ñn]a)\.?[ ])?[\"“]?"
_LABEL_START = r"(?im:(?<![\w-])(?:"


def _field(person: Person) -> bool:
    """Say whether a labelled value is a person: likely a name, and the field ends with it."""
    if not likely(person):
        return False
    ends = re.match(r"[ \t]*(?:[,.;()\n|/\"”]|[-–]|\d|$|MRN|DOB|Age|[A-Z][\w ]{1,20}:|is\b|was\b|y/o|aged?\b)", person.after)
    return ends is not None


_CUES: tuple[tuple[str, str, str, Trust, bool, bool], ...] = (
    # name, hint, cue, trust, many, weak
    (
        "doctor-title",
        r"\b(?-u:D[Rr][as]?|Prof|Drs|Docteur|Profa?)\b\.?[ \t]*[A-Z\p{Lu}]",
        r"(?<![\w-])(?:D[Rr][Aa]?s?|Profa?|Docteur|Professor)(?:\.[ \t\xa0]{0,2}|[ \t\xa0]{1,2})",
        _treating,
        True,
        False,
    ),
    (
        "title",
        r"(?-u:\b)(?:M[rR]s?|M[sS]|Mx|Miss|Master|Madam|S[rR]a?|Srta|Sres|Don|Doña|D[ñn]a|Do[ñn]a|Mme|Mlle|Monsieur|Madame)\.?[ \t\x{a0}]{0,2}\p{Lu}",
        r"(?<![\w-])(?:(?:Mrs?|Ms|Mx|Sra?|Srta|Sres|D[ñn]a|Mme|Mlle)(?:\.[ \t\xa0]{0,2}|[ \t\xa0]{1,2})"
        r"|M(?:RS?|S)\.[ ]|(?:Miss|Madam|Don|Do[ñn]a|Monsieur|Madame|Master)[ \t\xa0]{1,2})",
        surely,
        True,
        False,
    ),
    (
        "short-title",
        r"(?-u:\b)[DM]\. ?\p{Lu}\p{Ll}",
        r"(?:^|(?<=[\n:.] )|(?<=\n)|(?<=\bde )|(?<=\bpar )|(?<=\bchez )|(?<=\bpor )|(?<=\bque )|(?<=\ba )|(?<=\bcon )"
        r"|(?<=[Pp]aciente ))(?<![Vv]itamin )(?<![Vv]itamina )[DM]\.[ ]",
        well_known,
        False,
        True,
    ),
    (
        "profession",
        r"(?-u:\b)(?:[Dd]octora?|[Nn]urse|[Ss]ister|[Mm]idwife|[Ss]e[ñn]or(?:a|ita)?|[Ee]nfermer[oa]|[Pp]rofesora?|[Mm]atrona|[Ii]nfirmi[èe]re?|[Mm]onsieur|[Mm]adame)[ ]\p{Lu}",
        r"\b(?:doctora?|nurse|[Ss]ister|midwife|[Ss]e[ñn]or(?:a|ita)?|enfermer[oa]|profesora?|matrona|infirmi[èe]re?|madame|monsieur)[ ]",
        lambda person: _treating(person) and (likely(person) or not set(person.words) & (NOT_NAMES | EPONYMS)),
        False,
        True,
    ),
    (
        "profession-capital",
        r"(?-u:\b)(?:Doctora?|Nurse|Midwife|Enfermer[oa]|Matrona)[ ]\p{Lu}",
        r"\b(?:Doctora?|Nurse|Midwife|Enfermer[oa]|Matrona)[ ]",
        known,
        False,
        True,
    ),
    (
        "introduction",
        r"(?i)(?:name(?:[’']s| is| was|d)|called|me llamo|se llama|nombre es|m[’']appelle|s[’']appelle|mon nom est|llamad[oa]|this is)\s",
        r"(?i:\b(?:(?:my|his|her|their|patient[’']?s?|(?:son|daughter|baby|wife|husband|doctor|friend)[’']s) (?:(?:full |first |last )?name)(?:[’']s| is| was)"
        r"|me llamo|se llama|(?:mi|su) nombre es|je m[’']appelle|s[’']appelle|mon nom est"
        r"|(?:man|woman|lady|gentleman|boy|girl|child|patient|baby|son|daughter|friend|doctor|nurse|mujer|hombre|se[ñn]ora?|ni[ñn][oa]|paciente)"
        r"[ ,]+(?:is )?(?:named|called|llamad[oa]|de nombre)))[ ](?:is[ ]|(?:Mr|Mrs|Ms|Dr|Dra)\.?[ ])?",
        surely,
        False,
        False,
    ),
    (
        "i-am",
        r"(?i)(?:(?-u:\b)i[’']?m|i am|soy|je suis|this is|le habla|habla|it[’']s)[ ,]+\p{Lu}",
        r"(?:\b[Ii][’']?[Mm]|\b[Ii] [Aa][Mm]|\b[Ss]oy|\b[Jj]e suis|\b[Tt]his is|\b[Ll]e habla|\b[Ii]t[’']s)[ ]",
        well_known,
        False,
        True,
    ),
    (
        "kin",
        rf"(?i)(?-u:\b)(?:my|his|her|our|their|your|patient[’']s|mi|su|nuestr[oa]|mon|ma|son|sa|el|la)(?: \w+)? (?:{_KIN}|{_KIN_ES}|{_KIN_FR})[ ,]",
        rf"(?i:\b(?:(?:my|his|her|our|their|your|the patient[’']s)(?: (?:\w+-)?\w+)? (?:{_KIN})|(?:mi|su|nuestr[oa]) (?:{_KIN_ES})"
        rf"|(?:mon|ma|son|sa) (?:{_KIN_FR})),?)[ ](?:named[ ]|called[ ])?(?:(?:el|la)[ ])?(?=[A-ZÀ-Þ])",
        _given_away,
        False,
        True,
    ),
    (
        "label",
        rf"(?i)(?:{_SURE_LABELS})[ \t]?(?:\([^)\n]{{1,20}}\))?[ \t]*[:=–-]",
        rf"{_LABEL_START}{_SURE_LABELS})){_LABEL_END}",
        lambda person: likely(person) or not set(person.words) & (NOT_NAMES | EPONYMS),
        False,
        True,
    ),
    (
        "field",
        rf"(?i)(?-u:\b)(?:{_LIKELY_LABELS})[ \t]?(?:\([^)\n]{{1,20}}\))?[ \t]*[:=–-]{{1,2}}[ \t]*\S",
        rf"{_LABEL_START}{_LIKELY_LABELS})){_LABEL_END}",
        _field,
        False,
        True,
    ),
    (
        "greeting",
        r"(?i)(?-u:\b)(?:hi|hello|hey|dear|good (?:morning|afternoon|evening)|hola|buenos d[ií]as|buenas (?:tardes|noches)|estimad[oa]|querid[oa]|bonjour|ch[eè]re?)[ ,]+\p{L}",
        r"(?i:(?<![\w-])(?:hi|hello|hey|dear|good (?:morning|afternoon|evening)|hola|buenos d[ií]as|buenas (?:tardes|noches)|estimad[oa]"
        r"|querid[oa]|bonjour|ch[eè]re?)(?: there)?[ ,]{1,2})",
        known,
        False,
        True,
    ),
    (
        "closing",
        r"(?i)(?:thank|regards|wishes|sincerely|truly|faithfully|cheers|love|saludos?|atentamente|gracias|cordialement|merci)[^\n\p{L}]{0,6}\s*\p{Lu}",
        r"(?i:\b(?:thanks?(?: you)?(?: (?:so |very )?much| again| in advance| a lot)*|(?:(?:best|kind|kindest|warm|with) )?(?:regards|wishes)"
        r"|(?:yours )?(?:sincerely|truly|faithfully)(?: yours)?|cheers|love|(?:un )?(?:cordial )?saludos?(?: cordial(?:es)?)?|atentamente"
        r"|(?:muchas )?gracias(?: de antemano| por todo)?|cordialement|merci(?: d[’']avance)?)[ ]?[,.!–-]*\s{0,3})",
        _closing,
        False,
        True,
    ),
    (
        "care",
        r"(?i)(?:seen|examined|evaluated|referred|accompanied|attended|treated|followed|cared for|discussed|brought in|care of|atendid[oa]|derivad[oa]|valorad[oa]|"
        r"acompa[ñn]ad[oa])(?: in)?(?: by| with| to| por)?",
        r"(?i:\b(?:(?:seen|examined|evaluated|referred|accompanied|attended|treated|followed|cared for|brought in)(?: by| to)|discussed with|under the care of"
        r"|(?:atendid[oa]|derivad[oa]|valorad[oa]|acompa[ñn]ad[oa]) por))[ ](?:(?:her|his|a|the) (?:\w+),?[ ])?",
        full_name,
        False,
        True,
    ),
)

# --- names before what gives them away ---

_AGE_AFTER = re.compile(
    r"(?i:(?:,? (?:is|was|es)|,)(?: (?:an?|the|una?|un))?(?: [a-z-]+){0,3}? \d{1,3}(?:[ -]|\b)(?:years?|yrs?|y/?o\b|y\.o\.|months?|weeks?|days?)"
    r"|,? (?:tiene|de) \d{1,3} (?:a[ñn]os|meses|d[íi]as)|, (?:de )?\d{1,3} (?:a[ñn]os|ans|meses)|, [âa]g[ée]e? de \d)"
)
_NUMBER_AFTER = re.compile(r"(?:, \d{1,3}(?:,| ?[MF]\b)| \(\d{1,3}(?: ?[MF]| ?y/?o)?\)|, aged? \d)(?! ?%)")
_VERB_AFTER = re.compile(
    r",? (?:presented (?:to|with|for|at|in)|presents|was (?:admitted|seen|discharged|transferred|referred|diagnosed|brought|evaluated|treated)"
    r"|is (?:here|seen|brought|followed)|comes? in|came in|denies|denied|complains|complained|reports (?:that|no|having|feeling|\w+ing)|states|returns (?:to|for)"
    r"|tolerated|underwent|lives (?:with|alone|in|at)|called (?:today|the|about)|acude|ingres[aóo]|refiere|niega|presenta|consulta por|fue (?:dad[oa]|ingresad[oa]|atendid[oa]"
    r"|derivad[oa]|trasladad[oa]|valorad[oa]|diagnosticad[oa])|consulte|se plaint)\b"
)
_CREDENTIAL_AFTER = re.compile(r",? (?:M\.?D\.?|D\.?O\.?|RN|R\.N\.|NP|PA-C|PA|FACP|FACS|LPN|DPM|PharmD)(?![\w-])")
_AGE_BEFORE = (
    r"(?i:\b\d{1,3}[- ]?(?:years?|yrs?|y)[-/ ]?(?:old|o)?|\ba[ñn]os|\bans)(?: (?:old |black |white |african.american |hispanic )?"
    r"(?:man|woman|male|female|boy|girl|lady|gentleman|patient|infant|[mf]))?(?:,? (?:named|called|llamad[oa])|,)?[ ]"
)


def _before(tail: re.Pattern[str], trust: Trust) -> Spans:
    """Return the spans of names that ``tail`` follows."""

    def spans(text: str) -> Iterator[tuple[int, int]]:
        for person in persons_in(text):
            if tail.match(text, person.end) and trust(person) and not _CITED_BEFORE.search(person.before):
                yield person.start, person.end

    return spans


def _signs_a_note(person: Person) -> bool:
    """Say whether a name with a degree signs a note, where it could be an author or a speaker."""
    return full_name(person) and not re.match(
        r"[^\n]{0,60}(?:Universit|Institut|School|Department|Foundation|said|says|director|professor|author|et al)", person.after
    )


def _aged(person: Person) -> bool:
    return len(person.words) > 1 and likely(person) or well_known(person)


# --- names in lower case, where the writer says that it is one ---

_SAYS_ITS_NAME = re.compile(
    r"(?i:\b(?:my name(?: is|[’']s)|me llamo|mi nombre es|je m[’']appelle))[ ]+(?P<x>(?P<first>[a-zà-ÿ]{2,})(?:[ ](?P<second>[a-zà-ÿ]{2,}))?)"
)


def _lower_case(text: str) -> Iterator[tuple[int, int]]:
    for match in _SAYS_ITS_NAME.finditer(text):
        if plain(match["first"]) in GIVEN_NAMES:
            second = match["second"]
            ends = second is None or plain(second) in NOT_NAMES
            yield match.start("first"), match.end("first" if ends else "second")


def _of_cue(name: str, hint: str, cue: str, trust: Trust, many: bool, weak: bool) -> Rule:
    return Rule(name=f"name-{name}", kind="NAME", hint=hint, spans=_after_cue(cue, trust, many=many, weak=weak))


def _of_tail(name: str, hint: str, tail: re.Pattern[str], trust: Callable[[Person], bool]) -> Rule:
    return Rule(name=f"name-{name}", kind="NAME", hint=hint, spans=_before(tail, trust))


NAME_RULES: tuple[Rule, ...] = (
    *(_of_cue(*cue) for cue in _CUES),
    _of_tail("age", r"\p{Lu}[\p{L}’'-]+(?:,| \(|,? (?:is|was|es|tiene|de)\b).{0,40}?\d", _AGE_AFTER, _aged),
    _of_tail("number", r"\p{Lu}[\p{L}’'-]+(?:, \d{1,3}(?:,| ?[MF])| \(\d{1,3}(?: ?[MFy][/o]*)?\)|, aged)", _NUMBER_AFTER, full_name),
    _of_tail("verb", r"\p{Lu}[\p{L}’'-]+" + _VERB_AFTER.pattern, _VERB_AFTER, full_name),
    _of_tail("credential", r"\p{Lu}\p{Ll}[\p{L}’'-]*,? (?:M\.?D|D\.?O|R\.?N|NP|PA|FACP|FACS|LPN|DPM|PharmD)", _CREDENTIAL_AFTER, _signs_a_note),
    Rule(
        name="name-after-age",
        kind="NAME",
        hint=r"(?i)(?:\d[- ]?(?:years?|yrs?|y)[-/ ]?(?:old|o)?|a[ñn]os|ans)(?: \w+){0,2},?(?: named| called| llamad[oa])? (?-i:\p{Lu})",
        spans=_after_cue(_AGE_BEFORE, full_name, weak=True),
    ),
    Rule(
        name="name-lower-case",
        kind="NAME",
        hint=r"(?i)(?:my name(?: is|[’']s)|me llamo|mi nombre es|je m[’']appelle) +(?-i:\p{Ll})",
        spans=_lower_case,
    ),
)
