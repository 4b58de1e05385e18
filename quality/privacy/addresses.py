"""Rules for postal addresses of people, in the American, British, Spanish and French forms."""

from __future__ import annotations

import re

from quality.privacy.privacy_rule import DIGIT, ORGANISATION, Rule, pattern_rule, together

_CAP = r"(?:[A-ZÀ-Þ][\w’'-]*\.?)"
_TOWN = r"(?:(?:(?:St|Ste|Ft|Mt)\.|[A-ZÀ-Þ][\w’'-]*)(?:[ ][A-ZÀ-Þ][\w’'-]*){0,3})"

# --- American and British ---

_STATE = (
    r"(?:A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|P[AR]|RI|S[CD]|T[NX]|UT"
    r"|V[AT]|W[AIVY])"
)
_POSTCODE = r"[A-Z]{1,2}\d[A-Z\d]?[ ]?\d[ABD-HJLNP-UW-Z]{2}(?!\w)"
_STREET = (
    r"(?:Street|St|Avenue|Ave|Av|Road|Rd|Drive|Dr|Lane|Ln|Boulevard|Blvd|Court|Ct|Place|Pl|Way|Terrace|Ter|Circle"
    r"|Cir|Parkway"
    r"|Pkwy|Pike|Highway|Hwy|Square|Sq|Close|Crescent|Cres|Gardens?|Gdns|Grove|Mews|Row|Trail|Trl|Loop|Alley|Walk"
    r"|Broadway|Hill"
    r"|Green|Route|Heights|Turnpike|Plaza)"
)
_UNIT = r"(?:,?[ ](?:(?i:apt|apartment|suite|ste|unit|flat|floor|fl|room|rm|bldg|building)\.?|\#)[ ]?[\w-]{1,6})"
_AMERICAN_TAIL = rf"(?:,?[ \n]{_TOWN})?,?[ ]{_STATE}(?:,?[ ]\d{{5}}(?:-\d{{4}})?)?(?!\w)"
_BRITISH_TAIL = rf"(?:,?[ \n]{_TOWN}){{0,3}},?[ \n]{_POSTCODE}"
_STREET_ADDRESS = re.compile(
    rf"(?<![\w.,/-])(?:(?:Flat|Apt|Apartment|Unit|Suite)[ ]\w{{1,5}},[ ])?\d{{1,6}}[A-Za-z]?,?[ ]"
    rf"(?:[NSEW]{{1,2}}\.?[ ])?"
    rf"(?:(?:{_CAP}|\d{{1,3}}(?:st|nd|rd|th))[ ]){{1,4}}?{_STREET}(?!\w)\.?(?:[ ][NSEW]{{1,2}}(?!\w)\.?)?"
    rf"{_UNIT}?(?:{_BRITISH_TAIL}|{_AMERICAN_TAIL}|,[ ]{_TOWN}(?=[.;\n]|$))?"
)
_STREET_HINT = rf"[0-9][A-Za-z]?,? (?:(?:[A-ZÀ-Þ][\w’'-]*\.?|[0-9]+(?:st|nd|rd|th)) ){{1,5}}{_STREET}"
_POSTCODE_ADDRESS = re.compile(
    rf"(?<![\w.,/-])\d{{1,4}}[A-Za-z]?,?[ ]{_CAP}(?:[ ](?:{_CAP}|y|de|the|of|on|upon|in)){{0,4}}"
    rf"(?:,[ \n]{_CAP}(?:[ ](?:{_CAP}|on|upon|le|the)){{0,3}}){{0,3}},?[ \n]{_POSTCODE}"
)
_BOX = re.compile(
    r"(?:\b[Pp]\.?[ ]?[Oo]\.?[ ]?[Bb]ox|\b[Pp]ost [Oo]ffice [Bb]ox|\bApartado(?: de [Cc]orreos)?|\bApdo\.?)[ ]#?\d{1,6}"
    rf"(?:{_AMERICAN_TAIL}|,?[ ]\d{{5}}(?:[ ]{_TOWN})?)?"
)

# --- Spanish and French ---

_WAY = (
    r"(?:[Cc]/\.?|[Cc]l?/|[Cc]alle|C\.|[Aa]v(?:enida|da|d)?\.?|[Aa]vgda\.?|[Pp]laza|[Pp]za\.?|[Pp]l\.|[Pp]la[çc]a"
    r"|[Pp]aseo"
    r"|[Pp]asseig|[Pp]º"
    r"|[Pp]\.º|[Cc]amino|[Cc]arretera|[Cc]tra\.?|[Rr]onda|[Tt]raves[íi]a|[Uu]rbanizaci[óo]n|[Uu]rb\.|[Rr]ambla"
    r"|[Cc]arrer"
    r"|[Gg]lorieta|[Cc]arrera|[Cc]ra\.|[Cc]ostanilla|[Cc]uesta|[Bb]arrio|[Pp]asaje|[Pp]je\.|[Cc]alzada|[Gg]ran V[íi]a"
    r"|[Dd]iagonal|[Cc]allej[óo]n)"
)
_LINK = r"(?:(?:de|del|la|las|los|el|dels|les|y|i)[ ]|[ld][’'])"
_STOREY = (
    r"(?:\d{1,2}\.?[ºª°o]\.?(?:[ ]?[-–]?[ ]?(?:[A-H]\b|\d{1,2}\.?[ªº]|izda\.?|izq\.?|dcha\.?|dcho\.?|derecha"
    r"|izquierda|centro))?"
    r"|(?:piso|puerta|pta\.?|portal|esc\.?|escalera|bloque|bajo|[áa]tico|interior|int\.|depto\.?"
    r"|dpto\.?)(?:[ ]?\w{1,3}\b)?"
    r"|(?:[A-H]|izda\.?|dcha\.?|bajo)\b)"
)
_DOOR = (
    r"(?:,?[ ](?:n[.]?[ºo°]\.?|n[úu]m(?:ero)?\.?|[#])?[ ]?\d{1,4}[A-Z]?\b(?![.,]\d|[ ]?(?:mg|ml|a[ñn]os"
    r"|%))(?:[ ]?(?:bis"
    r"|dpdo\.?|duplicado))?|(?=,?[ ](?:[Ss]/?[Nn](?!\w)|sin n[úu]mero)))(?:,?[ ](?:[Ss]/?[Nn](?!\w)\.?|sin n[úu]mero))?"
    rf"(?:,?[ ]{_STOREY})*"
)
_SPANISH_TOWN = (
    r"(?:[ ]?[,.–-]?[ ](?:C\.?P\.?:?[ ]?)?\d{5}(?:[ ,]{1,2}(?:(?:A|La|El|Las|Los|L’|L')[ ]?)?[A-ZÀ-Þ][\wà-ÿ'’-]+"
    rf"(?:[ ]{_LINK}{{0,2}}[A-ZÀ-Þ][\wà-ÿ'’-]+){{0,4}})?(?:[ ]?\([A-ZÀ-Þ][\wà-ÿ ]+\))?)"
)
_SPANISH = re.compile(
    rf"(?<![\w/]){_WAY}[ ]?{_LINK}{{0,4}}[A-ZÀ-Þ0-9][\wà-ÿ'’.-]*"
    rf"(?:[ ]{_LINK}{{0,2}}[A-ZÀ-Þ][\wà-ÿ'’.-]*){{0,5}}{_DOOR}{_SPANISH_TOWN}?"
)
_SPANISH_HINT = rf"(?:^|[^A-Za-z0-9_]){_WAY}[ ]?{_LINK}{{0,4}}[A-ZÀ-Þ0-9][^\n]{{0,90}}(?:[0-9]|[Ss]/?[Nn]|sin n)"
_DOORS = r"[0-9]| (?:[Ss]/?[Nn]|sin n)"
_FRENCH = re.compile(
    r"(?<![\w.,/-])\d{1,4}(?:[ ]?(?:bis|ter|quater))?,?[ ](?:[Rr]ue|[Aa]venue|[Aa]v\.|[Bb]oulevard|[Bb]d\.?"
    r"|[Aa]ll[ée]e|[Ii]mpasse"
    r"|[Pp]lace|[Cc]hemin|[Rr]oute|[Qq]uai|[Cc]ours|[Ss]quare|[Ff]aubourg|[Rr]ésidence)[ ](?:(?:de|du|des|la|le"
    r"|les)[ ]|[ld][’']){0,3}"
    r"[A-ZÀ-Þ\d][\wà-ÿ'’-]*(?:[ ](?:(?:de|du|des|la|le|les)[ ]|[ld][’']){0,2}[A-ZÀ-Þ][\wà-ÿ'’-]*){0,4}"
    r"(?:,?[ \n]\d{5}[ ][A-ZÀ-Þ][\wà-ÿ'’-]+(?:[ -][A-ZÀ-Þ][\wà-ÿ'’-]+){0,3})?"
)

# --- whatever a label announces ---

_LABELLED = re.compile(
    r"(?i:(?<![\w-])(?:(?:home |mailing |postal |current |permanent |street )?address(?: is)?|direcci[óo]n|domicilio"
    r"|adresse))"
    r"[ \t]*:[ \t]*(?P<x>[^\n;:@]{0,40}?\d[^\n;:@]{0,60}?)(?=[.;\n]|$|,? (?:tel|phone|and|y)\b)"
)
_NOT_POSTAL = re.compile(r"(?i)\s*(?:of|the|this|in|for|is|was|ip\b|https?|www)")
_ORGANISATION_BEFORE = re.compile(rf"(?i:\b{ORGANISATION})\b[^\n]{{0,40}}\n?[^\n]{{0,60}}$")


def _of_a_person(match: re.Match[str]) -> bool:
    """Return whether the text before an address does not name an organisation."""
    return _ORGANISATION_BEFORE.search(match.string[max(0, match.start() - 120) : match.start()]) is None


def _labelled(match: re.Match[str]) -> bool:
    value = match["x"]
    return _NOT_POSTAL.match(value) is None and re.search(r"[A-ZÀ-Þ]\w", value) is not None and _of_a_person(match)


ADDRESS_RULES: tuple[Rule, ...] = (
    *together(
        "streets", (DIGIT,), pattern_rule("address-street", "ADDRESS", _STREET_ADDRESS, _of_a_person, hint=_STREET_HINT)
    ),
    *together(
        "checked",
        (DIGIT,),
        pattern_rule(
            "address-postcode",
            "ADDRESS",
            _POSTCODE_ADDRESS,
            _of_a_person,
            hint=r"[A-Z]{1,2}[0-9][A-Z0-9]? ?[0-9][A-Z]{2}",
        ),
        pattern_rule("address-box", "ADDRESS", _BOX, _of_a_person),
    ),
    *together(
        "ways", (_DOORS,), pattern_rule("address-spanish", "ADDRESS", _SPANISH, _of_a_person, hint=_SPANISH_HINT)
    ),
    *together("rues", (DIGIT,), pattern_rule("address-french", "ADDRESS", _FRENCH, _of_a_person)),
    *together(
        "labelled numbers",
        (DIGIT,),
        pattern_rule(
            "address-labelled",
            "ADDRESS",
            _LABELLED,
            _labelled,
            hint=r"(?i:address(?: is)?|direcci[óo]n|domicilio|adresse)[ \t]*:",
        ),
    ),
)
