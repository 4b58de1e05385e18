"""Synthetic medical texts with labelled personal data, and sentences without any that look as if they had some.

Example: ``python tests/labelled/make_privacy.py privacy.tune.jsonl --seed 1``. Every name and number is made from lists
and a seed. A row holds ``text``, ``lang``, ``kind`` and ``spans`` of ``start``, ``end``, ``type`` and ``text``, offsets
in characters. ``invented`` marks word problems whose persons are made up and stay.
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SLOT = re.compile(r"\{([a-z_]+)(?:#(\d))?\}")
DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"


@dataclass(frozen=True)
class Half:
    """Lists and templates of one half. ``names`` maps a language area to given names and surnames.

    Templates are pairs of kind and text for each language; negatives also name a list of ``fillers`` by slot.
    """

    names: Mapping[str, tuple[Sequence[str], Sequence[str]]]
    fillers: Mapping[str, Sequence[str]]
    streets: Mapping[str, Sequence[str]]
    phones: Mapping[str, Sequence[str]]
    domains: Sequence[str]
    birth_formats: Mapping[str, Sequence[str]]
    positives: Mapping[str, Sequence[tuple[str, str]]]
    negatives: Sequence[tuple[str, str, str]]
    invented: Sequence[tuple[str, str]] = field(default_factory=tuple)


@dataclass(frozen=True)
class Person:
    given: str
    surnames: tuple[str, ...]

    @property
    def full(self) -> str:
        return " ".join((self.given, *self.surnames))


def digits(r: random.Random, count: int) -> str:
    return "".join(str(r.randrange(10)) for _ in range(count))


def fill(r: random.Random, pattern: str) -> str:
    """Replace every ``0`` by a digit and every ``9`` by a digit above one."""
    return "".join(str(r.randrange(10)) if c == "0" else str(r.randrange(2, 10)) if c == "9" else c for c in pattern)


def luhn(number: str) -> str:
    total = 0
    for place, c in enumerate(reversed(number)):
        value = int(c) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def make_dni(r: random.Random) -> str:
    number = r.randrange(10_000_000, 99_999_999)
    return f"{number}{r.choice(['', '-'])}{DNI_LETTERS[number % 23]}"


def make_nie(r: random.Random) -> str:
    first, rest = r.randrange(3), digits(r, 7)
    return f"{'XYZ'[first]}{rest}{DNI_LETTERS[int(f'{first}{rest}') % 23]}"


def make_nass(r: random.Random) -> str:
    province, number = f"{r.randrange(1, 53):02d}", f"{r.randrange(10_000_000, 99_999_999)}"
    control = f"{int(province + number) % 97:02d}"
    return r.choice([" ", "/", ""]).join((province, number, control))


def make_ssn(r: random.Random) -> str:
    return f"{r.randrange(100, 665)}-{r.randrange(10, 99)}-{r.randrange(1000, 9999)}"


def account_check(number: str) -> str:
    """Return the control digit of a half of a Spanish account number."""
    weights = (1, 2, 4, 8, 5, 10, 9, 7, 3, 6)
    value = 11 - sum(int(c) * weight for c, weight in zip(number.zfill(10), weights, strict=True)) % 11
    return {10: "1", 11: "0"}.get(value, str(value))


def make_iban(r: random.Random) -> str:
    country = r.choice(["ES", "DE"])
    bank, account = digits(r, 8), digits(r, 10)
    body = bank + (account_check(bank) + account_check(account) if country == "ES" else "") + account
    value = int(body + "".join(str(ord(c) - 55) for c in country) + "00")
    iban = f"{country}{98 - value % 97:02d}{body}"
    return " ".join(iban[i : i + 4] for i in range(0, len(iban), 4)) if r.random() < 0.5 else iban


def make_nhs(r: random.Random) -> str:
    while True:
        body = f"{r.randrange(4, 8)}{digits(r, 8)}"
        check = 11 - sum(int(c) * w for c, w in zip(body, range(10, 1, -1), strict=True)) % 11
        if check != 10:
            number = f"{body}{check % 11}"
            return f"{number[:3]} {number[3:6]} {number[6:]}"


def make_card(r: random.Random) -> str:
    body = f"4{digits(r, 14)}"
    number = body + luhn(body)
    return " ".join(number[i : i + 4] for i in range(0, 16, 4))


def make_npi(r: random.Random) -> str:
    body = f"1{digits(r, 8)}"
    return body + luhn(f"80840{body}")


def make_pesel(r: random.Random) -> str:
    body = f"{r.randrange(40, 99)}{r.randrange(1, 13):02d}{r.randrange(1, 29):02d}{digits(r, 4)}"
    total = sum(int(c) * w for c, w in zip(body, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3), strict=True))
    return f"{body}{-total % 10}"


def make_nir(r: random.Random) -> str:
    body = f"{r.choice('12')}{r.randrange(40, 99)}{r.randrange(1, 13):02d}{r.randrange(10, 95)}{digits(r, 6)}"
    return f"{body} {97 - int(body) % 97:02d}"


def make_cpf(r: random.Random) -> str:
    body = [r.randrange(10) for _ in range(9)]
    for _ in range(2):
        total = sum(value * weight for value, weight in zip(body, range(len(body) + 1, 1, -1), strict=True))
        body.append(total * 10 % 11 % 10)
    text = "".join(map(str, body))
    return f"{text[:3]}.{text[3:6]}.{text[6:9]}-{text[9:]}"


NUMBERS: dict[str, Callable[[random.Random], str]] = {
    "dni": make_dni,
    "nie": make_nie,
    "nass": make_nass,
    "ssn": make_ssn,
    "iban": make_iban,
    "nhs": make_nhs,
    "card": make_card,
    "npi": make_npi,
    "pesel": make_pesel,
    "nir": make_nir,
    "cpf": make_cpf,
    "collegiate": lambda r: r.choice([f"{r.randrange(1, 53):02d}/{digits(r, 5)}", f"{digits(r, 2)}{digits(r, 7)}"]),
    "passport": lambda r: "".join(r.choice("ABCDEFGHKLMNP") for _ in range(3)) + digits(r, 6),
    "record": lambda r: r.choice([digits(r, 7), f"{digits(r, 3)}-{digits(r, 4)}", f"HC{digits(r, 6)}"]),
    "insurance": lambda r: "".join(r.choice("BCDFGHJK") for _ in range(4)) + digits(r, 10),
    "ip": lambda r: f"{r.randrange(11, 200)}.{r.randrange(256)}.{r.randrange(256)}.{r.randrange(1, 255)}",
}
NAME_FORMS: dict[str, Callable[[Person], str]] = {
    "name": lambda p: p.full,
    "name_surname": lambda p: " ".join(p.surnames),
    "name_given": lambda p: p.given,
    "name_caps": lambda p: p.full.upper(),
    "name_initial": lambda p: f"{p.given[0]}. {p.surnames[0]}",
    "name_reversed": lambda p: f"{' '.join(p.surnames)}, {p.given}".upper(),
    "bare": lambda p: p.full,
    "bare_caps": lambda p: p.full.upper(),
    "bare_reversed": lambda p: f"{' '.join(p.surnames)}, {p.given}".upper(),
}
MONTHS = {
    "en": "January February March April May June July August September October November December".split(),
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre".split(),
}


def make_person(r: random.Random, half: Half, lang: str) -> Person:
    area = "spanish" if lang == "es" and r.random() < 0.5 else r.choice(sorted(half.names))
    given, surnames = half.names[area]
    return Person(r.choice(list(given)), tuple(r.sample(list(surnames), 2 if area == "spanish" else 1)))


def make_birth(r: random.Random, half: Half, lang: str) -> str:
    day, month, year = r.randrange(1, 29), r.randrange(1, 13), r.randrange(1931, 2019)
    return r.choice(list(half.birth_formats[lang])).format(d=day, m=month, y=year, name=MONTHS[lang][month - 1])


def make_email(r: random.Random, half: Half, person: Person) -> str:
    plain = re.sub(r"[^a-z]", "", person.surnames[0].lower()) or "contact"
    return f"{plain}{r.choice(['.', '_', ''])}{r.randrange(10, 99)}@{r.choice(list(half.domains))}"


def make_value(name: str, r: random.Random, half: Half, lang: str, person: Person) -> tuple[str, str]:
    """Return the text of a slot and the type of its span."""
    if name in NAME_FORMS:
        return NAME_FORMS[name](person), "name_without_cue" if name.startswith("bare") else "name_with_cue"
    if name in NUMBERS:
        return NUMBERS[name](r), name
    if name == "phone":
        return fill(r, r.choice(list(half.phones[lang]))), "phone"
    if name == "address":
        return fill(r, r.choice(list(half.streets[lang]))), "address"
    if name == "birth":
        return make_birth(r, half, lang), "birth_date"
    if name == "email":
        return make_email(r, half, person), "email"
    if name == "url":
        plain = make_email(r, half, person).split("@")[0]
        return f"https://{r.choice(list(half.domains))}/people/{plain}", "url"
    raise ValueError(f"slot is {name!r}, expected a name form, a number, phone, address, birth, email or url")


def render(template: str, r: random.Random, half: Half, lang: str) -> tuple[str, list[dict[str, Any]]]:
    """Return the text of a template and its spans; slots with one number speak of one person."""
    people: dict[str, Person] = {}
    text, end, spans = "", 0, []
    for match in SLOT.finditer(template):
        text += template[end : match.start()]
        end = match.end()
        person = people.setdefault(match[2] or f"slot {match.start()}", make_person(r, half, lang))
        value, kind = make_value(match[1], r, half, lang, person)
        spans.append({"start": len(text), "end": len(text) + len(value), "type": kind, "text": value})
        text += value
    return text + template[end:], spans


def positive_rows(half: Half, seed: int, rounds: int) -> list[dict[str, Any]]:
    """Return every template ``rounds`` times, each time with other values."""
    rows = []
    for lang, templates in half.positives.items():
        for place, (kind, template) in enumerate(templates):
            for turn in range(rounds):
                text, spans = render(template, random.Random(f"{seed}:{lang}:{place}:{turn}"), half, lang)
                rows.append({"text": text, "lang": lang, "kind": kind, "invented": False, "spans": spans})
    return rows


def negative_rows(half: Half, seed: int, limit: int) -> list[dict[str, Any]]:
    """Return ``limit`` distinct sentences without personal data, the templates taken in turn."""
    rows: dict[str, dict[str, Any]] = {}
    templates = [(lang, kind, text, False) for lang, kind, text in half.negatives]
    templates += [("en", kind, text, True) for kind, text in half.invented]
    for turn in range(200):
        for place, (lang, kind, template, invented) in enumerate(templates):
            r = random.Random(f"{seed}:negative:{place}:{turn}")
            text = SLOT.sub(lambda match, r=r: fill_negative(match[1], r, half), template)
            if len(rows) < limit:
                rows.setdefault(text, {"text": text, "lang": lang, "kind": kind, "invented": invented, "spans": []})
    return list(rows.values())


COUNTERS = {"n": (2, 900), "two": (10, 25), "day": (1, 29)}


def fill_negative(name: str, r: random.Random, half: Half) -> str:
    return str(r.randrange(*COUNTERS[name])) if name in COUNTERS else r.choice(list(half.fillers[name]))


def make_rows(half: Half, seed: int, rounds: int = 8, negatives: int = 800) -> list[dict[str, Any]]:
    """Return all rows of a half, each with an id; the same seed gives the same rows."""
    rows = positive_rows(half, seed, rounds) + negative_rows(half, seed, negatives)
    return [{"id": f"privacy-{number:04d}", **row} for number, row in enumerate(rows, 1)]


TUNE = Half(
    names={
        "english": (
            ["John", "Mary", "Alice", "Robert", "Will", "Grace", "Mark", "Dick"],
            ["Sample", "Brown", "Green", "Baker", "Young", "O'Hara", "Lim", "Smith-Jones"],
        ),
        "spanish": (
            ["María", "José Luis", "Carmen", "Iñigo", "Ángel", "Begoña", "María del Carmen"],
            ["García", "Fernández", "Muñoz", "de la Fuente", "López", "Peña", "Iglesias", "Ibáñez"],
        ),
        "vietnamese": (["Thị Hồng", "Văn Đức", "Quốc Bảo", "Thu Thảo"], ["Nguyễn", "Trần", "Phạm", "Đặng"]),
        "romanian": (["Ștefan", "Ioana", "Răzvan", "Mihaela"], ["Țepeș", "Ionescu", "Bălan", "Mureșanu"]),
        "turkish": (["Ayşe", "İbrahim", "Çağla", "Oğuz"], ["Yılmaz", "Şahin", "Öztürk", "Güneş"]),
        "polish": (["Łukasz", "Małgorzata", "Paweł", "Zofia"], ["Wójcik", "Kowalczyk", "Śliwiński", "Dąbrowska"]),
        "cyrillic": (["Иван", "Ольга", "Дмитрий", "Наталья"], ["Петров", "Смирнова", "Кузнецов", "Волкова"]),
        "greek": (["Γιώργος", "Μαρία", "Νίκος", "Ελένη"], ["Παπαδόπουλος", "Γεωργίου", "Νικολάου", "Δημητρίου"]),
        "arabic": (["Ahmed", "Fatima", "Yusuf", "Khadija"], ["al-Hassan", "Ben Youssef", "El Amrani", "bin Saleh"]),
    },
    fillers={
        "drug": "Augmentin,Valproate,Keppra,Lantus,Xarelto,Marcumar,Zoloft,Lyrica,Humira,Depakine,Entresto".split(","),
        "eponym": "Crohn,Parkinson,Hodgkin,Raynaud,Graves,Addison,Cushing,Marfan,Wernicke,Hashimoto,Down".split(","),
        "sign": "Babinski,Murphy,Kernig,Chvostek,Romberg,Tinel,Homans".split(","),
        "company": "Boehringer Ingelheim,Johnson & Johnson,Eli Lilly,Abbott Laboratories,Merck Sharp & Dohme".split(
            ","
        ),
        "author": "Smith,Garcia,Tanaka,Olsen,Rossi,Novak,Dubois".split(","),
        "gene": "BRCA1,MLH1,JAK2,PIK3CA,SCN5A,MYH7,ATP7B,CFTR".split(","),
        "trial": "NCT01234567,NCT04512345,ISRCTN12345678,EudraCT 2015-001234-12".split(","),
        "place": "Georgia,Boston,Madrid,Lyon,Virginia,Sydney,Florence,Jordan".split(","),
        "invented": "Tom,Lena,Pedro,Natalia,Weng,Julie,Mr. Benson,Mrs. Snyder,Uncle Ben,Betty".split(","),
        "lot": "LOT A4021B,batch 7731-02,Lot no. EK9788,batch FD0810".split(","),
        "thing": "apples,pencils,marbles,stickers,tickets,cookies".split(","),
    },
    streets={
        "en": ["990 Maple Street", "90 Old Mill Road, Apt 0", "9000 N. Elm Ave., Suite 900", "P.O. Box 9000"],
        "es": ["Calle Mayor, 90, 9º B", "C/ del Olmo s/n", "Avda. de la Paz 90, 9º izq.", "Plaza Nueva, s/n"],
    },
    phones={
        "en": ["(990) 555-0100", "990-555-0109", "+1 990 555 0190", "990.555.0100 ext. 90"],
        "es": ["699 000 000", "+34 699 00 00 00", "919000000", "949-00-00-00"],
    },
    domains=["example.org", "mail.example.com", "clinic.example.net"],
    birth_formats={
        "en": ["{m:02d}/{d:02d}/{y}", "{name} {d}, {y}", "{y}-{m:02d}-{d:02d}"],
        "es": ["{d:02d}/{m:02d}/{y}", "{d} de {name} de {y}", "{d:02d}-{m:02d}-{y}"],
    },
    positives={
        "en": [
            (
                "header",
                "Patient name: {name}\nDOB: {birth}\nMRN: {record}\nPhone: {phone}\n\nReason: cough for a week.",
            ),
            ("header", "PATIENT: {name_reversed}\nMedical record number {record}\nSSN: {ssn}\n\nSeen for a rash."),
            ("header", "Name: {name_caps}   Date of birth: {birth}   Policy no.: {insurance}\nAddress: {address}"),
            (
                "letter",
                "Dear Mr. {name_surname},\n\nyour biopsy is benign. Ring {phone} or write to {email} for a visit.",
            ),
            ("letter", "To whom it may concern: {bare#1} was in my care. Sincerely,\n{bare#2}, MD\n{address}"),
            ("signature", "The wound heals well.\n\nBest regards,\nDr. {name}, MD, FACS\nNPI {npi}"),
            ("signature", "Stop the drops on Sunday.\n--\n{bare}, MBBS, DNB\n{email} | {url}"),
            ("self", "Hello, I am {name} and I have had headaches since May. You can reach me at {phone}."),
            ("self", "My name is {name}. I was born on {birth} and live at {address}. Is my dose right?"),
            (
                "dialogue",
                "Doctor: Good morning, Mrs. {name_surname}. Patient: Please call me {name_given}. My knee hurts.",
            ),
            ("dialogue", "Nurse: And your number? Patient: It's {phone}. Nurse: E-mail? Patient: {email}."),
            ("bare", "Yesterday {bare} was moved from the ICU to the ward and ate her first meal."),
            ("bare", "{bare_reversed} - bed 12 - nil by mouth - theatre at nine."),
            ("number", "NHS number {nhs}; passport {passport}. The traveller had fever for two days."),
            ("number", "Please refund to IBAN {iban} or to card {card}, as the visit was cancelled."),
            ("number", "Foreign ids on file: PESEL {pesel}, numéro de sécurité sociale {nir}, CPF {cpf}."),
            ("network", "The portal was used from IP address {ip} by {email} before the refill."),
            ("note", "Discussed with Dr. {name_initial}; daughter {name} (tel. {phone}) agrees with hospice."),
            ("note", "Emergency contact: {name}, {phone}, {address}. Allergic to latex."),
        ],
        "es": [
            (
                "header",
                "Nombre: {name_given#1}\nApellidos: {name_surname#1}\n"
                "NHC: {record}\nNASS: {nass}\nDomicilio: {address}",
            ),
            ("header", "Paciente: {name_reversed}\nDNI: {dni}\nFecha de nacimiento: {birth}\nTeléfono: {phone}"),
            ("header", "Datos del paciente. Nombre: {name}. NIE: {nie}. CIPA: {insurance}. Acude por tos."),
            ("signature", "Médico: {name}. NºCol: {collegiate}.\n\nInforme clínico: varón con dolor torácico."),
            ("signature", "Remitido por: Dra. {name}, {address}. Correo electrónico: {email}"),
            ("signature", "Fdo.: {name}\nColegiado n.º {collegiate}"),
            ("self", "Hola, me llamo {name} y mi hijo tiene fiebre. Mi teléfono es el {phone}."),
            ("self", "Soy {name}, nacida el {birth}. ¿Puedo tomar ibuprofeno?"),
            ("letter", "Estimada Sra. {name_surname}: su analítica es normal. Escriba a {email} si tiene dudas."),
            ("bare", "Ayer {bare} ingresó en planta y hoy tolera dieta blanda."),
            ("bare", "{bare_reversed}. Cama 14. Pendiente de ecografía."),
            ("number", "Número de afiliación {nass}, pasaporte {passport}, cuenta {iban}."),
            (
                "dialogue",
                "Médico: Buenos días, don {name}. Paciente: Buenos días. Vivo en {address} y vengo por la espalda.",
            ),
            ("note", "Se avisa a su hija {name} (móvil {phone}) del traslado."),
        ],
    },
    negatives=[
        ("en", "drug", "{drug} {n} mg was started and {drug} was stopped on day {n}."),
        ("en", "drug", "Dear {drug} users, read the leaflet before you take {n} mg."),
        ("en", "eponym", "The patient has {eponym} disease and a positive {sign} sign."),
        ("en", "eponym", "I am {eponym} positive, my sister is not; {n} relatives were tested."),
        ("en", "eponym", "Dr. {eponym}'s original paper listed {n} cases."),
        ("en", "citation", "({author} et al., 20{two}; {author} and {author}, 19{two}) found the same in {n} eyes."),
        ("en", "citation", "{author} J, {author} PK. Lancet 20{two};{n}:1200-8."),
        ("en", "statistics", "Medicaid {n} women were enrolled in {place} and {n} controls in {place}."),
        ("en", "statistics", "Medicare {n} patients, insurance {n} claims, record {n} visits."),
        ("en", "greeting", "Hi {place}! Our centre opens at nine."),
        ("en", "greeting", "Hello Doctor, I have had a cough for {n} days."),
        ("en", "company", "{company} supplied {drug}; {company} had no part in the analysis."),
        ("en", "company", "Contact {company} for the data on {drug}."),
        ("en", "gene", "A variant c.{n}A>G in {gene} was found, while {gene} was normal."),
        ("en", "trial", "The study ({trial}) gave {n} mg of {drug}."),
        ("en", "lot", "She got the second dose ({lot}) {n} weeks later."),
        ("en", "numbers", "PMID {n}4521{n}; the count fell from {n} 000 to {n} 500 per microlitre."),
        ("en", "numbers", "Call 911 or 112 when the pulse is over {n}."),
        ("en", "numbers", "The range was 120-180-{n} and the ratio 12/{n}."),
        ("en", "role", "My Doctor said that Nurse Practitioners see {n} patients a day."),
        ("en", "role", "The patient's Mother and the Attending agreed on {n} ml."),
        ("en", "place", "The General Hospital of {place} has {n} beds."),
        ("en", "date", "On March {day} the dose was raised to {n} mg."),
        ("en", "title", "Name: {drug}. Class: antiepileptic. Dose: {n} mg."),
        ("en", "title", "Signed consent of {n} persons was filed under IRB {n}."),
        ("es", "drug", "Se inicia {drug} {n} mg y se suspende {drug}."),
        ("es", "eponym", "Enfermedad de {eponym} con signo de {sign} positivo; {n} brotes."),
        ("es", "citation", "{author} y {author} (20{two}) describen {n} casos."),
        ("es", "numbers", "Hemoglobina 12,{n}; leucocitos {n} 000; tensión 120/{n}."),
        ("es", "place", "El Hospital General de {place} atiende {n} partos al mes."),
        ("es", "role", "Soy Médico de Familia y veo {n} pacientes por semana."),
        ("es", "gene", "Se detecta mutación en {gene}, exón {n}."),
    ],
    invented=[
        ("word_problem", "{invented} has {n} {thing} and gives {n} to {invented}. How many are left?"),
        ("word_problem", "{invented} bought {n} {thing} for ${n} each. How much did {invented} pay?"),
        ("word_problem", "My friend {invented} runs {n} miles a week, twice as far as {invented}."),
    ],
)


def run(half: Half, description: str, seed: int) -> None:
    """Write the rows of a half to the file that the command line names."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("out", type=Path, help="JSONL file to write")
    parser.add_argument("--seed", type=int, default=seed, help=f"seed of all values (default {seed})")
    parser.add_argument("--rounds", type=int, default=8, help="texts per template with personal data (default 8)")
    parser.add_argument("--negatives", type=int, default=800, help="sentences without personal data (default 800)")
    arguments = parser.parse_args()
    rows = make_rows(half, arguments.seed, arguments.rounds, arguments.negatives)
    arguments.out.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    print(f"{len(rows)} rows, {sum(len(row['spans']) for row in rows)} spans")


if __name__ == "__main__":
    run(TUNE, __doc__ or "", 1)
