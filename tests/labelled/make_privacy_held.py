"""The held half of the privacy set: its own names, streets, templates and seed, on the generator of ``make_privacy``.

Example: ``python tests/labelled/make_privacy_held.py privacy.held.jsonl``.
"""

from __future__ import annotations

from make_privacy import Half, run

HELD = Half(
    names={
        "english": (
            ["Peter", "Susan", "Hope", "Rose", "Bill", "Joy", "Frank", "Amber"],
            ["Doe", "White", "Miller", "Cook", "Long", "McDonald", "Ng", "Taylor-Reed"],
        ),
        "spanish": (
            ["Lucía", "Juan Carlos", "Nuria", "Óscar", "Mónica", "Íñigo", "Ana María"],
            ["Rodríguez", "Sánchez", "Núñez", "de los Ríos", "Martín", "Castaño", "Cruz", "Yáñez"],
        ),
        "vietnamese": (["Minh Châu", "Hữu Phước", "Thị Lệ", "Gia Huy"], ["Lê", "Hoàng", "Vũ", "Bùi"]),
        "romanian": (["Cătălin", "Ruxandra", "Șerban", "Andreea"], ["Popescu", "Țurcanu", "Stănescu", "Rădulescu"]),
        "turkish": (["Gülşen", "Emre", "Zeynep", "Işıl"], ["Kaya", "Çelik", "Doğan", "Yıldırım"]),
        "polish": (["Stanisław", "Agnieszka", "Grażyna", "Michał"], ["Zieliński", "Nowak", "Jabłońska", "Wróbel"]),
        "cyrillic": (["Сергей", "Анна", "Юрий", "Екатерина"], ["Иванова", "Соколов", "Шевченко", "Попов"]),
        "greek": (["Κώστας", "Σοφία", "Δημήτρης", "Κατερίνα"], ["Ιωάννου", "Αλεξίου", "Βασιλείου", "Οικονόμου"]),
        "arabic": (["Omar", "Leila", "Hassan", "Salma"], ["al-Masri", "Ben Ali", "El Khatib", "abu Zaid"]),
    },
    fillers={
        "drug": "Seroquel,Tegretol,Plavix,Novorapid,Eliquis,Sintrom,Prozac,Neurontin,Remicade,Lamictal".split(","),
        "eponym": "Alzheimer,Huntington,Wilson,Behçet,Kawasaki,Paget,Barrett,Turner,Menière,Sjögren".split(","),
        "sign": "Lasègue,Rovsing,Brudzinski,Trousseau,Phalen,Hoffmann,McBurney".split(","),
        "company": "Bristol-Myers Squibb,Roche Diagnostics,Takeda,Smith & Nephew,Becton Dickinson".split(","),
        "author": "Jones,Martinez,Suzuki,Hansen,Bianchi,Horvat,Lefevre".split(","),
        "gene": "BRCA2,TP53,EGFR,KCNQ1,HFE,RYR1,MECP2,FBN1".split(","),
        "trial": "NCT09876543,NCT02468135,ACTRN12345000067,EudraCT 2018-004321-21".split(","),
        "place": "Carolina,Austin,Sevilla,Geneva,Chelsea,Melbourne,Paris,Lourdes".split(","),
        "invented": "Sam,Nadia,Carlos,Ingrid,Hiro,Clara,Mr. Gomez,Ms. Lin,Aunt May,Toby".split(","),
        "lot": "LOT X55-91K,batch 20-1183,Lot # PAA16,charge B7742".split(","),
        "thing": "oranges,crayons,shells,cards,coupons,muffins".split(","),
    },
    streets={
        "en": ["99 Church Lane", "Flat 0, 90 Station Road", "990 W. 9th St., Apt. 9B", "PO Box 900"],
        "es": ["Camino Viejo s/n", "Av. Constitución n.º 90, 0º A", "C/ Real 9, bajo dcha.", "Paseo del Río, s/n"],
    },
    phones={
        "en": ["990 555 0900", "(990)555-0100", "+44 20 9946 0900", "1-990-555-0190"],
        "es": ["600.900.000", "0034 690 000 900", "91 999 00 00", "954 90 00 00"],
    },
    domains=["example.com", "post.example.org", "ward.example.net"],
    birth_formats={
        "en": ["{d}/{m}/{y}", "{d} {name} {y}", "{m}-{d}-{y}"],
        "es": ["{d}/{m}/{y}", "{d} {name} {y}", "{d:02d}.{m:02d}.{y}"],
    },
    positives={
        "en": [
            ("header", "RE: {name}, born {birth}, hospital no. {record}\nTel.: {phone}\n\nHistory: two falls at home."),
            (
                "header",
                "Pt: {name_reversed}\nChart # {record}\nSocial security number {ssn}\nCC: swelling of the legs.",
            ),
            (
                "header",
                "PATIENT NAME: {name_caps}\nBirth date: {birth}\nMember ID: {insurance}\nHome address: {address}",
            ),
            (
                "letter",
                "Dear Ms {name_surname}\n\nYour scan has been moved. Call {phone} or mail {email} if that is bad.",
            ),
            ("letter", "Thank you for referring {bare#1}. Yours sincerely,\n{bare#2}, FRCS\n{address}"),
            ("signature", "Keep the leg up.\n\nKind regards\nDr {name}, MBBS, MRCP\nNPI: {npi}"),
            ("signature", "Increase the dose on Monday.\n___\n{bare}, RN, BSN\n{email}\n{url}"),
            ("self", "Hi doc, this is {name}, my back hurts since the move. My cell is {phone}."),
            ("self", "I'm {name}, DOB {birth}. My address is {address}. May I fly after surgery?"),
            (
                "dialogue",
                "Physician: Please come in, Mr {name_surname}. Patient: Just {name_given}, please. I feel dizzy.",
            ),
            ("dialogue", "Clerk: Phone, please? Caller: {phone}. Clerk: And where can we mail it? Caller: {email}."),
            ("bare", "After lunch {bare} walked thirty metres with the frame and was pleased."),
            ("bare", "{bare_reversed}; room 7; fasting; scope at noon."),
            ("number", "NHS no. {nhs}. Passport no. {passport}. Returned from the tropics with chills."),
            ("number", "The deposit went from account {iban}; the rest was paid by credit card {card}."),
            ("number", "From abroad we hold PESEL number {pesel}, NIR {nir} and CPF no. {cpf}."),
            ("network", "Login of {email} came from {ip} at night, then the form was sent."),
            ("note", "Seen with Dr {name_initial}. Husband {name} (mobile {phone}) was informed."),
            ("note", "Next of kin: {name}, {address}, {phone}. No known allergies."),
        ],
        "es": [
            (
                "header",
                "Nombre: {name_given#1}\nPrimer y segundo apellido: {name_surname#1}\n"
                "Historia clínica n.º {record}\nNúmero de la Seguridad Social: {nass}\nDirección: {address}",
            ),
            ("header", "Apellidos y nombre: {name_reversed}\nNIF: {dni}\nF. nac.: {birth}\nTfno.: {phone}"),
            ("header", "Paciente: {name}. NIE {nie}. N.º de tarjeta sanitaria {insurance}. Motivo: mareo."),
            ("signature", "Informe firmado por el Dr. {name}, n.º de colegiado {collegiate}. Alta en 48 horas."),
            ("signature", "Responsable clínico: Dr. {name}\n{address}\nE-mail: {email}"),
            ("signature", "Atentamente,\nDra. {name}\nNº Col. {collegiate}"),
            ("self", "Buenas tardes, mi nombre es {name}, tengo vértigo. Llámeme al {phone}."),
            ("self", "Me llamo {name} y nací el {birth}. ¿Debo vacunarme otra vez?"),
            ("letter", "Apreciado Sr. {name_surname}: adjuntamos su informe. Para cambios, {email}."),
            ("bare", "Esta mañana {bare} presentó fiebre y se tomaron cultivos."),
            ("bare", "{bare_reversed}. Habitación 203. En ayunas."),
            ("number", "Afiliación a la Seguridad Social {nass}; pasaporte n.º {passport}; IBAN {iban}."),
            ("dialogue", "Enfermera: ¿Doña {name}? Paciente: Soy yo. Vivo en {address}, me he caído."),
            ("note", "Contacto: su hermano {name}, tel. {phone}."),
        ],
    },
    negatives=[
        ("en", "drug", "We switched from {drug} to {drug} at a dose of {n} mg."),
        ("en", "drug", "Hello {drug} takers: {n} mg is the highest dose."),
        ("en", "eponym", "Findings of {eponym} syndrome, with {sign} sign absent in {n}%."),
        ("en", "eponym", "This is {eponym} type {n}, and my mother has it too."),
        ("en", "eponym", "Professor {eponym} described it in 18{two} in {n} persons."),
        ("en", "citation", "As {author} and {author} (20{two}) note, {n} of the eyes improved."),
        ("en", "citation", "{author} AB, {author} C, {author} D. BMJ 20{two};{n}(4):33-41."),
        ("en", "statistics", "In Medicaid {n} men and in {place} {n} girls took part."),
        ("en", "statistics", "Patient {n}, member {n} and case {n} were left out."),
        ("en", "greeting", "Hello {place}, welcome to our stand."),
        ("en", "greeting", "Good morning Sir, my stool is dark for {n} days."),
        ("en", "company", "The pump is made by {company}, the tablet by {company}."),
        ("en", "company", "Regards to the team of {company} for {n} samples of {drug}."),
        ("en", "gene", "Loss of {gene} at exon {n} was seen; {gene} was intact."),
        ("en", "trial", "Registered as {trial}; {n} subjects took {drug}."),
        ("en", "lot", "Vial {lot} was given in the left arm at week {n}."),
        ("en", "numbers", "doi 10.1000/abc.{n}.{n}; the titre was 1:{n}."),
        ("en", "numbers", "Dial 999 if more than {n} ml are lost."),
        ("en", "numbers", "Readings: 130-85-{n}, 128-80-{n}; total 1{n}00000 copies."),
        ("en", "role", "A Registered Nurse and the Chief Resident counted {n} swabs."),
        ("en", "role", "I am Diabetic and my Husband takes {n} units."),
        ("en", "place", "St Mary's Hospital in {place} closed {n} beds."),
        ("en", "date", "From {day} April onward {n} mg were used."),
        ("en", "title", "Name of the test: {sign}. Number needed: {n}."),
        ("en", "title", "Sincerely held beliefs were named by {n} of the parents."),
        ("es", "drug", "Cambio de {drug} a {drug}, {n} mg al día."),
        ("es", "eponym", "Síndrome de {eponym} sin signo de {sign}; {n} visitas."),
        ("es", "citation", "Según {author} et al. (20{two}), {n} pacientes mejoraron."),
        ("es", "numbers", "Creatinina 1,{n}; plaquetas {n} 000; frecuencia {n} lpm."),
        ("es", "place", "La Clínica Universitaria de {place} tiene {n} camas."),
        ("es", "role", "Soy Enfermera y atiendo a {n} niños."),
        ("es", "gene", "Variante en {gene} ({n} lecturas)."),
    ],
    invented=[
        ("word_problem", "{invented} picks {n} {thing}, {invented} picks {n} more. How many in all?"),
        ("word_problem", "If {invented} sells {n} {thing} at {n} cents, what does {invented} earn?"),
        ("word_problem", "{invented} is {n} years younger than {invented}, who walks {n} km a day."),
    ],
)

if __name__ == "__main__":
    run(HELD, __doc__ or "", 2)
