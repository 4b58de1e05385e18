"""Places that state different licences for one corpus: the strictest holds, and a copy cannot free its rows."""

from dataclasses import replace

import pytest
from tiny_recipe import run

from sources.catalog import BENCHMARKS, SOURCES
from sources.connectors.fully_open_meditron import FULLY_OPEN_MEDITRON
from sources.license import StatedLicense, fits, strictness
from sources.overlaps.known_copies import freed_license, original_of

MEDITRON, COPY = "hf://datasets/EPFLiGHT/fully-open-meditron", "hf://datasets/npario/fully-open-meditron"
CONTESTED = {name: corpus for name, corpus in {**SOURCES, **BENCHMARKS}.items() if corpus.stated_licenses}


@pytest.mark.parametrize("corpus", CONTESTED.values(), ids=CONTESTED)
def test_of_several_claims_the_strictest_holds_and_the_reason_is_shown(corpus):
    assert strictness(corpus.license) == max(strictness(claim.license) for claim in corpus.stated_licenses)
    assert "stricter" in corpus.license_read


def test_a_freer_licence_than_one_that_is_claimed_is_refused():
    claims = (StatedLicense(license="CC-BY-NC-4.0", where="the original's card"),)
    with pytest.raises(
        ValueError, match=r"license is 'Apache-2\.0', expected the strictest .* CC-BY-NC-4\.0 by the orig"
    ):
        replace(FULLY_OPEN_MEDITRON, license="Apache-2.0", stated_licenses=claims)


def test_the_copy_of_meditron_is_under_the_licence_of_its_original():
    assert original_of(COPY) is FULLY_OPEN_MEDITRON
    assert not fits(FULLY_OPEN_MEDITRON.license, "commercial")
    assert freed_license(COPY, "Apache-2.0") == (
        f"license: found 'Apache-2.0', expected CC-BY-NC-4.0 as the licence of {COPY}, "
        f"since it is a copy of fully_open_meditron of the catalog ({MEDITRON}), which is "
        f"under CC-BY-NC-4.0 (read in: {FULLY_OPEN_MEDITRON.license_read})"
    )
    assert "since it is fully_open_meditron of the catalog" in freed_license(MEDITRON, "MIT")


@pytest.mark.parametrize("license", ["CC-BY-NC-4.0", "CC-BY-NC-ND-4.0", "LicenseRef-proprietary"])
def test_the_same_licence_a_stricter_one_and_rows_of_ones_own_are_accepted(license):
    assert freed_license(COPY, license) is None
    assert freed_license("hf://datasets/clinic/cards", "MIT") is None


def test_an_own_source_that_is_a_copy_states_the_original_s_licence(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = tmp_path / "mirror" / "meditron"
    rows.mkdir(parents=True)
    (rows / "rows.jsonl").write_text('{"question": "Which organ makes bile?", "answer": "The liver."}\n' * 3)
    mapping = tmp_path / "meditron.toml"
    mapping.write_text(
        'license = "Apache-2.0"\nlicense_read = "its card"\n[columns]\nquestion = "question"\nanswer = "answer"\n'
    )
    call = ("sources", "--source", f"meditron={COPY}", "--mirror", tmp_path / "mirror", "--store", tmp_path / "store")
    done = run(*call)
    assert done.exit_code == 2
    assert "expected CC-BY-NC-4.0 as the licence of hf://datasets/npario/fully-open-meditron" in done.stderr
    mapping.write_text(mapping.read_text().replace("Apache-2.0", "CC-BY-NC-4.0"))
    assert "CC-BY-NC-4.0" in run(*call).stdout


def test_the_claims_are_shown():
    told = run("sources", "fully_open_meditron").stdout
    assert (
        "Apache-2.0 by card of npario/fully-open-meditron, a duplicate: less strict, so it does not hold"
        in " ".join(told.split())
    )
