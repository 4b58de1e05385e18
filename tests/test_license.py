"""Licences: which of two is stricter, what a use may hold, and that the unknown is held to the strictest terms."""

import pytest
from rows import row, table

from quality.license_gate import LicenseGate, license_gate
from sources.catalog import BENCHMARKS, SOURCES
from sources.license import LICENSES, fits, strictest, terms


def test_the_strictest_licence_wins_on_joining():
    assert strictest(["MIT", "CC-BY-4.0", "Apache-2.0"]) == "CC-BY-4.0"
    assert strictest(["CC-BY-SA-4.0", "CC-BY-NC-4.0"]) == "CC-BY-NC-4.0"
    assert strictest(["MIT", "Licence-of-my-own"]) == "Licence-of-my-own"


def test_an_unknown_licence_is_held_to_the_strictest_terms():
    assert terms("Licence-of-my-own").id == "LicenseRef-unknown"
    assert not fits("Licence-of-my-own", "commercial")
    assert fits("Licence-of-my-own", "any")


def test_nothing_that_allows_commercial_use_is_stricter_than_what_forbids_it():
    free = max(x.strictness for x in LICENSES.values() if x.commercial and x.derivatives)
    assert all(x.strictness > free for x in LICENSES.values() if not x.commercial)


def test_an_unknown_use_is_refused():
    with pytest.raises(ValueError, match="use is 'military', expected one of any, commercial"):
        fits("MIT", "military")


def test_the_gate_drops_rows_with_their_licence_as_evidence():
    rows = table(row("a:1", license="MIT"), row("a:2", license="CC-BY-NC-4.0"), row("a:3", license="Mine"))
    out = license_gate(rows, LicenseGate(use="commercial")).rows
    assert out.select("drop", "evidence").rows() == [
        (None, None),
        ("license", "CC-BY-NC-4.0 forbids it: commercial use"),
        ("license", "Mine is not known to allow it: commercial use"),
    ]
    assert license_gate(rows, LicenseGate(use="any")).rows["drop"].null_count() == 3


RESTRICTED = ("wikidoc_patient_information", "genmedgpt5k", "genmedgpt_diseases", "medinstruct_seed", "do_not_answer")


@pytest.mark.parametrize("name", RESTRICTED)
def test_restricted_corpora_never_enter_a_commercial_build(name):
    assert not fits(SOURCES[name].license, "commercial")


def test_every_licence_of_the_catalog_is_in_the_table():
    assert {c.license for c in (*SOURCES.values(), *BENCHMARKS.values())} <= set(LICENSES)
