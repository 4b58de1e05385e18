"""Personal data: detection, masking, exceptions, and the effect on rows. Recall and false alarms are at the end."""

import json
import re
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from privacy_sample import (
    DRUG_CARRIERS,
    EPONYM_CARRIERS,
    drugs,
    eponyms,
    evaluate,
    flagged,
    held_out_clean,
    held_out_personal,
    tuned_clean,
    tuned_personal,
)
from pydantic import ValidationError
from rows import row, table

from quality.privacy.privacy_rule import KINDS, hint_of
from quality.privacy.redaction import FINDINGS, RULES, Privacy, find, redact, screen
from sources.catalog import SOURCES

DEFAULT = Privacy()


def masked(text, config=DEFAULT):
    return redact(pl.Series([text]), config)[0][0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mr. John Smith was seen by Dr. Lee.", "Mr. [NAME-1] was seen by Dr. [NAME-2]."),
        ("Patient: Maria Lopez, 45, asthma.", "Patient: [NAME], 45, asthma."),
        ("my name is maria and I cough", "my name is [NAME] and I cough"),
        ("Mi hija Carmen tiene fiebre.", "Mi hija [NAME] tiene fiebre."),
        ("Je m'appelle Camille, j'ai 30 ans.", "Je m'appelle [NAME], j'ai 30 ans."),
        ("NAME: LOPEZ, MARIA   AGE: 45", "NAME: [NAME]   AGE: 45"),
        ("Call me at (617) 555-0143.", "Call me at [PHONE]."),
        ("Móvil 612 345 678", "Móvil [PHONE]"),
        ("Write to ana.ruiz@mail.example now", "Write to [EMAIL] now"),
        ("She lives at 12 Elm Street, Salem, OR 97301.", "She lives at [ADDRESS]."),
        ("Vive en C/ Mayor, 5, 2.º B, 28013 Madrid.", "Vive en [ADDRESS]."),
        ("MRN: 0048213, ward 3", "MRN: [RECORD], ward 3"),
        ("Insurance ID: XK20384411", "Insurance ID: [INSURANCE]"),
        ("DOB 03/04/1961, smoker", "DOB [BIRTH_DATE], smoker"),
        ("Nacida el 3 de abril de 1961 en Soria", "Nacida el [BIRTH_DATE] en Soria"),
        ("Upload from 192.0.2.17 failed", "Upload from [IP] failed"),
        ("Seen on https://www.instagram.com/ana.r_88/ today", "Seen on [URL] today"),
    ],
)
def test_personal_data_is_replaced_by_the_name_of_its_kind(text, expected):
    assert masked(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Patient: Whitcombe, Zofia\nAge: 31", "Patient: [NAME]\nAge: 31"),
        ("Pt: J. Whitcombe\nWard 3", "Pt: [NAME]\nWard 3"),
        ("Seen by: A. Malm", "Seen by: [NAME]"),
        ("NOK: Ondra Orsós (son), aware.", "NOK: [NAME] (son), aware."),
        ("Thank you for referring Ilse Malm-Reyes, who has angina.", "Thank you for referring [NAME], who has angina."),
        ("Kind regards\n\nT. Whitcombe", "Kind regards\n\n[NAME]"),
        ("MRS ORSÓS WAS ADMITTED.", "MRS [NAME] WAS ADMITTED."),
        ("Remitido por: Ondra Orsós", "Remitido por: [NAME]"),
        ("Fdo. Lucía Malm Reyes", "Fdo. [NAME]"),
        ("Ayudante: Ondra Orsós", "Ayudante: [NAME]"),
        ("Herr Orsós klagt über Husten.", "Herr [NAME] klagt über Husten."),
        ("Ich heiße Ondra und habe Fieber.", "Ich heiße [NAME] und habe Fieber."),
        ("Mit freundlichen Grüßen\nOndra Orsós", "Mit freundlichen Grüßen\n[NAME]"),
        ("Nome completo: Ondra Orsós", "Nome completo: [NAME]"),
        ("Mi chiamo Ondra e ho la tosse.", "Mi chiamo [NAME] e ho la tosse."),
        ("Il signor Orsós riferisce dolore.", "Il signor [NAME] riferisce dolore."),
        ("Doente: Ondra dos Anjos\n", "Doente: [NAME]\n"),
        ("This morning Ondra Orsós walked to the door.", "This morning [NAME] walked to the door."),
        ("Ondra Orsós slept badly.", "[NAME] slept badly."),
        ("ORSÓS, ONDRA / ward C", "[NAME] / ward C"),
        ("Hoy Ondra Orsós está afebril.", "Hoy [NAME] está afebril."),
    ],
)
def test_names_of_forms_letters_and_notes_are_masked(text, expected):
    assert masked(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Blood was taken from Wistar Rats.",
        "The Supreme Court denies the appeal.",
        "Staphylococcus Aureus was seen.",
        "Contact Abbott Laboratories for the data.",
        "MR IMAGING WAS NORMAL.",
        "Any allergies? Patient: Penicillin, Sulfa.",
        "La muestra de Fosfato Sódico llegó.",
        "Today Vitamin Supplements were given.",
    ],
)
def test_germs_animals_and_institutions_are_not_people(text):
    assert masked(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "Mob. 07700 900417",
        "Cell: 305 555 0177",
        "Her son 07911 204512, aware.",
        "Telf. 612.407.518",
        "(c) 415/555-0132",
        "Handy: 0151 20448811",
        "Rückruf unter 089/2204517 bitte",
        "Telemóvel: 912 204 517",
        "Celular: (11) 98204-4517",
        "If worse: (021) 204 45 17.",
        "Contact 00 44 7911 204512 after five.",
        "Mon numéro est le 06 20 44 81 17.",
    ],
)
def test_telephone_numbers_of_many_countries_are_masked(text):
    assert masked(text).count("[PHONE]") == 1 and not re.search(r"\d", masked(text))


@pytest.mark.parametrize(
    "text",
    ["Cell 2204517 was counted.", "NDC 0409-1172-30 was used.", "Platelets 150 000 420 000.", "T: 37.2 P: 84 R: 16"],
)
def test_measurements_and_package_codes_are_not_telephone_numbers(text):
    assert masked(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "FN: 7/11/58",
        "D.O.B.: 7-NOV-1958",
        "DOB=(07 11 1958)",
        "Born in Leeds on the 7th of November 1958.",
        "Nacimiento: 7/nov/1958",
        "Nació en Vigo el 7 de noviembre del 58",
        "Né(e) le : 7 novembre 1958",
        "Patientin, geb. am 7. November 1958",
        "Geburtsdatum: 07.11.1958",
        "Data de nascimento: 7 de novembro de 1958",
        "Nata a Roma il 7 novembre 1958",
    ],
)
def test_dates_of_birth_are_masked_however_they_are_written(text):
    assert "[BIRTH_DATE]" in masked(text) and not re.search(r"\d", masked(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Dr. Lê Thị Mai called.", "Dr. [NAME] called."),
        ("Dr. Lê Văn An called.", "Dr. [NAME] called."),
        ("My name is Ștefania Țugui.", "My name is [NAME]."),
        ("Patient name: Ольга Лебедева", "Patient name: [NAME]"),
        ("Mrs. Παππά, your scan is clear.", "Mrs. [NAME], your scan is clear."),
        ("Patient name: 山田太郎", "Patient name: [NAME]"),
        ("Patient: MORENO GIL, LAURA", "Patient: [NAME]"),
        ("Apellidos: de la Vega Soto", "Apellidos: [NAME]"),
        ("Rest well.\n\nJudith Barlow, LCSW", "Rest well.\n\n[NAME], LCSW"),
        ("Sincerely,\nOlaf Brandt, MD, FACC", "Sincerely,\n[NAME], MD, FACC"),
        ("I am Walt Ferris and I have hives.", "I am [NAME] and I have hives."),
        ("Please call me Zofia.", "Please call me [NAME]."),
        ("hey meera, thanks a lot", "hey [NAME], thanks a lot"),
        ("RITA VALDEZ, 61 YEARS OLD, CAME WITH COUGH.", "[NAME], 61 YEARS OLD, CAME WITH COUGH."),
        ("rita valdez, a 61 year old woman, came with cough", "[NAME], a 61 year old woman, came with cough"),
        ("SOTO VERA, LUIS - bed 4 - stable", "[NAME] - bed 4 - stable"),
        ("Buenos días, don Elías Prat.", "Buenos días, don [NAME]."),
        ("Ring 617-555-0143 ext. 12.", "Ring [PHONE]."),
        ("NASS 08/12345678/63", "NASS [INSURANCE]"),
        ("Nº Colegiado: 08 08 54321", "Nº Colegiado: [ID]"),
        ("NPI 1234567893", "NPI [ID]"),
        ("Pay to DE89 3704 0044 0532 0130 00 today", "Pay to [ID] today"),
        ("CPF 529.982.247-25", "CPF [ID]"),
        ("Vive en C/ Olmo s/n, 28003 Madrid", "Vive en [ADDRESS]"),
    ],
)
def test_people_and_numbers_of_many_countries_are_masked(text, expected):
    assert masked(text) == expected


@pytest.mark.parametrize(
    "kept",
    [
        "Medicare covered 1500 visits.",
        "Of Medicaid 3400 children were seen.",
        "Policy 1988-1994 of the region.",
        "Patient number 1023 of the cohort had a rash.",
        "Member 2000 mg daily.",
        "Hello Austin, our office moved.",
        "Dr. Meyer's Pharmaceuticals sells it.",
        "Dr. Cardiología, Dr. Psychiatry",
        "Dr. Graves's first description is from 1835.",
        "PMID 1274521215",
        "It was named after a doctor named Paul Tessier, who described it in children.",
        "Dear ABC, thank you.",
        "Contact: Eli Lilly.",
    ],
)
def test_counts_places_companies_and_specialties_stay(kept):
    assert masked(kept) == kept


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("GB29 NWBK 6016 1331 9268 19", "GB29 NWBK 6016 1331 9268 18"),  # IBAN: modulus 97
        ("529.982.247-25", "529.982.247-26"),  # CPF
        ("44051401359", "44051401358"),  # PESEL
        ("28/12345678/40", "28/12345678/41"),  # Spanish social security: modulus 97
        ("RSSMRA85T10A562S", "RSSMRA85T10A562T"),  # codice fiscale
    ],
)
def test_numbers_of_other_countries_are_judged_by_their_check_digits(right, wrong):
    assert masked(f"The form shows {right} at the top.") == "The form shows [ID] at the top."
    assert masked(f"The form shows {wrong} at the top.") == f"The form shows {wrong} at the top."


@pytest.mark.parametrize(
    ("right", "wrong", "kind"),
    [
        ("12345678Z", "12345678A", "ID"),  # DNI: the letter is the number modulo 23
        ("X1234567L", "X1234567M", "ID"),  # NIE
        ("499 138 7671", "499 138 7672", "ID"),  # NHS: modulus 11
        ("4111 1111 1111 1111", "4111 1111 1111 1112", "CARD"),  # Luhn
        ("536-90-4399", "000-90-4399", "ID"),  # SSN: no area 000
    ],
)
def test_a_number_without_a_label_is_judged_by_its_check_digit(right, wrong, kind):
    assert masked(f"The form shows {right} at the top.") == f"The form shows [{kind}] at the top."
    assert masked(f"The form shows {wrong} at the top.") == f"The form shows {wrong} at the top."


def test_a_label_makes_up_for_a_wrong_check_digit():
    assert masked("SSN 000-12-3456; DNI 12345678A") == "SSN [ID]; DNI [ID]"


def test_a_treating_doctor_is_a_person_and_a_cited_one_is_not():
    assert masked("I saw Dr. Smith last week.") == "I saw Dr. [NAME] last week."
    for kept in (
        "Dr. Smith et al. treated 40 patients.",
        "Dr. Smith and colleagues treated 40 patients.",
        "First described by Dr. Smith.",
        "Dr. James Blundell transfused blood in 1818.",
        "Dr. Alzheimer noticed the plaques.",
    ):
        assert masked(kept) == kept


def test_an_eponym_is_no_person_even_behind_a_cue():
    for kept in ("Patient: Crohn disease.", "My mother has Parkinson's.", "Father: Huntington. Mother: Down syndrome."):
        assert masked(kept) == kept


def test_a_birth_of_many_is_no_birth_date():
    kept = "Children born after January 1, 2000 were eligible."
    assert masked(kept) == kept


def test_a_name_once_found_is_found_again_without_its_cue():
    text = "Ms. Okafor has migraine. Okafor takes topiramate. The Okafor et al. trial is another matter."
    assert (
        masked(text) == "Ms. [NAME] has migraine. [NAME] takes topiramate. The Okafor et al. trial is another matter."
    )


def test_organisations_are_spared_unless_requested():
    text = "Call 1-800-222-1222."
    assert masked(text) == text
    assert masked(text, Privacy(organisations=True)) == "Call [PHONE]."


def test_every_mailbox_is_masked_an_office_s_too():
    assert masked("Write to info@poison.example.org.") == "Write to [EMAIL]."


def test_an_organisation_has_an_address_and_a_telephone_too():
    kept = "National Eye Foundation, 20 Vision Place, Bethesda, MD 20892, Phone: 301-555-0148"
    assert masked(kept) == kept


def test_kinds_choose_what_is_searched_for():
    text = "Mr. Smith, tel. 617-555-0143"
    assert masked(text, Privacy(kinds=("PHONE",))) == "Mr. Smith, tel. [PHONE]"


def test_findings_have_position_kind_text_and_rule():
    findings = find(pl.Series(["No one.", None, "Sra. Núñez 🙂, DOB 03/04/1961"]), DEFAULT)
    assert findings.schema == FINDINGS
    assert findings.rows() == [
        (2, "NAME", 5, 10, "Núñez", "name-title"),
        (2, "BIRTH_DATE", 18, 28, "03/04/1961", "birth-date"),
    ]


def test_overlapping_findings_become_one_of_the_longest_kind():
    text = "Address: 12 Dr. Martin Luther King Jr. Blvd, Salem, OR 97301"
    assert masked(text) == "Address: [ADDRESS]"


@pytest.mark.parametrize("texts", [[], [None], [""], ["", None, "word"]])
def test_empty_texts_have_no_findings(texts):
    assert find(pl.Series(texts, dtype=pl.String), DEFAULT).is_empty()


def test_a_column_that_is_no_text_is_refused():
    with pytest.raises(TypeError, match=r"texts is a column of Int64, expected String"):
        find(pl.Series([1]), DEFAULT)


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"action": "delete"}, "'redact' or 'drop'"),
        ({"kinds": ("NAMES",)}, "'NAME'"),
        ({"kinds": ()}, "at least 1"),
        ({"spared_tasks": ("cooking",)}, "function-calling"),
        ({"columns": ("answer",)}, "columns"),
    ],
)
def test_a_wrong_config_is_refused_and_says_what_was_expected(wrong, error):
    with pytest.raises(ValidationError, match=error):
        Privacy(**wrong)


# --- rows ---

ROWS = table(
    row("s:1", question="Hi, my name is Ana Ruiz. Is it asthma?", answer="Ask Dr. Vela, tel. 617-555-0143."),
    row("s:2", question="Which sign?", options=("Murphy", "Mr. Smith's"), answer="Murphy"),
    row("s:3", question="What is Crohn disease?", answer="An inflammation of the bowel."),
    row("s:4", question="Mail ana@mail.example", answer="Done.", task="function-calling"),
)


def test_redacted_rows_stay_in_shape_and_every_finding_is_an_edit():
    outcome = screen(ROWS, DEFAULT)
    assert outcome.rows["id"].to_list() == ROWS["id"].to_list()
    assert outcome.rows["drop_reason"].to_list() == [None] * 4
    assert outcome.rows["messages"][0][0]["content"] == "Hi, my name is [NAME-1]. Is it asthma?"
    assert outcome.rows["answer"][0] == "Ask Dr. [NAME-2], tel. [PHONE]."
    assert outcome.rows["options"].to_list()[1] == ["Murphy", "Mr. [NAME]'s"]
    assert outcome.rows[2:].drop("drop_reason", "evidence").equals(ROWS[2:])
    assert sorted(outcome.edits.rows()) == [
        ("s:1", "answer", "name-doctor", "Vela"),
        ("s:1", "answer", "phone-cued", "617-555-0143"),
        ("s:1", "messages", "name-introduction", "Ana Ruiz"),
        ("s:2", "options", "name-title", "Smith"),
    ]


def test_people_of_one_row_are_numbered_and_keep_their_number_from_question_to_answer():
    conversation = table(
        row(
            "s:1",
            question="My name is Ana Ruiz. My sister Marta Ruiz has asthma, and Dr. P. Vela treats her.",
            answer="Ms. Marta Ruiz should see Dr. Pedro Vela; Ana can go with her.",
        ),
        row("s:2", question="Mr. Okafor has gout.", answer="Mr. Okafor should rest."),
    )
    rows = screen(conversation, DEFAULT).rows
    assert rows["messages"][0][0]["content"] == (
        "My name is [NAME-1]. My sister [NAME-2] has asthma, and Dr. [NAME-3] treats her."
    )
    assert rows["answer"][0] == "Ms. [NAME-2] should see Dr. [NAME-3]; [NAME-1] can go with her."
    assert rows["messages"][1][0]["content"] == "Mr. [NAME] has gout."


def test_a_number_found_in_the_question_is_masked_in_the_answer_without_its_label():
    rows = screen(table(row("s:1", question="MRN: 0048213, chest pain", answer="0048213 is stable.")), DEFAULT).rows
    assert rows["answer"][0] == "[RECORD] is stable."


def test_people_who_come_later_are_numbered_after_those_with_a_placeholder():
    assert masked("Mr. [NAME-2] and Mr. [NAME-1] met Ms. Okafor.") == "Mr. [NAME-2] and Mr. [NAME-1] met Ms. [NAME-3]."
    assert masked("Mr. [NAME] met Ms. Okafor.") == "Mr. [NAME] met Ms. [NAME-2]."


def test_invented_people_stay():
    config = Privacy(invented_sources=("s",))
    rows = table(row("s:1", question="My name is Rosa Vidal, I buy 3 pears.", source="s"), row("t:1", source="t"))
    assert screen(rows, config).edits.is_empty()
    assert screen(rows, DEFAULT).edits["removed"].to_list() == ["Rosa Vidal"]


def test_the_catalog_says_that_people_of_word_problems_are_invented():
    assert not SOURCES["gsm8k"].real_persons
    assert SOURCES["chatdoctor_icliniq"].real_persons


def test_screening_twice_changes_nothing():
    once = screen(ROWS, DEFAULT)
    twice = screen(once.rows.drop("drop_reason", "evidence"), DEFAULT)
    assert twice.rows.equals(once.rows)
    assert twice.edits.is_empty()


def test_dropped_rows_are_unchanged_and_carry_their_findings():
    rows = screen(ROWS, Privacy(action="drop")).rows
    assert rows.drop("drop_reason", "evidence").equals(ROWS)
    assert rows["drop_reason"].to_list() == ["personal_data", "personal_data", None, None]
    assert json.loads(rows["evidence"][0]) == {
        "messages": ["NAME Ana Ruiz"],
        "answer": ["NAME Vela", "PHONE 617-555-0143"],
    }


def test_a_spared_task_may_be_searched_after_all():
    rows = screen(ROWS, Privacy(spared_tasks=())).rows
    assert rows["messages"].to_list()[3][0]["content"] == "Mail [EMAIL]"


@pytest.mark.parametrize("action", ["redact", "drop"])
def test_no_rows_make_no_rows_of_the_same_shape(action):
    config = Privacy(action=action)
    assert screen(ROWS.clear(), config).rows.schema == screen(ROWS, config).rows.schema


# --- the labelled set: notes written without sight of the rules ---

LABELLED = [
    json.loads(line)
    for line in (Path(__file__).parent / "labelled/privacy.tune.jsonl").read_text(encoding="utf-8").splitlines()
]


def covered(labelled, findings):
    """Return (type, whether all its letters and digits are masked) for each labelled span of a row."""
    masked = {at for start, end in findings for at in range(start, end)}
    for span in labelled["spans"]:
        places = (at for at in range(span["start"], span["end"]) if labelled["text"][at].isalnum())
        yield span["type"], all(at in masked for at in places)


def test_recall_by_type_and_false_alarms_on_labelled_notes():
    spans_by_row = {}
    spans = find(pl.Series([labelled["text"] for labelled in LABELLED]), DEFAULT).select("row", "start", "end")
    for number, start, end in spans.rows():
        spans_by_row.setdefault(number, []).append((start, end))
    total, masked = Counter(), Counter()
    for number, labelled in enumerate(LABELLED):
        for kind, fully_masked in covered(labelled, spans_by_row.get(number, [])):
            total[kind] += 1
            masked[kind] += fully_masked
    low = {kind: f"{masked[kind]} of {n}" for kind, n in total.items() if masked[kind] < 0.95 * n}
    assert set(low) <= {"name_without_cue"}, low
    clean = [number for number, one in enumerate(LABELLED) if not one["spans"] and not one["invented"]]
    assert sum(number in spans_by_row for number in clean) <= 0.005 * len(clean)


def test_names_with_a_cue_in_many_languages():
    lines = (Path(__file__).parent / "labelled/names.tune.jsonl").read_text(encoding="utf-8").splitlines()
    labelled = [json.loads(line) for line in lines]
    spans_by_row = {}
    spans = find(pl.Series([one["text"] for one in labelled]), DEFAULT).select("row", "start", "end")
    for number, start, end in spans.rows():
        spans_by_row.setdefault(number, []).append((start, end))
    fully_masked = [
        good for number, one in enumerate(labelled) for _, good in covered(one, spans_by_row.get(number, []))
    ]
    assert sum(fully_masked) >= 0.95 * len(fully_masked)
    clean = [number for number, one in enumerate(labelled) if not one["spans"]]
    assert sum(number in spans_by_row for number in clean) <= 0.04 * len(clean)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Patient: Rafael de los Ríos Cano", "Patient: [NAME]"),
        ("Name: Ng Wei", "Name: [NAME]"),
        ("Mr. Khalid ibn Walid has gout.", "Mr. [NAME] has gout."),
        ("Best wishes,\nHà Lê", "Best wishes,\n[NAME]"),
        ('Name: Walter "Wally" Ferrick', "Name: [NAME]"),
        ("Seen by: B. Wu", "Seen by: [NAME]"),
        ("Pani Ćwiklińska ma kaszel.", "Pani [NAME] ma kaszel."),
        ("Меня зовут Ярослав, мне 40 лет.", "Меня зовут [NAME], мне 40 лет."),
        ("Mia zia Ondra ha la tosse.", "Mia zia [NAME] ha la tosse."),
        ("Nom : Quélard\nPrénom : Anne", "Nom : [NAME-1]\nPrénom : [NAME-2]"),
        ("La prueba de la Sra. no llegó.", "La prueba de la Sra. no llegó."),
        ("Nombre: Zolmitan\nDosis: 1 g", "Nombre: Zolmitan\nDosis: 1 g"),
        ("Name of Dr. An Aspirin dose", "Name of Dr. An Aspirin dose"),
    ],
)
def test_short_names_particles_and_cues_of_other_languages(text, expected):
    assert masked(text) == expected


# --- the sample ---


def test_the_sample_is_as_large_as_it_says():
    personal = tuned_personal() + held_out_personal()
    assert len(personal) >= 200
    assert sum(len(sample.spans) for sample in personal) >= 300
    assert {kind for sample in personal for kind, _, _ in sample.spans} == set(KINDS)
    assert len(drugs()) + len(eponyms()) + len(tuned_clean()) + len(held_out_clean()) >= 300


@pytest.mark.parametrize("sample", [tuned_personal, held_out_personal])
def test_recall(sample):
    outcome = evaluate(sample())
    assert outcome.recall >= 0.95
    missed = {
        kind: f"{outcome.found[kind]} of {n}" for kind, n in outcome.total.items() if outcome.found[kind] < 0.85 * n
    }
    assert not missed
    assert outcome.alarms == 0


@pytest.mark.parametrize("texts", [tuned_clean, held_out_clean])
def test_false_alarms_on_texts_without_personal_data(texts):
    assert len(flagged(texts())) <= 0.02 * len(texts())


@pytest.mark.parametrize(("names", "carriers"), [(drugs, DRUG_CARRIERS), (eponyms, EPONYM_CARRIERS)])
def test_false_alarms_on_drugs_and_eponyms(names, carriers):
    texts = [carrier.format(name) for name in names() for carrier in carriers]
    assert len(flagged(texts)) <= 0.02 * len(texts)


def test_redacting_twice_changes_nothing_anywhere_in_the_sample():
    texts = pl.Series([sample.text for sample in tuned_personal() + held_out_personal()])
    once, findings = redact(texts, DEFAULT)
    twice, more = redact(once, DEFAULT)
    assert findings.height > 300
    assert more.is_empty()
    assert once.equals(twice)


def test_every_hint_lets_through_what_its_rule_finds():
    texts = [sample.text for sample in tuned_personal() + held_out_personal()]
    texts = pl.Series(texts + [labelled["text"] for labelled in LABELLED] + MORE)
    fired = set()
    for rule in RULES:
        has_match = pl.Series([any(True for _ in rule.spans(text)) for text in texts])
        assert not (has_match & ~texts.str.contains(rule.hint)).any(), rule.name
        fired |= {rule.name} if has_match.any() else set()
    unused = {rule.name for rule in RULES} - fired
    assert unused <= SILENT, "rules that no text of the sample needs"


MORE = [
    "please call me zofia. Call me Zofia.",
    "hey meera, hi",
    "RITA VALDEZ, 61 YEARS OLD",
    "rita valdez, a 61 year old woman",
    "Greta Malm slept well.",
    "The family of Greta Malm was informed.",
    "Pani Ćwiklińska ma kaszel.",
    "Меня зовут Ярослав.",
    "Здравствуйте, я Раиса Щукина, у меня кашель.",
    "Мой муж Глеб курит.",
    "С уважением,\nЛев Цой",
    "Здравствуйте, Анфиса! Всё хорошо.",
    "Имя: Злата",
    "Пациент: Лев Цой",
]

SILENT = {
    "phone-cued-organisation",
    "phone-american-organisation",
    "phone-international-organisation",
}


def test_a_hint_matches_wherever_its_pattern_does():
    pattern = re.compile(r"(?<![\w.])\b[\d.]{2}(?P<x>\d)(?!\w|[.,]\d)(?=(?:a|b)?)")
    assert hint_of(pattern) == r"(?:[0-9.]{2}(?:[0-9]))"
    assert hint_of(re.compile(r"(?i)dob:")) == "(?i:dob:)"
