"""Rules for numbers that identify a person: identity, insurance, record, card and date of birth."""

from __future__ import annotations

import re

from stdnum import luhn
from stdnum.es import dni, nie
from stdnum.fr import nir
from stdnum.gb import nhs
from stdnum.mx import curp
from stdnum.us import ssn

from quality.privacy.privacy_rule import DIGIT, Rule, pattern_rule, together

_NUMBER_WORD = (
    r"(?:numbers?|num\.?|no\.?|nr\.?|ids?\b|identifier|#|n[.]?[ ]?[ºo°]\.?|n[úu]m(?:ero)?\.?|c[óo]digo)"
    r"(?:[ ]?(?:de|del)\b)?"
)
_SEPARATOR = r"(?:[ ]?\([^)\n]{1,12}\))?[\s:.#ºª°=|*–-]{0,6}(?:(?:is|es|was)[ :]{1,2})?"
_LONG_TOKEN = r"(?P<x>(?:\d|(?<![A-Za-z])[A-Za-z])(?:[./-]?[A-Za-z0-9]){3,23})(?!\w|-\w)"
_SPACED_TOKEN = (
    r"(?<![A-Za-z])(?P<x>[A-Z0-9](?:[./-]?[A-Z0-9]){1,23}(?: (?=[A-Z]{0,3}\d)[A-Z0-9-]{1,12}){0,4})(?!\w|-\w)"
)

# --- identity ---

_SSN = re.compile(r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])")
_SSN_CUED = re.compile(r"(?i:\b(?:ssn|social security))[^\d\n]{0,24}(?P<x>\d{3}[- ]?\d{2}[- ]?\d{4})(?!\d)")
_NHS_CUED = re.compile(r"\bNHS[^\d\n]{0,20}(?P<x>\d{3}[- ]?\d{3}[- ]?\d{4})(?!\d)")
_NHS = re.compile(r"(?<![\w.,+/-])\d{3} \d{3} \d{4}(?![\w/]|[.,-]\d)")
_DNI = re.compile(r"(?<![\w.-])(?:\d{8}|\d{1,2}\.\d{3}\.\d{3})[ -]?[A-HJ-NP-TV-Z](?!\w)")
_DNI_CUED = re.compile(
    r"(?i:\b(?:DNI|NIF|NIE))[^\w\n]{0,6}(?i:(?:n[úu]mero|n[.ºo°]+"
    r"|es)[ :]*)?(?P<x>(?i:[XYZ][ .-]?)?\d[\d.]{5,9}[ -]?(?i:[A-Z])?)(?!\w)"
)
_NIE = re.compile(r"(?<![\w.-])[XYZxyz][ -]?\d{7}[ -]?[A-Za-z](?!\w)")
_NIR = re.compile(
    r"(?<!\d)[12][ ]?\d{2}[ ]?(?:0[1-9]|1[0-2]|[2-9]\d)[ ]?(?:\d{2}|2[AB])[ ]?\d{3}[ ]?\d{3}[ ]?\d{2}(?!\d)"
)
_CURP = re.compile(r"\b[A-Z]{4}\d{6}[HMX][A-Z]{5}[A-Z0-9]\d\b")
_DOCUMENT = re.compile(
    r"(?i:\b(?:passport|driver[’']?s? licen[cs]e|driving licen[cs]e|licen[cs]e plate|national (?:id"
    r"|identity)(?: card)?|pasaporte"
    r"|c[ée]dula(?: de (?:ciudadan[íi]a|identidad))?|documento de identidad|passeport"
    rf"|carte d[’']identit[ée])(?:[ ]?{_NUMBER_WORD})?)"
    rf"{_SEPARATOR}{_LONG_TOKEN}"
)
_CARD = re.compile(
    r"(?<![\w.,/-])(?:[3-6]\d{3}(?:[ -]?\d{4}){3}|3[47]\d{2}[ -]?\d{6}[ -]?\d{5}"
    r"|2[2-7]\d{2}(?:[ -]?\d{4}){3})(?![\w/]|[.,-]\d)"
)


def _is_ssn(match: re.Match[str]) -> bool:
    return bool(ssn.is_valid(match[0]))


def _is_nhs(match: re.Match[str]) -> bool:
    return bool(nhs.is_valid(match[0]))


def _is_dni(match: re.Match[str]) -> bool:
    return bool(dni.is_valid(re.sub(r"\W", "", match[0]).zfill(9)))


def _is_nie(match: re.Match[str]) -> bool:
    return bool(nie.is_valid(match[0]))


def _is_nir(match: re.Match[str]) -> bool:
    return bool(nir.is_valid(match[0]))


def _is_curp(match: re.Match[str]) -> bool:
    return bool(curp.is_valid(match[0]))


def _is_card(match: re.Match[str]) -> bool:
    return bool(luhn.is_valid(re.sub(r"\D", "", match[0])))


# --- records and insurance, identified by their label ---

_RECORD = re.compile(
    r"(?i:(?<!\w)(?:(?:MRN|M\.R\.N\.|NHC|N\.H\.C\.|med(?:ical)?\.? rec(?:ord)?s?\.?"
    r"|n[.]?[ ]?[ºo°]\.?[ ]?(?:de )?(?:historia|expediente|paciente|episodio)"
    r"|historia cl[íi]nica|h\.?ª? ?cl[íi]nica|expediente(?: cl[íi]nico)?|episodio|dossier|IPP)"
    rf"(?:[ ]?{_NUMBER_WORD})?|(?:hospital|chart|patient|account|acct\.?|encounter|visit|case|admission|record|unit"
    rf"|registration|paciente|historia)[ ]?{_NUMBER_WORD}))"
    rf"{_SEPARATOR}{_LONG_TOKEN}"
)
_INSURANCE = re.compile(
    r"(?i:(?<!\w)(?:insurance|policy|member(?:ship)?|subscriber|beneficiary|health ?(?:plan|card|insurance)|medicaid"
    r"|medicare|mbi|hicn|ohip|claim"
    r"|p[óo]liza|tarjeta sanitaria(?: individual)?|CIP(?: auton[óo]mico| SNS)?|TSI|TIS|afiliaci[óo]n|afiliad[oa]"
    r"|asegurad[oa]"
    r"|seguridad social|n\.?[au]?\.?s\.?s\.?|NUHSA|CIPA|mutua|seguro(?: m[ée]dico)?|mutuelle)"
    rf"(?:[ ](?:beneficiary|card|policy|plan|member|sns|cip|{_NUMBER_WORD}))*)"
    rf"{_SEPARATOR}{_SPACED_TOKEN}"
)
_MBI = re.compile(
    r"(?<![\w-])[1-9][AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-?[AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-?[AC-HJKMNP-RT-Y]{2}\d{2}(?![\w-])"
)
_CIP_STATE = re.compile(r"(?<!\w)[BCDFGHJ-NP-TV-Z]{8}[A-Z]{2}\d{6}(?!\w)")
_CIP_REGION = re.compile(r"(?<!\w)[A-Z]{4}[ -]?[01][ -]?\d{6}[ -]?\d{2}[ -]?\d(?!\w)")
_LITERATURE = re.compile(r"(?:PMID|PMC|ISBN|ISSN|OMIM|CHEM)")
_UNIT_AFTER = re.compile(
    r"[ ]?(?:mg|mcg|[µμ]g|g|kg|ml|dl|l|iu|ui|m?u/l|units?|mmol\S*|meq\S*|%|€|\$|usd|eur|euros?|dollars?"
    r"|years?|a[ñn]os|days?"
    r"|weeks?|months?)(?!\w)",
    re.IGNORECASE,
)
_COUNT_AFTER = re.compile(
    r"[ ](?:(?:of|de)[ ]|(?!(?:is|was|has|had|and|or|with|on|for|from|at|in|to|as|the|which|expires?"
    r"|expired|valid|dated|issued"
    r"|effective|belongs|ends?|es|fue|con|y|o|en|para|del|desde|e|est|et|pour|avec)(?!\w))[a-zà-ÿ]{3,})"
)
_SIGNED = re.compile(r"[:#=|*]|\b(?:no|nr|num|n[úu]m)\.|n[.]?[ ]?[º°]|\b(?:is|es|was)[ :]", re.IGNORECASE)
_DATE_ONLY = re.compile(
    r"(?:1[5-9]|20)\d\d ?[-–/] ?(?:(?:1[5-9]|20)\d\d|\d\d)|(?:19|20)\d\d(?:[-/.]\d\d?){0,2}"
    r"|[0-3]?\d[-/.][0-3]?\d[-/.](?:\d\d|\d{4})|1-8\d\d.*"
)


def _four_digits(match: re.Match[str]) -> bool:
    """Return whether a labelled value can be such a number: four or more digits, no date, dose or count."""
    value, label = match["x"], match[0][: match.start("x") - match.start()]
    if sum(character.isdigit() for character in value) < 4 or _DATE_ONLY.fullmatch(value) is not None:
        return False
    if _UNIT_AFTER.match(match.string, match.end("x")):
        return False
    return _SIGNED.search(label) is not None or not _counts(match, label)


def _counts(match: re.Match[str], label: str) -> bool:
    """Return whether a number directly after a word, without a sign between, is a count: "Medicaid 1200 women"."""
    value = match["x"]
    if re.fullmatch(r"\d{1,3}(?:[,.]\d{3})+|\d+", value) is None:
        return False
    if _COUNT_AFTER.match(match.string, match.end("x")):
        return True
    numbered = re.search(rf"{_NUMBER_WORD}\W*$", label, re.IGNORECASE) is not None
    return not numbered and len(value) < 6


def _region_card(match: re.Match[str]) -> bool:
    return _LITERATURE.match(match[0]) is None


# --- date of birth ---

_MONTH = (
    r"(?:jan(?:uary|uar|eiro)?|feb(?:ruary|ruar|braio)?|mar(?:ch|zo|ço|s)?|apr(?:il|ile)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember|embre|embro)?|dec(?:ember)?"
    r"|enero|febrero|abril|mayo|junio|julio|agosto|sep?tiembre|octubre|noviembre|diciembre|ene|abr|ago|dic"
    r"|janvier|f[ée]vrier|avril|mai|juin|juillet|ao[ûu]t|septembre|octobre|d[ée]cembre"
    r"|j[äa]nner|m[äa]rz|juni|juli|o[kc]t(?:ober)?|de[zc](?:ember)?"
    r"|fev(?:ereiro)?|maio|junho|julho|set(?:embro|tembre)?|out(?:ubro)?|dezembro"
    r"|gen(?:naio)?|maggio|mag|giu(?:gno)?|lug(?:lio)?|ott(?:obre)?|dicembre)\.?"
)
_YEAR = r"(?:(?:18|19|20)\d\d|['’]?\d\d)(?!\d)"
_DATE = (
    rf"(?:\d{{1,2}}[ ]?[./-][ ]?\d{{1,2}}[ ]?[./-][ ]?{_YEAR}|(?:18|19|20)\d\d[./-]\d{{1,2}}[./-]\d{{1,2}}"
    rf"|\d{{1,2}}(?:st|nd|rd|th|er|[.ºª°])?[ /.-]{{0,2}}(?:of |de )?{_MONTH}[,/ -]{{0,2}}(?:del? |of )?{_YEAR}"
    rf"|{_MONTH}[ -]\d{{1,2}}(?:st|nd|rd|th)?,?[ -]{_YEAR}|{_MONTH}[ -](?:de |of )?(?:19|20)\d\d(?!\d)"
    r"|\d\d \d\d (?:19|20)\d\d(?!\d)|(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])(?!\d))"
)
_BIRTH = re.compile(
    r"(?i)(?<![\w-])(?P<cue>d\.?o\.?b\b\.?|(?:date|day) of birth|birth ?da(?:te|y)|born|\(b\.|b\.d\."
    r"|fecha (?:de )?nac(?:imiento|\.)?|nacimiento"
    r"|f\.? ?(?:de )?nac(?:\.|imiento)?|f\.? ?n\b\.?(?=[ ]?:)|nacid[oa]s?|naci[óo]|nac[íi](?= )|nac\.|cumplea[ñn]os"
    r"|date de naissance|ddn|n[ée](?:e|\(e\))?"
    r"|geb(?:oren|urtsdatum|urtstag|\.-? ?dat(?:um|\.)|\.)|data de nascimento|nascid[oa](?: a)?|nasc[ei]u"
    r"|d\.?n\.?(?=[ ]?:)"
    r"|data di nascita|nat[oa](?= (?:il|a|nel)\b))"
    r"(?:[ ]?\([^)\n]{1,12}\))?[\s:=.,|*(–-]{0,6}"
    r"(?:(?:is|was|es|é|ist|on|the|el|le|il|am|den|em|el d[íi]a|no dia|(?:in|en|à|a|em|de"
    r"|at) [^\W\d_]+(?: [^\W\d_]+)?,?"
    r" (?:on|el|le|il|am|a|em))[ :]{1,3})*"
    rf"(?P<x>{_DATE})"
)
_COHORT_BEFORE = re.compile(
    r"(?i)(?:\b(?:babies|children|infants|neonates|newborns|persons|people|individuals|those|patients|men|women"
    r"|adults|cohorts?"
    r"|births|ni[ñn][oa]s|pacientes|personas|enfants)\b[^.\n]{0,25}|was the )$"
)


def _one_person(match: re.Match[str]) -> bool:
    """Return whether a birth is one person's: "children born before 1 May 2010" is a cohort."""
    before = match.string[max(0, match.start() - 45) : match.start()]
    return match["cue"].lower() != "born" or _COHORT_BEFORE.search(before) is None


NUMBER_RULES: tuple[Rule, ...] = (
    *together(
        "births",
        (DIGIT,),
        pattern_rule("birth-date", "BIRTH_DATE", _BIRTH, _one_person),
        pattern_rule("ssn", "ID", _SSN, _is_ssn),
        pattern_rule("ssn-cued", "ID", _SSN_CUED, hint=r"(?i:ssn|social security)"),
        pattern_rule("nhs-cued", "ID", _NHS_CUED, hint=r"NHS[^\n]{0,20}[0-9]{3}"),
    ),
    *together(
        "numbers",
        (DIGIT,),
        pattern_rule("nhs", "ID", _NHS, _is_nhs),
        pattern_rule("dni", "ID", _DNI, _is_dni),
    ),
    *together(
        "births",
        (DIGIT,),
        pattern_rule("dni-cued", "ID", _DNI_CUED, hint=r"(?i:DNI|NIF|NIE)[^\n]{0,16}[0-9][0-9.]{5}"),
        pattern_rule("nie", "ID", _NIE, _is_nie, hint=r"[0-9]{7}[ -]?[A-Za-z]"),
    ),
    *together(
        "numbers",
        (DIGIT,),
        pattern_rule("nir", "ID", _NIR, _is_nir),
        pattern_rule("curp", "ID", _CURP, _is_curp),
    ),
    *together("documents", (DIGIT,), pattern_rule("document", "ID", _DOCUMENT, _four_digits)),
    *together("numbers", (DIGIT,), pattern_rule("card", "CARD", _CARD, _is_card)),
    *together(
        "labelled numbers",
        (DIGIT,),
        pattern_rule("record", "RECORD", _RECORD, _four_digits),
        pattern_rule("insurance", "INSURANCE", _INSURANCE, _four_digits),
    ),
    *together(
        "numbers",
        (DIGIT,),
        pattern_rule("mbi", "INSURANCE", _MBI),
        pattern_rule("cip-state", "INSURANCE", _CIP_STATE, hint=r"[A-Z]{2}[0-9]{6}"),
        pattern_rule("cip-region", "INSURANCE", _CIP_REGION, _region_card),
    ),
)
