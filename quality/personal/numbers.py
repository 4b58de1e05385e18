"""Rules that find the numbers that stand for a person: identity, insurance, record, card and date of birth."""

from __future__ import annotations

import re

from stdnum import luhn
from stdnum.es import dni, nie
from stdnum.fr import nir
from stdnum.gb import nhs
from stdnum.mx import curp
from stdnum.us import ssn

from quality.personal.rule import Rule, by_pattern

_SEPARATOR = r"[\s:.#ºª°=–-]{0,6}(?:(?:is|es|was|number|no|n[.ºo°]+|num|id)\b[\s:.#ºª°=]{0,4})?"
_TOKEN = r"(?P<x>(?=[\w./-]*\d[\w./-]*\d)[A-Za-z0-9](?:[./-]?[A-Za-z0-9]){3,23})(?![\w])"
_SPACED_TOKEN = r"(?P<x>(?=[\w./ -]{0,12}\d)[A-Z0-9](?:[./-]?[A-Z0-9]){1,23}(?: (?=[A-Z]{0,3}\d)[A-Z0-9-]{1,12}){0,4})(?![\w])"
_NUMBER_WORD = r"(?:numbers?|num|no|nr|n[.]?[ºo°]|id|identifier|#)"
_NUMERO = r"(?:n[úu]m(?:ero)?|n[.]?\s?[ºo°]|nº|c[óo]digo|id)"

# --- identity ---

_SSN = re.compile(r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])")
_SSN_CUED = re.compile(r"(?i:\b(?:ssn|social security)(?: (?:number|no|#))?)[^\d\n]{0,12}(?P<x>\d{3}[- ]?\d{2}[- ]?\d{4})(?!\d)")
_NHS_CUED = re.compile(r"(?i:\bNHS)[^\d\n]{0,20}(?P<x>\d{3}[- ]?\d{3}[- ]?\d{4})(?!\d)")
_NHS = re.compile(r"(?<![\w.,+/-])\d{3} \d{3} \d{4}(?![\w/]|[.,-]\d)")
_DNI = re.compile(r"(?<![\w.-])(?:\d{8}|\d{1,2}\.\d{3}\.\d{3})[ -]?[A-HJ-NP-TV-Z](?![\w])")
_DNI_CUED = re.compile(r"(?i:\b(?:DNI|NIF|NIE)\b[^\w\n]{0,6}(?:(?:n[úu]mero|n[.ºo°]+|es)[ :]*)?(?P<x>(?:[XYZ][ .-]?)?\d[\d.]{5,9}[ -]?[A-Z]?))(?![\w])")
_NIE = re.compile(r"(?<![\w.-])[XYZxyz][ -]?\d{7}[ -]?[A-HJ-NP-TV-Za-hj-np-tv-z](?![\w])")
_NIR = re.compile(r"(?<!\d)[12][ ]?\d{2}[ ]?(?:0[1-9]|1[0-2]|[2-9]\d)[ ]?(?:\d{2}|2[AB])[ ]?\d{3}[ ]?\d{3}(?:[ ]?\d{2})?(?!\d)")
_CURP = re.compile(r"\b[A-Z]{4}\d{6}[HMX][A-Z]{5}[A-Z0-9]\d\b")
_OTHER_ID = re.compile(
    r"(?i:\b(?:passport|driver[’']?s? licen[cs]e|driving licen[cs]e|licen[cs]e plate|national (?:id|identity)(?: card)?|pasaporte|"
    rf"c[ée]dula(?: de ciudadan[íi]a| de identidad)?|documento de identidad|passeport|carte d[’']identit[ée]))(?i:[ ]?{_NUMBER_WORD}|[ ]?{_NUMERO})?{_SEPARATOR}{_TOKEN}"
)


def _valid_ssn(match: re.Match[str]) -> bool:
    return bool(ssn.is_valid(match[0]))


def _valid_nhs(match: re.Match[str]) -> bool:
    return bool(nhs.is_valid(match[0]))


def _valid_dni(match: re.Match[str]) -> bool:
    compact = re.sub(r"\W", "", match[0])
    return bool(dni.is_valid(compact.zfill(9)))


def _valid_nie(match: re.Match[str]) -> bool:
    return bool(nie.is_valid(match[0]))


def _valid_nir(match: re.Match[str]) -> bool:
    compact = match[0].replace(" ", "")
    return len(compact) == 15 and bool(nir.is_valid(compact))


def _valid_curp(match: re.Match[str]) -> bool:
    return bool(curp.is_valid(match[0]))


# --- money ---

_CARD = re.compile(r"(?<![\w.,/-])(?:[3-6]\d{3}(?:[ -]?\d{4}){3}|3[47]\d{2}[ -]?\d{6}[ -]?\d{5}|2[2-7]\d{2}(?:[ -]?\d{4}){3})(?![\w/]|[.,-]\d)")


def _valid_card(match: re.Match[str]) -> bool:
    return bool(luhn.is_valid(re.sub(r"\D", "", match[0])))


# --- records and insurance, told by their label ---

_RECORD = re.compile(
    r"(?:(?i:\b(?:MRN|M\.R\.N\.|NHC|N\.H\.C\.|med(?:ical)?\.? rec(?:ord)?s?\.?|(?:hospital|chart|patient|account|acct|encounter|visit|case|admission|record|unit|registration)"
    rf"(?=\.?[ ]?(?:{_NUMBER_WORD})(?![a-z]))|historia(?: cl[íi]nica)?|h\.?ª? ?cl[íi]nica|expediente(?: cl[íi]nico)?|episodio|dossier|IPP|n[.]?[ºo°] ?(?:de )?(?:historia|expediente|paciente|episodio))"
    rf"\.?[ ]?(?:{_NUMBER_WORD}|{_NUMERO})?)){_SEPARATOR}{_TOKEN}"
)
_INSURANCE = re.compile(
    r"(?i:\b(?:insurance|policy|member(?:ship)?|subscriber|beneficiary|health ?(?:plan|card|insurance)|medicaid|medicare|mbi|hicn|ohip|claim|"
    r"p[óo]liza|tarjeta sanitaria(?: individual)?|tarjeta|CIP(?: auton[óo]mico| SNS)?|TSI|TIS|afiliaci[óo]n|afiliad[oa]|asegurad[oa]|seguridad social|n\.?u?\.?s\.?s|NUHSA|CIPA|mutua|"
    rf"seguro(?: m[ée]dico)?|mutuelle)\b(?:[ ](?:beneficiary|card|policy|plan|member|sns|cip))?[ ]?(?:{_NUMBER_WORD}|{_NUMERO})?){_SEPARATOR}(?-i:{_SPACED_TOKEN})"
)
_MBI = re.compile(r"(?<![\w-])[1-9][AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-?[AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-?[AC-HJKMNP-RT-Y]{2}\d{2}(?![\w-])")
_CIP_SNS = re.compile(r"(?<![\w])[BCDFGHJ-NP-TV-Z]{8}[A-Z]{2}\d{6}(?![\w])")
_CIP_REGION = re.compile(r"(?<![\w])[A-Z]{4}[ -]?[01][ -]?\d{6}[ -]?\d{2}[ -]?\d(?![\w])")


def _has_digits(match: re.Match[str]) -> bool:
    return sum(character.isdigit() for character in match["x"]) >= 4 and not re.fullmatch(r"(?:19|20)\d\d(?:[-/.]\d\d?){0,2}|\d\d?[-/.]\d\d?[-/.]\d{2,4}", match["x"])


# --- date of birth ---

_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?|"
    r"enero|febrero|marzo|abril|mayo|junio|julio|agosto|sep?tiembre|octubre|noviembre|diciembre|ene|abr|ago|dic|"
    r"janvier|f[ée]vrier|mars|avril|mai|juin|juillet|ao[ûu]t|septembre|octobre|novembre|d[ée]cembre)\.?"
)
_YEAR = r"(?:(?:18|19|20)\d\d|['’]?\d\d)(?!\d)"
DATE = (
    rf"(?:\d{{1,2}}[ ]?[./-][ ]?\d{{1,2}}[ ]?[./-][ ]?{_YEAR}|(?:18|19|20)\d\d[./-]\d{{1,2}}[./-]\d{{1,2}}"
    rf"|\d{{1,2}}(?:st|nd|rd|th|er|º)?[ -](?:of |de )?{_MONTH}[, -]{{0,2}}(?:del? )?{_YEAR}|{_MONTH}[ -]\d{{1,2}}(?:st|nd|rd|th)?,?[ -]{_YEAR})"
)
_BIRTH_LABEL = (
    r"(?:d\.?o\.?b\b\.?|(?:date|day) of birth|birth ?da(?:te|y)|born|b\.?d\.?|fecha (?:de )?nac(?:imiento|\.)?|f\.? ?(?:de )?nac(?:\.|imiento)?|f\.?n\.?|fnac|nacid[oa]s?|naci[óo]|nac\.|"
    r"date de naissance|ddn|n[ée]e?|d\.d\.n\.?)"
)
_BIRTH = re.compile(
    rf"(?i)(?<![\w-])(?P<cue>{_BIRTH_LABEL})(?:[ ]?\([^)\n]{{1,12}}\))?[\s:=.,-]{{0,4}}(?:(?:is|was|es|on|the|el|le|el d[íi]a|in [A-Z]\w+ on|en \w+ el)[ :]{{1,2}})*(?P<x>{DATE})"
)
_MANY_BEFORE = re.compile(r"(?i)(?:\b(?:babies|children|infants|neonates|newborns|persons|people|individuals|those|patients|men|women|adults|cohorts?|births|ni[ñn]os|pacientes|personas|enfants)\b[^.\n]{0,25}|was the )$")


def _one_person(match: re.Match[str]) -> bool:
    """Say whether a birth is one person's: "children born before 1 May 2010" is a cohort."""
    before = match.string[max(0, match.start() - 45) : match.start()]
    return not (match["cue"].lower() in ("born", "né", "nés") and _MANY_BEFORE.search(before))


NUMBER_RULES: tuple[Rule, ...] = (
    Rule(name="birth-date", kind="BIRTH_DATE", hint=rf"(?i){_BIRTH_LABEL}[^\n]{{0,24}}\d", spans=by_pattern(_BIRTH, _one_person)),
    Rule(name="ssn", kind="ID", hint=r"\d{3}-\d{2}-\d{4}", spans=by_pattern(_SSN, _valid_ssn)),
    Rule(name="ssn-cued", kind="ID", hint=r"(?i)(?:ssn|social security)[^\d\n]{0,24}\d{3}", spans=by_pattern(_SSN_CUED)),
    Rule(name="nhs-cued", kind="ID", hint=r"(?i)NHS[^\d\n]{0,20}\d{3}", spans=by_pattern(_NHS_CUED)),
    Rule(name="nhs", kind="ID", hint=r"\d{3} \d{3} \d{4}", spans=by_pattern(_NHS, _valid_nhs)),
    Rule(name="dni", kind="ID", hint=r"\d{3}\.?\d{3}[ -]?[A-Z]", spans=by_pattern(_DNI, _valid_dni)),
    Rule(name="dni-cued", kind="ID", hint=r"(?i)(?:DNI|NIF|NIE)[^\n]{0,16}\d[\d.]{5}", spans=by_pattern(_DNI_CUED)),
    Rule(name="nie", kind="ID", hint=r"(?i)[XYZ][ -]?\d{7}", spans=by_pattern(_NIE, _valid_nie)),
    Rule(name="nir", kind="ID", hint=r"[12] ?\d\d ?\d\d ?\d[\dAB] ?\d{3} ?\d{3} ?\d\d", spans=by_pattern(_NIR, _valid_nir)),
    Rule(name="curp", kind="ID", hint=r"[A-Z]{4}\d{6}[HMX][A-Z]{5}", spans=by_pattern(_CURP, _valid_curp)),
    Rule(
        name="document",
        kind="ID",
        hint=r"(?i)passport|licen[cs]e|national id|pasaporte|c[ée]dula|documento de id|passeport|d[’']identit",
        spans=by_pattern(_OTHER_ID, _has_digits),
    ),
    Rule(name="card", kind="CARD", hint=r"[2-6]\d{3}[ -]?\d{4}[ -]?\d{2}[ -]?\d{2}", spans=by_pattern(_CARD, _valid_card)),
    Rule(
        name="record",
        kind="RECORD",
        hint=r"(?i)\b(?-u:MRN|M\.R\.N|NHC|N\.H\.C|med(?:ical)?\.? rec|(?:hospital|chart|patient|account|acct|encounter|visit|case|admission|record|unit|registration)\.?[ ]?(?:number|num|no|nr|n\.|id|identifier|#))|historia|cl[íi]nica|expediente|episodio|dossier|IPP|paciente",
        spans=by_pattern(_RECORD, _has_digits),
    ),
    Rule(
        name="insurance",
        kind="INSURANCE",
        hint=r"(?i)(?:insurance|policy|member|subscriber|beneficiary|health ?(?:plan|card)|medicaid|medicare|mbi|hicn|ohip|claim|p[óo]liza|tarjeta|CIP|TSI|TIS|afilia|asegurad|seguridad social|nu?ss|n\.s\.s|NUHSA|mutua|seguro|mutuelle)[^\n]{0,30}\d",
        spans=by_pattern(_INSURANCE, _has_digits),
    ),
    Rule(name="mbi", kind="INSURANCE", hint=r"[1-9][A-Y][A-Y0-9]\d-?[A-Y][A-Y0-9]\d-?[A-Y]{2}\d\d", spans=by_pattern(_MBI)),
    Rule(name="cip-sns", kind="INSURANCE", hint=r"[B-Z]{8}[A-Z]{2}\d{6}", spans=by_pattern(_CIP_SNS)),
    Rule(name="cip-region", kind="INSURANCE", hint=r"[A-Z]{4}[ -]?[01][ -]?\d{6}[ -]?\d{2}[ -]?\d", spans=by_pattern(_CIP_REGION)),
)
