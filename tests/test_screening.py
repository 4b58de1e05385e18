"""No page, ledger, card, export or release file shows personal data, whichever step dropped the row."""

import json

import polars as pl
import pytest
from tiny_recipe import run, write_mirror, write_recipe

from pipelines.release.screening import Screening
from pipelines.report.all_rows import open_view
from pipelines.report.browse import BrowseApp
from pipelines.report.report_page import report

RECIPE = '''"""A ward's questions, some of which end at every step of a real build."""

from pipelines.recipes.aloe_sft import clean_and_deduplicate, format_rows
from quality.duplicates.near_settings import SINGLE_TURN
from quality.cleaning.rules import Rules
from sources.shapes.row_shapes import jsonl, qa
from sources.source import Source


def parse(raw, file):
    row = raw.value
    return qa(row["id"], row["question"], row["answer"], split=row.get("split"), meta=row.get("meta", {}))


WARD = Source(
    name="ward",
    title="Questions of the ward",
    home="hf://datasets/sabila-tests/ward",
    license="CC0-1.0",
    license_read="written for these tests",
    task="qa",
    lang="en",
    files={"train": ("*.jsonl",)},
    rows=jsonl,
    parse=parse,
)


def recipe():
    """Build the ward's set."""
    rows = clean_and_deduplicate([WARD], Rules(), "any", SINGLE_TURN, required=True, limit=None)
    return format_rows(rows, [WARD], seed=0)
'''

PEOPLE = {
    "malformed": ("Marta Vidal", "617-555-0101", "536-90-4301", "marta.vidal@mail.example", "11 Elm Street"),
    "broken": ("Okan Yilmaz", "617-555-0102", "536-90-4302", "okan@mail.example", "12 Oak Avenue"),
    "held_out": ("Lucia Quiroga", "617-555-0103", "536-90-4303", "lucia@mail.example", "13 Pine Road"),
    "rules": ("Henrik Dahl", "617-555-0104", "536-90-4304", "dahl@mail.example", "14 Birch Lane"),
    "exact": ("Nadia Karim", "617-555-0105", "536-90-4305", "nadia@mail.example", "15 Maple Drive"),
    "near": ("Pavel Novak", "617-555-0106", "536-90-4306", "pavel@mail.example", "16 Cedar Street"),
    "leak": ("Grace Adeyemi", "617-555-0107", "536-90-4307", "grace@mail.example", "17 Walnut Street"),
    "kept": ("Ingrid Robles", "617-555-0108", "536-90-4308", "ines@mail.example", "18 Chestnut Road"),
    "meta": ("Bruno Salas", "617-555-0109", "536-90-4309", "bruno@mail.example", "19 Willow Street"),
}
PLANTED = [value for person in PEOPLE.values() for value in (*person, *person[0].split())]


def story(end, about):
    """Return a patient's message with personal data of every kind."""
    name, phone, ssn, email, address = PEOPLE[end]
    return (
        f"My name is {name} and I live at {address}, Salem, OR 97301. Call me at {phone} or write to {email}; my SSN "
        f"is {ssn}. {about}"
    )


ASTHMA = "For two weeks I have coughed at night and wheezed after running up the stairs to my flat. Is it asthma?"
GOUT = (
    "My left big toe has been red, hot and swollen since Sunday and even the bed sheet hurts; I had the same last "
    "spring after a wedding, and my father takes allopurinol for it every day. Which blood test tells what it is?"
)
EGGS = "A farmer sells 16 eggs a day but eats three of them and bakes with four; at two dollars an egg, what is left?"
INHALER = "It may well be; a breathing test before and after an inhaler tells, so see your doctor within the week."


def ward():
    """Return one raw row for each person of ``PEOPLE``, which ends at the step that its key names."""
    kept = {"id": "kept", "question": story("kept", ASTHMA), "answer": INHALER}
    name, phone, ssn, email, address = PEOPLE["meta"]
    note = f"Mr. {name}, {address}, Salem, OR 97301, tel. {phone}, {email}, SSN {ssn}"
    return [
        {"id": "malformed", "question": story("malformed", ASTHMA), "patient_name": PEOPLE["malformed"][0]},
        json.dumps({"id": "broken", "question": story("broken", ASTHMA)}).encode()[:-2],
        {"id": "held", "question": story("held_out", ASTHMA), "answer": INHALER, "split": "test"},
        {"id": "rules", "question": "unknown", "answer": story("rules", ASTHMA)},
        {"id": "exact1", "question": story("exact", "Is a cold shower bad for the heart?"), "answer": INHALER},
        {"id": "exact2", "question": story("exact", "Is a cold shower bad for the heart?"), "answer": INHALER},
        {"id": "near1", "question": story("near", GOUT), "answer": INHALER},
        {"id": "near2", "question": story("near", GOUT) + " Please.", "answer": INHALER},
        {"id": "leak", "question": story("leak", "") + EGGS, "answer": "Nine eggs are left, which makes 18 dollars."},
        kept,
        {"id": "meta", "question": "Which vitamin prevents scurvy?", "answer": "Vitamin C does.", "meta": {"by": note}},
    ]


@pytest.fixture(scope="module")
def ward_release(tmp_path_factory):
    """The folder of the ward's release, with its report, in a store."""
    place = tmp_path_factory.mktemp("ward")
    mirror = write_mirror(place / "mirror", {"ward": {"notes.jsonl": ward()}})
    benchmark = mirror / "gsm8k" / "grade_school_math" / "data" / "test.jsonl"
    benchmark.parent.mkdir(parents=True)
    item = {"question": story("leak", "") + EGGS, "answer": "16 - 3 - 4 = 9, and 9 * 2 = 18.\n#### 18"}
    benchmark.write_text(json.dumps(item) + "\n")
    recipe = write_recipe(place, RECIPE)
    result = run("release", recipe, "--version", "1", "--store", place / "store", "--mirror", mirror, "--workers", "1")
    assert result.exit_code == 0, result.output
    folder = place / "store" / "releases" / "tiny" / "1"
    assert run("report", folder, "--store", place / "store").exit_code == 0
    return folder


def ended(folder):
    """Return id and reason of the dropped and quarantined rows."""
    ledger = pl.scan_parquet(folder / "ledger" / "*.parquet").filter(source="ward").collect()
    return {id.rpartition(":")[2]: reason for id, reason in ledger.select("id", "reason").iter_rows() if reason}


def seen_in(text):
    """Return the planted personal data that a text contains."""
    return sorted({value for value in PLANTED if value.lower() in text.lower()})


def test_the_rows_end_at_every_step(ward_release):
    reasons = ended(ward_release)
    assert {reason.partition(":")[0] for reason in reasons.values()} >= {
        "malformed",
        "held_out_split",
        "junk_question",
        "duplicate",
        "near_duplicate",
        "leak",
    }, reasons


def test_no_file_of_the_release_shows_personal_data(ward_release):
    files = [path for path in ward_release.rglob("*") if path.is_file()]
    assert {"report.html", "README.md", "manifest.json"} <= {path.name for path in files}
    for path in files:
        text = (
            json.dumps(pl.read_parquet(path).to_dicts(), ensure_ascii=False, default=str)
            if path.suffix == ".parquet"
            else path.read_text(encoding="utf-8")
        )
        assert not seen_in(text), path.name


def test_the_report_shows_it_only_with_unmasked(ward_release):
    shown = seen_in(report(ward_release, unmasked=True))
    assert {PEOPLE[end][1] for end in PEOPLE if end not in ("kept", "meta")} <= set(shown)
    refused = run("report", ward_release, "--unmasked")
    assert refused.exit_code == 2
    assert "expected --out with a file outside the release" in refused.stderr


def test_browse_neither_shows_nor_finds_it(ward_release):
    site, unmasked_site = BrowseApp.of(open_view(ward_release)), BrowseApp.of(open_view(ward_release, unmasked=True))
    rows = json.loads(site.answer("/rows", "size=500")[2])
    assert rows["total"] == 11
    pages = [site.answer("/", ""), site.answer("/rows", "size=500")]
    pages += [site.answer("/row", f"n={row['n']}") for row in rows["rows"]]
    assert not seen_in(b"".join(page[2] for page in pages).decode())
    for end, (_, phone, *_) in PEOPLE.items():
        assert json.loads(site.answer("/rows", f"text={phone}")[2])["total"] == 0
        n_rows = json.loads(unmasked_site.answer("/rows", f"text={phone}")[2])["total"]
        assert (n_rows > 0) == (end not in ("kept", "meta")), end


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_trace_shows_it_only_unmasked(ward_release, form):
    ledger = pl.read_parquet(ward_release / "ledger" / "*.parquet").filter(source="ward")
    store = ward_release.parents[2]
    for id in ledger["id"]:
        result = run("trace", id, "--store", store, *form)
        assert result.exit_code == 0
        assert not seen_in(result.stdout), id
    unmasked = [run("trace", id, "--store", store, "--unmasked", *form).stdout for id in ledger["id"]]
    assert PEOPLE["kept"][0] in "".join(unmasked)
    assert PEOPLE["malformed"][0] in "".join(unmasked)


def test_a_release_made_without_the_privacy_step_is_shown_masked(ward_release, tmp_path):
    mirror, store = tmp_path / "mirror", tmp_path / "store"
    plain = RECIPE.replace(
        'clean_and_deduplicate([WARD], Rules(), "any", SINGLE_TURN, required=True, limit=None)', "read(WARD)"
    )
    plain = plain.replace("from pipelines.recipes", "from pipelines.build.step import read\nfrom pipelines.recipes")
    for version, question in (("1", story("kept", ASTHMA)), ("2", story("near", ASTHMA))):
        write_mirror(mirror, {"ward": {"notes.jsonl": [{"id": "a", "question": question, "answer": INHALER}]}})
        recipe = write_recipe(tmp_path, plain)
        options = ("--store", store, "--mirror", mirror, "--workers", "1", "--relock")
        assert run("release", recipe, "--version", version, *options).exit_code == 0
    folder = store / "releases" / "tiny" / "2"
    assert not seen_in(report(folder, against=folder.with_name("1")))
    assert not seen_in(run("diff", "tiny@1", "tiny@2", "--store", store, "--out", tmp_path / "all").stdout)
    changes = pl.read_parquet(tmp_path / "all" / "changes.parquet")
    assert changes["change"].to_list() == ["edited"]
    assert not seen_in(json.dumps(changes.to_dicts()) + (tmp_path / "all" / "summary.json").read_text())
    unmasked = run("diff", "tiny@1", "tiny@2", "--store", store, "--json", "--unmasked").stdout
    assert PEOPLE["near"][1] in unmasked


def test_evidence_that_quotes_a_row_is_masked_by_the_personal_data_of_the_row():
    row = {"id": "ward:1", "answer": "My name is Ana Ruiz, MRN: 0048213.", "evidence": '{"said": "Ruiz 0048213"}'}
    [shown] = Screening().values([row])
    assert shown == {
        "id": "ward:1",
        "answer": "My name is [NAME], MRN: [RECORD].",
        "evidence": '{"said":"[NAME] [RECORD]"}',
    }


def test_invented_people_are_shown():
    row = {"id": "gsm8k:train-1", "source": "gsm8k", "answer": "My name is Rosa Vidal, I have 3 pears."}
    assert Screening.of(()).values([row]) == [row]
