"""Rules for identity and account numbers, by their check digits (python-stdnum) or their label.

A number needs no label where form and check digits leave other numbers at most a few chances in a hundred.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from stdnum import iban
from stdnum.be import nn
from stdnum.br import cpf
from stdnum.ch import ssn as ahv
from stdnum.cl import rut
from stdnum.cn import ric
from stdnum.cz import rc
from stdnum.es import ccc
from stdnum.fi import hetu
from stdnum.gr import amka
from stdnum.in_ import aadhaar
from stdnum.it import codicefiscale
from stdnum.kr import rrn
from stdnum.my import nric
from stdnum.no import fodselsnummer
from stdnum.pl import pesel
from stdnum.ro import cnp
from stdnum.se import personnummer
from stdnum.si import emso
from stdnum.tr import tckimlik
from stdnum.us import itin
from stdnum.za import idnr

from quality.privacy.privacy_rule import DIGIT, Rule, hint_of, together

Valid = Callable[[str], bool]


@dataclass(frozen=True)
class _Form:
    """The form of a number with certain check digits."""

    pattern: str
    valid: Valid


def _is_nass(number: str) -> bool:
    """Return whether the check digits of a Spanish social security number are right: the first ten digits modulo 97."""
    digits = re.sub(r"\D", "", number)
    return len(digits) == 12 and int(digits[:10]) % 97 == int(digits[10:])


_FORMS = (
    _Form(r"[A-Z]{6}\d{2}[A-EHLMPRST]\d{2}[A-Z]\d{3}[A-Z]", codicefiscale.is_valid),
    _Form(r"\d{3}\.\d{3}\.\d{3}-\d{2}", cpf.is_valid),
    _Form(r"\d{6}-\d{7}", rrn.is_valid),
    _Form(r"\d{6}-\d{2}-\d{4}", nric.is_valid),
    _Form(r"\d{6}(?:\d\d)?[-+]\d{4}", personnummer.is_valid),
    _Form(r"\d{6}[-+A-FU-Y]\d{3}[0-9A-Y]", hetu.is_valid),
    _Form(r"\d{6}/\d{3,4}", rc.is_valid),
    _Form(r"\d{2}\.\d{2}\.\d{2}-\d{3}\.\d{2}", nn.is_valid),
    _Form(r"\d{1,2}\.\d{3}\.\d{3}-[\dkK]", rut.is_valid),
    _Form(r"756\.\d{4}\.\d{4}\.\d{2}", ahv.is_valid),
    _Form(r"9\d{2}-\d{2}-\d{4}", itin.is_valid),
    _Form(r"[2-9]\d{3}[ -]\d{4}[ -]\d{4}", aadhaar.is_valid),
    _Form(r"\d{4}[ -]\d{4}[ -]\d{2}[ -]\d{10}", ccc.is_valid),
    _Form(r"\d{2}[ /-]\d{8}[ /-]\d{2}|\d{2}/\d{10}", _is_nass),
    _Form(r"\d{17}[\dXx]", ric.is_valid),
    _Form(
        r"\d{13}|\d{11}",
        lambda text: any(
            number.is_valid(text)
            for number in (pesel, cnp, tckimlik, fodselsnummer, amka, emso, idnr)
            if text[0] != "0"
        ),
    ),
)
_BEFORE, _AFTER = r"(?<![\w.,+/-])", r"(?![\w/]|[.,-]\d)"
_COMPILED = tuple((re.compile(f"{_BEFORE}(?:{form.pattern}){_AFTER}"), form.valid) for form in _FORMS)
_LITERATURE_BEFORE = re.compile(r"(?:PMIDs?|PMC|PMCID|ISBN|ISSN|doi|CAS|OMIM|NCT|GTIN|EAN)[\s.:#/-]*$", re.IGNORECASE)

_IBAN = re.compile(r"(?<![\w-])[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{1,4}){3,8}(?!\w)")


def _valid_numbers(text: str) -> Iterator[tuple[int, int]]:
    for pattern, valid in _COMPILED:
        for match in pattern.finditer(text):
            before = text[max(0, match.start() - 12) : match.start()]
            if valid(match[0]) and _LITERATURE_BEFORE.search(before) is None:
                yield match.span()


def _ibans(text: str) -> Iterator[tuple[int, int]]:
    """Yield the account numbers: the longest run of groups with valid check digits, since a word may follow."""
    for match in _IBAN.finditer(text):
        ends = [match.start() + group.end() for group in re.finditer(r"[A-Z0-9]+", match[0])]
        right = (end for end in reversed(ends) if iban.is_valid(text[match.start() : end]))
        if (end := next(right, None)) is not None:
            yield match.start(), end


# --- identified by their label ---

_NUMBER = (
    r"(?:[ ]?(?:numbers?|num\.?|no\.?|nr\.?|ids?\b|#|n[.]?[ ]?[ºo°]\.?|n[úu]m(?:ero)?\.?|code|c[óo]digo)"
    r"(?:[ ](?:de|del)\b)?)"
)
_ABBREVIATIONS = (
    r"(?:IBAN|CPF|PESEL|CNP|BSN|NPI|DEA|GMC|NMC|GPhC|RPPS|ADELI|CRM|AMKA|JMBG|EMSO|OIB|CURP|RFC|CUIL|CUIT|RUT|RUN"
    r"|SIN|TFN"
    r"|NASS|N\.A\.S\.S\.|NUSS|NAF|NISS|CCC|PPSN?|CPR|PAN|COL)"
)
_LABELS = (
    r"(?i:aadhaar|steuer-?id|burgerservicenummer|personnummer|codice fiscale|social insurance|tax(?:payer)? id\w*"
    r"|bank account|account number|cuenta (?:bancaria|corriente)"
    r"|n[.]?[ ]?[ºo°]\.?[ ]?(?:de[ ])?col(?:egiad[oa]|eg)?\b\.?"
    r"|n[úu]m(?:ero)?\.?[ ]?(?:de[ ])?colegia(?:d[oa]|ci[óo]n)|colegiad[oa]\.?(?:[ ]n[ºo°.]+)?|col\.(?:[ ]n[ºo°.]+)?"
    rf"|(?:medical |nursing |state |professional )?licen[cs]e{_NUMBER}|registration{_NUMBER}"
    r"|(?:c[ée]dula|registro) profesional|matr[íi]cula(?: profesional)?)"
)
_CUED = re.compile(
    rf"(?<!\w)(?:{_ABBREVIATIONS}|{_LABELS})(?!\w)(?i:{_NUMBER})?(?:[ ]?\([^)\n]{{1,12}}\))?[\s:.#ºª°=|*–-]{{0,6}}"
    r"(?i:(?:is|es|was)[ :]{1,2})?(?P<x>(?<![A-Za-z0-9])[A-Z]{0,6}\d(?:[ ./-]?[A-Z0-9]){3,30})(?!\w)"
)
_CUED_HINT = (
    rf"(?:^|[^\pL\pN])(?:{hint_of(re.compile(_ABBREVIATIONS))}|{hint_of(re.compile(_LABELS))})[^\pL\pN]"
    r"[^\n0-9]{0,20}[0-9]"
)
_COUNTED_AFTER = re.compile(r"[ ]?(?:mg|ml|g|kg|%|of|years?|days?|patients|women|men)\b")


def _cued(text: str) -> Iterator[tuple[int, int]]:
    for match in _CUED.finditer(text):
        digits = sum(character.isdigit() for character in match["x"])
        if digits >= 5 and _COUNTED_AFTER.match(text, match.end()) is None:
            yield match.span("x")


CHECKED_NUMBER_RULES: tuple[Rule, ...] = (
    *together(
        "labelled numbers",
        (DIGIT,),
        Rule(name="iban", kind="ID", hint=r"[A-Z]{2}[0-9]{2}[ -]?[A-Z0-9]{2}", spans=_ibans),
    ),
    *together(
        "checked",
        (DIGIT,),
        Rule(
            name="checked",
            kind="ID",
            hint="|".join(hint_of(re.compile(form.pattern)) for form in _FORMS),
            spans=_valid_numbers,
        ),
        Rule(name="identity-labelled", kind="ID", hint=_CUED_HINT, spans=_cued),
    ),
)
