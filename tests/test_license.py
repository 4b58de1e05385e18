"""Licences: what each allows and asks, rows that stand under several, and that the unknown is held to the strictest."""

import re

import pytest
from rows import row, table

from quality.keep import keep_columns
from quality.license_gate import LicenseGate, license_gate
from sources.catalog import BENCHMARKS, SOURCES
from sources.known_licenses import LICENSES
from sources.license import contradiction, covers, fits, joint, parts, strictness, terms
from synth.teachers.embedded import LICENSE as EMBEDDED

LLAMA = "LicenseRef-llama-3.1-community"


# --- the table -----------------------------------------------------------------------------------------------------


def test_every_licence_of_the_catalog_is_in_the_table():
    assert {c.license for c in (*SOURCES.values(), *BENCHMARKS.values())} <= set(LICENSES)


def test_what_the_embedded_teacher_writes_has_a_licence_that_allows_nothing():
    known = terms(EMBEDDED)
    assert (known.id, known.redistribution, known.commercial, known.outputs) == (EMBEDDED, False, False, "forbidden")


def test_nothing_that_allows_commercial_use_is_stricter_than_what_forbids_it():
    free = max(x.strictness for x in LICENSES.values() if x.commercial and x.derivatives)
    assert all(x.strictness > free for x in LICENSES.values() if not x.commercial)


@pytest.mark.parametrize("license", LICENSES.values(), ids=lambda license: license.id)
def test_a_licence_says_where_it_is_read_and_what_it_asks(license):
    assert license.title
    assert license.url is None or license.url.startswith("https://")
    assert bool(license.url) or not license.redistribution or license.passes_on
    assert license.duty or not license.attribution or not license.redistribution
    assert license.into <= set(LICENSES)
    assert not license.into or license.id in license.into


def test_a_licence_without_a_word_on_the_hub_is_other_there():
    assert terms("CC-BY-SA-4.0").hub == "cc-by-sa-4.0"
    assert terms(LLAMA).hub == "llama3.1"
    assert terms("LicenseRef-research-only").hub == "other"
    assert all(re.fullmatch(r"[a-z0-9.-]+", license.hub) for license in LICENSES.values())


@pytest.mark.parametrize(
    ("license", "outputs", "word"),
    [
        ("LicenseRef-llama-2-community", "own_family", "no other large language model"),
        ("LicenseRef-llama-3-community", "own_family", "no other large language model"),
        (LLAMA, "named", 'begins with "Llama"'),
        ("LicenseRef-llama-3.3-community", "named", "Built with Llama"),
        ("LicenseRef-llama-4-community", "named", "Built with Llama"),
        ("LicenseRef-gemma", "named", "derivative"),
        ("LicenseRef-qwen", "named", "Built with Qwen"),
        ("LicenseRef-qwen-research", "named", "no commercial use"),
        ("LicenseRef-mistral-research", "free", "research only"),
        ("LicenseRef-openai-terms", "forbidden", "compete"),
    ],
)
def test_the_terms_of_models_say_what_may_be_trained_on_their_outputs(license, outputs, word):
    assert terms(license).outputs == outputs
    assert word in terms(license).duty


# --- several licences at once --------------------------------------------------------------------------------------


def test_a_joined_row_is_under_all_licences_of_its_parts():
    assert joint(["MIT", LLAMA]) == f"{LLAMA} AND MIT"
    assert joint([f"CC-BY-SA-4.0 AND {LLAMA}", "MIT", "CC-BY-SA-4.0"]) == f"CC-BY-SA-4.0 AND {LLAMA} AND MIT"
    assert joint(["MIT"]) == "MIT"


def test_joining_is_the_same_in_any_order_and_joining_twice_changes_nothing():
    ids = ["MIT", LLAMA, "CC-BY-4.0", "Apache-2.0"]
    whole = joint(ids)
    assert whole == joint(reversed(ids)) == joint([joint(ids[:2]), joint(ids[2:])]) == joint([whole, whole, "MIT"])
    assert parts(whole) == ("Apache-2.0", "CC-BY-4.0", LLAMA, "MIT")


def test_a_dedication_to_the_public_asks_nothing_and_is_left_out_beside_others():
    assert joint(["CC0-1.0", "CC-BY-4.0"]) == "CC-BY-4.0"
    assert joint(["CC0-1.0", "PDDL-1.0"]) == "CC0-1.0"


def test_what_has_no_licence_is_not_free():
    with pytest.raises(ValueError, match="no licence to join"):
        joint([])
    assert joint(["CC0-1.0", "Mine"]) == "Mine"


def test_an_unknown_licence_is_held_to_the_strictest_terms():
    assert terms("Licence-of-my-own").id == "LicenseRef-unknown"
    assert not fits("Licence-of-my-own", "commercial")
    assert fits("Licence-of-my-own", "any")
    assert not fits("MIT OR Apache-2.0", "commercial")


def test_the_strictest_of_several_licences_counts():
    assert strictness(f"MIT AND {LLAMA}") == strictness(LLAMA)
    assert fits(f"MIT AND {LLAMA}", "commercial")
    assert not fits("CC-BY-NC-4.0 AND MIT", "commercial")


def test_of_equal_rows_the_one_whose_strictest_licence_is_freer_stays():
    rows = table(row("a:1", license="CC-BY-NC-4.0 AND MIT"), row("a:2", license=f"{LLAMA} AND MIT"), row("a:3"))
    ranks = rows.select(keep_columns({})).sort("strictness")
    assert ranks["id"].to_list() == ["a:3", "a:2", "a:1"]
    assert ranks["strictness"].to_list() == [strictness(x) for x in ("MIT", LLAMA, "CC-BY-NC-4.0")]


# --- what no row can be under at once ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "expression",
    [
        "MIT",
        "CC-BY-ND-4.0",
        "CC-BY-ND-4.0 AND CC0-1.0",
        "Apache-2.0 AND CC-BY-4.0 AND MIT",
        f"CC-BY-SA-4.0 AND {LLAMA}",
        "CC-BY-SA-3.0 AND CC-BY-SA-4.0",
        "CC-BY-SA-4.0 AND GPL-3.0-only",
        "CC-BY-NC-4.0 AND CC-BY-NC-SA-4.0",
        "CC-BY-NC-SA-4.0 AND LicenseRef-qwen-research",
        "CC-BY-NC-4.0 AND LicenseRef-research-only",
        "LicenseRef-openrail AND MIT",
        "ODbL-1.0 AND MIT",
    ],
)
def test_licences_that_go_together(expression):
    assert contradiction(expression) is None


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("CC-BY-NC-SA-4.0 AND CC-BY-SA-4.0", "CC-BY-NC-SA-4.0 and CC-BY-SA-4.0 each require"),
        ("CC-BY-SA-3.0 AND GPL-3.0-only", "each require"),
        ("CC-BY-SA-4.0 AND ODbL-1.0", "each require"),
        ("CC-BY-NC-4.0 AND CC-BY-SA-4.0", "which the terms of CC-BY-NC-4.0 do not allow"),
        ("CC-BY-NC-4.0 AND CC-BY-SA-4.0 AND GPL-3.0-only", "which the terms of CC-BY-NC-4.0 do not allow"),
        ("CC-BY-SA-4.0 AND LicenseRef-openrail", "LicenseRef-openrail"),
        ("CC-BY-NC-SA-4.0 AND LicenseRef-research-only", "LicenseRef-research-only"),
        ("CC-BY-SA-4.0 AND LicenseRef-mistral-research", "LicenseRef-mistral-research"),
        ("CC-BY-ND-4.0 AND MIT", "CC-BY-ND-4.0 allows no adaptation"),
        (f"CC-BY-NC-ND-4.0 AND {LLAMA}", "CC-BY-NC-ND-4.0 allows no adaptation"),
    ],
)
def test_licences_that_contradict_each_other(expression, why):
    assert why in contradiction(expression)


@pytest.mark.parametrize(
    ("declared", "license"),
    [
        ("MIT", "MIT"),
        ("MIT", "CC0-1.0"),
        ("CC-BY-4.0", "MIT"),
        ("CC-BY-NC-4.0", "CC-BY-4.0"),
        ("CC-BY-SA-4.0", "CC-BY-SA-3.0"),
        (f"{LLAMA} AND MIT", LLAMA),
    ],
)
def test_a_release_may_ask_more_than_its_rows(declared, license):
    assert covers(declared, license)


@pytest.mark.parametrize(
    ("declared", "license"),
    [
        ("CC0-1.0", "MIT"),
        ("MIT", "Apache-2.0"),
        ("CC-BY-4.0", "CC-BY-NC-4.0"),
        ("CC-BY-NC-4.0", "CC-BY-SA-4.0"),
        ("CC-BY-SA-3.0", "CC-BY-SA-4.0"),
        ("MIT", LLAMA),
        ("CC-BY-NC-ND-4.0", LLAMA),
        ("LicenseRef-unknown", "LicenseRef-none-stated"),
        ("MIT", "Mine"),
    ],
)
def test_a_release_may_not_ask_less_than_its_rows(declared, license):
    assert not covers(declared, license)


# --- the gate ------------------------------------------------------------------------------------------------------


def test_an_unknown_use_is_refused():
    with pytest.raises(ValueError, match="use is 'military', expected one of any, share, commercial"):
        fits("MIT", "military")


def test_what_is_shared_may_not_be_sold_but_handed_on():
    assert [fits(license, "share") for license in ("MIT", "CC-BY-NC-4.0", f"{LLAMA} AND MIT")] == [True] * 3
    closed = ("LicenseRef-unknown", "LicenseRef-none-stated", "CC-BY-ND-4.0", "Mine", "MIT AND LicenseRef-unknown")
    assert not any(fits(license, "share") for license in closed)


def test_the_gate_drops_rows_with_their_licence_as_evidence():
    licenses = ("MIT", "CC-BY-NC-4.0", "Mine", f"CC-BY-NC-4.0 AND {LLAMA}", f"{LLAMA} AND MIT")
    rows = table(*(row(f"a:{n}", license=license) for n, license in enumerate(licenses)))
    out = license_gate(rows, LicenseGate(use="commercial")).rows
    assert out.select("drop_reason", "evidence").rows() == [
        (None, None),
        ("license", "CC-BY-NC-4.0 forbids it: commercial use"),
        ("license", "Mine is not known to allow it: commercial use"),
        ("license", "CC-BY-NC-4.0 forbids it: commercial use"),
        (None, None),
    ]
    assert license_gate(rows, LicenseGate(use="any")).rows["drop_reason"].null_count() == 5


RESTRICTED = ("wikidoc_patient_information", "genmedgpt5k", "genmedgpt_diseases", "medinstruct_seed", "do_not_answer")


@pytest.mark.parametrize("name", RESTRICTED)
def test_restricted_corpora_never_enter_a_commercial_build(name):
    assert not fits(SOURCES[name].license, "commercial")
