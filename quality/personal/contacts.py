"""Rules that find how a person is reached: telephone, e-mail, web address, network address."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from functools import lru_cache

import phonenumbers

from quality.personal.rule import Rule, by_pattern

# --- e-mail ---

_ROLE = (
    r"(?:info|contact|help|helpdesk|support|admin|office|service|services|customerservice|press|media|webmaster|postmaster|"
    r"noreply|no-reply|enquir(?:y|ies)|inquir(?:y|ies)|questions?|feedback|editor|library|reception|contacto|informacion|atencion|ayuda|secretaria|soporte)"
)
_EMAIL = re.compile(r"(?<![\w.+%-])[\w.+%-]+@[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,24}(?![\w-])")
_EMAIL_SPELLED = re.compile(
    r"(?i)(?<![\w.+%-])[\w.+%-]+ ?[\[({] ?(?:at|arroba|@) ?[\])}] ?[\w-]+(?: ?(?:\.|[\[({] ?(?:dot|punto) ?[\])}]) ?[a-z]{2,24})+"
    r"|(?<![\w.+%-])[\w.+%-]+ (?:at|arroba) [\w-]+ (?:dot|punto) [a-z]{2,12}\b"
)
_IS_ROLE = re.compile(rf"(?i){_ROLE}@|[\w.-]*info@|[\w.+-]+@[\w.-]*\.gov\b")


def _personal_mailbox(match: re.Match[str]) -> bool:
    return _IS_ROLE.match(match[0]) is None


# --- telephone ---

_UNIT_AFTER = re.compile(r"\s?(?:mg|mcg|µg|μg|g|kg|ml|mL|dl|dL|L|IU|UI|units?|mmol|mEq|cells?|copies|ppm|Hz|%|patients|pacientes|people|personas|habitantes|women|men)\b|%|/")
_LOOKS_LIKE_DATE = re.compile(
    r"(?:\d{1,2}[-./ ]\d{1,2}[-./ ](?:19|20)?\d\d|(?:19|20)\d\d[-./ ]\d{1,2}[-./ ]\d{1,2}|(?:1[89]|20)\d\d ?[-–/] ?(?:1[89]|20)\d\d)$"
)
_NOT_A_PHONE_BEFORE = re.compile(
    r"(?i)(?:PMIDs?|PMC|doi|ISBN|ISSN|NCT|CAS|NDC|OMIM|MIM|ISRCTN|EudraCT|grant|lot|ref|page|pp?\.|vol\.?|n ?=|code|NHS(?: (?:number|no))?)[\s.:#/-]*$"
)
_TOLL_FREE = frozenset({"800", "888", "877", "866", "855", "844", "833"})

_INTERNATIONAL = re.compile(r"(?<![\w+])(?:\+|00)[1-9]\d{0,2}(?:[ .()/-]{0,3}\d){6,13}(?![\w])")
_NANP = re.compile(
    r"(?<![\w.+/-])(?:\+?1[-. ]{1,2})?(?:\(\d{3}\)[ -]{0,2}|\d{3}[-.][ ]?|\d{3}[ ])[2-9]\d{2}[-. ]{1,2}\d{4}(?![\w/]|[-.]\d)"
)
_SPANISH = re.compile(r"(?<![\w.,+/-])(?:[6-9]\d{2}(?:[ .-]\d{3}){2}|[6-9]\d{2}(?:[ .-]\d{2}){3}|[89]\d[ .-]\d{3}(?:[ .-]\d{2}){2})(?![\w/]|[.,-]\d)")
_BRITISH = re.compile(r"(?<![\w.,+/-])\(?0\d{2,5}\)?[ -]\d{3,4}(?:[ -]?\d{3,4})?(?![\w/]|[.,-]\d)")
_FRENCH = re.compile(r"(?<![\w.,+/-])0[1-9](?:[ .-]?\d{2}){4}(?![\w/]|[.,-]\d)")
_PHONE_CUE = (
    r"(?:tele?ph(?:one)?|phone|ph|tel|mobile|cell(?:phone|ular)?|landline|fax|pager|beeper|whats ?app|wasap|text|call(?:ed|ing)?|dial|reach(?:ed)?|ring|"
    r"contact|number is|tel[ée]fono|tfno|tlfn?o?|tf|m[óo]vil|fijo|celular|ll[áa]m\w+|contacto|n[úu]mero es|t[ée]l[ée]phone|t[ée]l|portable|appel\w+|joindre)"
)
_CUED = re.compile(
    rf"(?i:(?<![\w-]){_PHONE_CUE}(?![\w]))[^\d\n+]{{0,28}}?(?P<x>\+?\(?\d(?:[ .()/-]{{0,2}}\d){{6,13}})(?![\w]|[.,-]\d)"
)


@lru_cache(maxsize=4096)
def _parsed(number: str, region: str | None) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return None


def _valid(number: str, *regions: str) -> bool:
    numbers = [_parsed(number, region) for region in regions]
    return any(parsed is not None and phonenumbers.is_valid_number(parsed) for parsed in numbers)


def _possible(number: str) -> bool:
    regions = (None,) if number.startswith("+") else ("US", "ES", "GB", "FR", "MX")
    numbers = [_parsed(number, region) for region in regions]
    return any(parsed is not None and phonenumbers.is_possible_number(parsed) for parsed in numbers)


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text)


def _stands_free(match: re.Match[str]) -> bool:
    """Say whether a number is none of a dose, a count, a range of years, a date or an identifier of literature."""
    group = "x" if "x" in match.re.groupindex else 0
    text, start, end = match.string, match.start(group), match.end(group)
    if _UNIT_AFTER.match(text, end) or _LOOKS_LIKE_DATE.match(match[group]):
        return False
    return _NOT_A_PHONE_BEFORE.search(text[max(0, start - 20) : start]) is None


def toll_free(number: str) -> bool:
    """Say whether a North American number is toll-free, which only organisations have."""
    digits = _digits(number)
    national = digits[1:] if len(digits) == 11 and digits[0] == "1" else digits
    return len(national) == 10 and national[:3] in _TOLL_FREE


def _international(match: re.Match[str]) -> bool:
    number = re.sub(r"^00", "+", match[0])
    return _stands_free(match) and not toll_free(number) and _possible(number)


def _north_american(match: re.Match[str]) -> bool:
    """Say whether ten digits in the American grouping are a telephone: by their marks, or by a valid area code."""
    if not _stands_free(match) or toll_free(match[0]):
        return False
    return "(" in match[0] or match[0].count("-") + match[0].count(".") >= 2 or _valid(match[0], "US") or "555" in match[0]


def _spanish(match: re.Match[str]) -> bool:
    return _stands_free(match) and not match[0].endswith("000") and _valid(match[0], "ES")


def _british(match: re.Match[str]) -> bool:
    return _stands_free(match) and _valid(match[0], "GB")


def _french(match: re.Match[str]) -> bool:
    return _stands_free(match) and _valid(match[0], "FR")


def _cued(match: re.Match[str]) -> bool:
    number = match["x"]
    if not _stands_free(match) or toll_free(number) or re.fullmatch(r"\d{1,3}(?:[.,]\d{3})+", number):
        return False
    return 7 <= len(_digits(number)) <= 15 and (_possible(number) or len(_digits(number)) == 7)


# --- network ---

_IPV4 = re.compile(r"(?<![\w.-])(?:\d{1,3}\.){3}\d{1,3}(?![\w-]|\.\d)")
_IPV6 = re.compile(r"(?<![\w:.])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?![\w:])")
_IP_CUE = re.compile(r"(?i)\bIP(?:v[46])?\b[^\n]{0,30}$")
_NUMBERED_BEFORE = re.compile(r"(?i)(?:\bEC|version|vers?\.|v\.?|section|sect\.|chapter|table|figure|fig\.|§|build|release|apartado|cap[íi]tulo|secci[óo]n)[\s:#]*$")


def _address_v4(match: re.Match[str]) -> bool:
    """Say whether four numbers are an address: valid, not a numbered section, version or enzyme, or called an IP."""
    try:
        ipaddress.IPv4Address(match[0])
    except ValueError:
        return False
    before = match.string[max(0, match.start() - 40) : match.start()]
    if _NUMBERED_BEFORE.search(before):
        return False
    return int(match[0].split(".")[0]) >= 10 or _IP_CUE.search(before) is not None


def _address_v6(match: re.Match[str]) -> bool:
    try:
        ipaddress.IPv6Address(match[0])
    except ValueError:
        return False
    return match[0].count(":") == 7 or ("::" in match[0] and len(_digits(match[0])) >= 3 and match[0].count(":") >= 3)


# --- web ---

_URL = re.compile(r"(?i)\b(?:https?://|www\.)[^\s<>\"'\])]+[^\s<>\"'\]).,;:!?]")
_OF_A_PERSON = re.compile(
    r"(?i)(?:facebook|instagram|twitter|tiktok|linkedin|myspace|pinterest|reddit|snapchat|venmo|threads|vk|x)\.com/"
    r"(?!(?:share|sharer|intent|search|hashtag|company|groups|events|pages|help|about|home|watch)\b)(?:in/|u/|user/|profile|@)?[\w.-]{3,}"
    r"|t\.me/\w{3,}|wa\.me/\d+|linkedin\.com/in/"
    r"|[/?&;](?:user|usr|member|patient|paciente|profile|perfil|account|cuenta|client|customer|record|chart|people|person|usuario)s?(?:[_-]?(?:id|name|no|num))?[/=][^/\s]{2,}"
    r"|[?&;](?:uid|pid|mrn|ssn|dni|nhc|token|session|sid|email|e-mail|phone|dob|id_?paciente)=[^&\s]+|/~\w+"
)


def _leads_to_a_person(match: re.Match[str]) -> bool:
    return _OF_A_PERSON.search(match[0]) is not None


def _toll_free(match: re.Match[str]) -> bool:
    return toll_free(match[0])


def _spelled(text: str) -> Iterator[tuple[int, int]]:
    yield from by_pattern(_EMAIL_SPELLED)(text)


CONTACT_RULES: tuple[Rule, ...] = (
    Rule(name="email", kind="EMAIL", hint=r"@", spans=by_pattern(_EMAIL, _personal_mailbox)),
    Rule(name="email-spelled", kind="EMAIL", hint=r"(?i)[\[({] ?(?:at|arroba|@) ?[\])}]|\w (?:at|arroba) [\w-]+ (?:dot|punto) ", spans=_spelled),
    Rule(
        name="email-organisation",
        kind="EMAIL",
        hint=r"@",
        spans=by_pattern(_EMAIL, lambda match: not _personal_mailbox(match)),
        organisation=True,
    ),
    Rule(name="url", kind="URL", hint=r"(?i)https?://|www\.", spans=by_pattern(_URL, _leads_to_a_person)),
    Rule(name="ip-v4", kind="IP", hint=r"\d\.\d{1,3}\.\d{1,3}\.\d", spans=by_pattern(_IPV4, _address_v4)),
    Rule(name="ip-v6", kind="IP", hint=r"[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:]", spans=by_pattern(_IPV6, _address_v6)),
    Rule(name="phone-international", kind="PHONE", hint=r"(?:\+|00)[1-9][\d .()/-]{6}", spans=by_pattern(_INTERNATIONAL, _international)),
    Rule(name="phone-cued", kind="PHONE", hint=rf"(?i){_PHONE_CUE}[^\d\n+]{{0,28}}\+?\(?\d[\d .()/-]{{6}}", spans=by_pattern(_CUED, _cued)),
    Rule(name="phone-american", kind="PHONE", hint=r"\d{3}[)-. ][ -]{0,2}\d{3}[-. ]{1,2}\d{4}", spans=by_pattern(_NANP, _north_american)),
    Rule(name="phone-spanish", kind="PHONE", hint=r"[6-9]\d[\d .-]\d{2}[\d .-]\d[\d .-]", spans=by_pattern(_SPANISH, _spanish)),
    Rule(name="phone-british", kind="PHONE", hint=r"0\d{2,5}\)?[ -]\d{3,4}", spans=by_pattern(_BRITISH, _british)),
    Rule(name="phone-french", kind="PHONE", hint=r"0[1-9](?:[ .-]?\d\d){4}", spans=by_pattern(_FRENCH, _french)),
    Rule(
        name="phone-organisation",
        kind="PHONE",
        hint=r"8(?:00|88|77|66|55|44|33)[)-. ][ -]{0,2}\d{3}[-. ]{1,2}\d{4}",
        spans=by_pattern(_NANP, _toll_free),
        organisation=True,
    ),
)
