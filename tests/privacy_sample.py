"""The labelled sample for personal data: texts with the spans that must be found, and texts in which nothing may be.

Two halves. ``held_out`` was written by hand before the rules and is never used to tune them. ``tuned`` fills templates
from seeded pools (numbers with right check digits) and is what the rules were tuned on. Every person, address and
number is made up. Run ``python tests/privacy_sample.py`` for the table of recall and false alarms.
"""

import random
import re
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from stdnum import luhn
from stdnum.es import dni, nie
from stdnum.fr import nir
from stdnum.gb import nhs

from quality.privacy.redaction import Privacy, find

FOLDER = Path(__file__).parent / "fixtures" / "privacy"
SEED = 20240611
COPIES = 2

_TAG = re.compile(r"<(/?)([A-Z_]+)>")
_SLOT = re.compile(r"\{(\w+)\}")

_POOLS = {
    "woman": "Margaret Ophelia Shirin Delphine Tamsin Yetunde Ingeborg Carol Bianca Susan Lakshmi Philippa Maren Joyce",
    "man": "Gerald Quentin Oluwaseun Bjarne Stephen Tariq Wendell Casimir Kevin Leopold Hamish Rashid Norbert Douglas",
    "surname": "Abernathy Kowalczyk Haddad Fitzgerald Oyelaran Brandt Nakagawa Thistlewood McAllister O'Donnell Reyes",
    "surname2": "Vance Solberg Igwe Castellanos Whitcombe Drummond Bhatt Larsen",
    "mujer": "Rosario Amparo Nerea Visitación Guadalupe Ainhoa Concepción Lucía Miren Estíbaliz Julia Paloma",
    "hombre": "Leandro Eusebio Gonzalo Íñigo Rubén Wenceslao Marcelino Óscar Sergio Baldomero Hilario Tomás",
    "apellido": "Barrenechea Quiñones Villalobos Sepúlveda Andrade Zurita Cabañas Ferreiro Urrutia Lozano Peñalver",
    "apellido2": "Echeverría Tello Mansilla Caballero Roldán Sanz Iturbe Gallardo",
    "femme": "Solène Ghislaine Capucine Véronique Maëlys Josiane",
    "homme": "Gauthier Rémi Fabrice Anatole Yannick Thierry",
    "nom": "Charpentier Lefebvre Vasseur Duhamel Bonnard Tessier",
    "user": "juniper_hale88 r.okafor m-salas74 tova.lind piers_wren",
    "mbi": "1EG4-TE5-MK72 3HC9XK4PT61 7WD2-QR8-YN04 9AA1-AA1-AA11",
    "cip": "BRND1850412019 BBBBBBBBCC102938 QNTL0720923014 BBBBBBBBXP556677",
}  # fmt: skip

_STREETS = {
    "street_us": ("742 Juniper Hollow Road", "18 N. Harbor St., Apt 4C", "2209 Cedar Ridge Lane", "55 SW 14th Avenue"),
    "city_us": ("Boise, ID 83702", "Silver Spring, MD 20901", "Baton Rouge, LA 70808-1123", "St. Paul, MN 55104"),
    "street_uk": ("Flat 2, 31 Marlborough Crescent, Bristol BS8 2LX", "6 Kiln Lane, Alnwick NE66 1QQ"),
    "street_es": (
        "C/ Doctor Fleming, 12, 4.º A, 50009 Zaragoza",
        "Avda. de los Naranjos 33, 29602 Marbella",
        "calle San Bernardo, 101, 28015 Madrid",
        "Plaza de España nº 5, 2º izda, 15001 A Coruña",
        "Carrer de Balmes 210, 08006 Barcelona",
    ),
    "street_fr": ("7 avenue Jean Jaurès, 31000 Toulouse", "24 bis rue du Faubourg Saint-Antoine, 75012 Paris"),
    "date_long": ("July 19, 1958", "4 October 1977", "February 2nd, 1994", "30 Jan 1966"),
    "date_es_long": ("7 de marzo de 1944", "25 de diciembre de 1971", "1 de junio de 2001"),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """A text and its personal data: kind, start, end."""

    text: str
    spans: tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What the rules did on a sample: per kind spans found and spans in all; false alarms in the labelled texts."""

    found: dict[str, int]
    total: dict[str, int]
    alarms: int

    @property
    def recall(self) -> float:
        """The share of spans of which no letter and no digit stays uncovered."""
        return sum(self.found.values()) / sum(self.total.values())


def held_out_personal() -> list[Labelled]:
    """Return the texts written before the rules, with their spans."""
    return [_labelled(line) for line in _lines("held_out_personal.txt")]


def held_out_clean() -> list[str]:
    """Return the texts written before the rules in which nothing is personal."""
    return [_labelled(line).text for line in _lines("held_out_clean.txt")]


def tuned_personal() -> list[Labelled]:
    """Return the filled templates with their spans."""
    chance = random.Random(SEED)
    return [_labelled(_filled(line, chance)) for _ in range(COPIES) for line in _lines("templates_personal.txt")]


def tuned_clean() -> list[str]:
    """Return the texts without anything personal that the rules were tuned on."""
    return [_labelled(line).text for line in _lines("templates_clean.txt")]


def drugs() -> list[str]:
    """Return names of medicines."""
    return [name for line in _lines("drugs.txt") for name in line.split()]


def eponyms() -> list[str]:
    """Return eponyms as they are written."""
    return _lines("eponyms.txt")


DRUG_CARRIERS = (
    "She was started on {} yesterday and feels better.",
    "My mother takes {} every morning. Is that safe?",
    "I gave my son {} for the fever.",
    "{} was stopped because of a rash.",
    "Patient: on {}, no side effects.",
    "Hello doctor, {} makes me dizzy.",
    "Dr. told me to take {} twice a day.",
    "Mi padre toma {} desde hace años.",
    "Paciente en tratamiento con {}.",
    "Name: {} 10 mg",
)
EPONYM_CARRIERS = (
    "The diagnosis is {}.",
    "My mother has {}, and my sister may have it too.",
    "Patient: {}, stable.",
    "{} was first described long ago.",
    "Is {} hereditary?",
    "Seen by the specialist for {}.",
    "I am worried about {}.",
    "Diagnóstico: {}.",
    "Mi hijo tiene {}.",
    "Dear Doctor, {} runs in my family.",
)


def evaluate(sample: list[Labelled], config: Privacy | None = None) -> Outcome:
    """Return what is found of a labelled sample; a finding that touches no span is a false alarm."""
    findings = find(pl.Series([row.text for row in sample]), config or Privacy())
    places: dict[int, list[tuple[int, int]]] = {}
    for row, start, end in findings.select("row", "start", "end").iter_rows():
        places.setdefault(row, []).append((start, end))
    found: dict[str, int] = {}
    total: dict[str, int] = {}
    alarms = 0
    for number, row in enumerate(sample):
        here = places.get(number, [])
        alarms += sum(not any(s < end and start < e for _, s, e in row.spans) for start, end in here)
        for kind, start, end in row.spans:
            total[kind] = total.get(kind, 0) + 1
            found[kind] = found.get(kind, 0) + _covered(row.text, start, end, here)
    return Outcome(found=found, total=total, alarms=alarms)


def flagged(texts: list[str]) -> list[str]:
    """Return the texts in which anything is found."""
    rows = find(pl.Series(texts), Privacy())["row"].unique().sort()
    return [texts[row] for row in rows]


def _covered(text: str, start: int, end: int, places: list[tuple[int, int]]) -> bool:
    return all(any(s <= at < e for s, e in places) for at in range(start, end) if text[at].isalnum())


def _lines(name: str) -> list[str]:
    lines = (FOLDER / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def _labelled(line: str) -> Labelled:
    text, spans, position, start = "", [], 0, 0
    line = line.replace("\\n", "\n")
    for tag in _TAG.finditer(line):
        text += line[position : tag.start()]
        position = tag.end()
        if tag[1]:
            spans.append((tag[2], start, len(text)))
        start = len(text)
    return Labelled(text=text + line[position:], spans=tuple(spans))


def _filled(template: str, chance: random.Random) -> str:
    return _SLOT.sub(lambda slot: _value(slot[1], chance), template)


def _value(slot: str, chance: random.Random) -> str:
    if slot in _POOLS:
        return chance.choice(_POOLS[slot].split())
    if slot in _STREETS:
        return chance.choice(_STREETS[slot])
    if slot.startswith("digits"):
        return _digits(chance, int(slot.removeprefix("digits")))
    return _MADE[slot](chance)


def _digits(chance: random.Random, length: int) -> str:
    return "".join(chance.choice("0123456789") for _ in range(length))


def _date(form: str, *, month_first: bool = False):
    def made(chance: random.Random) -> str:
        day, month, year = chance.randint(1, 28), chance.randint(1, 12), chance.randint(1931, 2009)
        first, second = (month, day) if month_first else (day, month)
        return form.format(first, second, year)

    return made


def _phone_us(chance: random.Random) -> str:
    area, last = chance.choice(("212", "415", "617", "503", "303")), f"01{chance.randint(0, 99):02}"
    return chance.choice(("({}) 555-{}", "{}-555-{}", "{}.555.{}", "{} 555 {}")).format(area, last)


def _phone_es(chance: random.Random) -> str:
    groups = [
        chance.choice("67") + _digits(chance, 2),
        _digits(chance, 3),
        _digits(chance, 2) + chance.choice("123456789"),
    ]
    return chance.choice((" ", "", " ")).join(groups)


def _nhs(chance: random.Random) -> str:
    while True:
        number = f"{chance.randint(4000000000, 7999999999)}"
        if nhs.is_valid(number):
            return nhs.format(number)


def _dni(chance: random.Random) -> str:
    number = f"{chance.randint(10_000_000, 79_999_999)}"
    return number + chance.choice(("", "-")) + dni.calc_check_digit(number)


def _nie(chance: random.Random) -> str:
    number = chance.choice("XYZ") + _digits(chance, 7)
    return number + nie.calc_check_digit(number)


def _card(chance: random.Random) -> str:
    number = chance.choice(("4", "51", "6011")).ljust(4, "2") + _digits(chance, 11)
    number += luhn.calc_check_digit(number)
    return chance.choice((number, " ".join(number[i : i + 4] for i in range(0, 16, 4))))


def _nir(chance: random.Random) -> str:
    number = f"{chance.choice('12')}{chance.randint(35, 99)}{chance.randint(1, 12):02}{chance.randint(1, 95):02}"
    number += _digits(chance, 3) + f"{chance.randint(1, 999):03}"
    return number + nir.calc_check_digits(number)


def _nss(chance: random.Random) -> str:
    head = f"{chance.randint(1, 52):02}{chance.randint(10_000_000, 99_999_999)}"
    return f"{head}{int(head) % 97:02}"


_MADE = {
    "MAN": lambda chance: _value("man", chance).upper(),
    "SURNAME": lambda chance: _value("surname", chance).upper(),
    "woman_low": lambda chance: chance.choice(("carol", "joyce dunn", "margaret", "susan brandt")),
    "first_low": lambda chance: chance.choice(("carol", "margaret", "susan", "joyce")),
    "surname_low": lambda chance: _value("surname2", chance).lower(),
    "man_low": lambda chance: chance.choice(("me", "us")),
    "initial": lambda chance: chance.choice("ABCDEGJKLMR") + ".",
    "letter": lambda chance: chance.choice("ABCDEFGHJKLMNPRST"),
    "email": lambda chance: f"{_value('user', chance)}@{chance.choice(('mail.example', 'correo.example.es'))}",
    "date_us": _date("{:02}/{:02}/{}", month_first=True),
    "date_es": _date("{:02}/{:02}/{}"),
    "date_iso": lambda chance: f"{chance.randint(1931, 2009)}-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}",
    "phone_us": _phone_us,
    "phone_uk": lambda chance: chance.choice(("07700 900", "020 7946 0")) + _digits(chance, 3),
    "phone_intl": lambda chance: chance.choice(("+44 7700 900", "+1 617 555 0", "+34 612 345 ")) + _digits(chance, 3),
    "phone_es": _phone_es,
    "phone_fr": lambda chance: "0" + chance.choice("12346") + "".join(f" {_digits(chance, 2)}" for _ in range(4)),
    "ssn": lambda chance: f"{chance.randint(101, 665)}-{chance.randint(10, 99)}-{chance.randint(1000, 9999)}",
    "nhs": _nhs,
    "dni": _dni,
    "nie": _nie,
    "nir": _nir,
    "nss": _nss,
    "card": _card,
    "ip": lambda chance: chance.choice(("192.0.2.", "198.51.100.", "203.0.113.")) + str(chance.randint(1, 254)),
}  # fmt: skip


def report() -> pl.DataFrame:
    """Return the table: sample, kind, spans, found, share; then clean texts and how many are flagged."""
    rows = []
    for name, sample in (("tuned", tuned_personal()), ("held out", held_out_personal())):
        outcome = evaluate(sample)
        rows += [
            (name, kind, n, outcome.found[kind], outcome.found[kind] / n) for kind, n in sorted(outcome.total.items())
        ]
        rows.append((name, "all", sum(outcome.total.values()), sum(outcome.found.values()), outcome.recall))
    clean = {
        "tuned, clean texts": tuned_clean(),
        "held out, clean texts": held_out_clean(),
        "drugs": [carrier.format(name) for name in drugs() for carrier in DRUG_CARRIERS],
        "eponyms": [carrier.format(name) for name in eponyms() for carrier in EPONYM_CARRIERS],
    }
    for name, texts in clean.items():
        alarms = len(flagged(texts))
        rows.append((name, "flagged", len(texts), alarms, alarms / len(texts)))
    columns = {"sample": pl.String, "kind": pl.String, "of": pl.Int64, "found": pl.Int64, "share": pl.Float64}
    return pl.DataFrame(rows, schema=columns, orient="row")


if __name__ == "__main__":
    with pl.Config(tbl_rows=-1):
        print(report())
