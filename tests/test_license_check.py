"""What may not be handed on: fifty injected conflicts, each refused by name, and twenty sets that are lawful."""

import json

import polars as pl
import pytest
from rows import row, table

from pipelines.release.data_files import write_data
from pipelines.release.license_check import NAMED, conflicts
from sources.catalog import SOURCES
from sources.license import joint
from sources.releases.manifest_model import FORMAT
from sources.releases.read_manifest import ReleaseError

LLAMA_2, LLAMA_3, LLAMA = (f"LicenseRef-llama-{version}-community" for version in ("2", "3", "3.1"))
EMBEDDED = "LicenseRef-embedded-demo"
LEDGER = {"id": pl.String, "changed_by": pl.List(pl.String)}


def one(id, license, *, changed_by=(), **fields):
    """Return a row with a response, and the steps that changed it."""
    fields = {"response": "Vitamin C.", "license": license, **fields}
    return row(id, "Which vitamin prevents scurvy?", **fields), list(changed_by)


def lawful_rows():
    """Return rows that every injected one stands among."""
    return [
        one("open:1", "MIT"),
        one("open:2", "CC-BY-4.0", changed_by=["clean-open"]),
        one("open:3", f"CC-BY-SA-4.0 AND {LLAMA}", changed_by=["cot"], meta=written_by("llama-3.1-70b")),
    ]


def written_by(name):
    return {"cot": {"teacher": name, "origin": "guided"}}


def release(folder, rows, *, declared=None, steps=(), ledger=True):
    """Write a release of these rows, which declares the licences of all of them unless told otherwise."""
    shard = folder.with_suffix(".parquet")
    table(*(record for record, _ in rows)).write_parquet(shard)
    write_data([shard], folder)
    if ledger:
        told = sorted((record.id, changed) for record, changed in rows)
        (folder / "ledger").mkdir()
        pl.DataFrame(told, LEDGER, orient="row").write_parquet(folder / "ledger" / "rows-00000-of-00001.parquet")
    license = joint(record.license or "none" for record, _ in rows) if declared is None else declared
    manifest = {
        "format": FORMAT,
        "name": "made",
        "version": "1",
        "files": [],
        "steps": list(steps),
        "hash": "",
        "license": license,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def step(name, config=None, **identity):
    """Return what a manifest says of a step that is called so."""
    counts = dict.fromkeys(("rows_in", "made", "kept", "dropped", "quarantined"), 0)
    told = {"name": name, "folder": f"{name}-1", "identity": {"step": name, "config": config, **identity}}
    return {**told, "inputs": [], "reference_inputs": [], "counts": counts, "reasons": {}}


def teacher_step(name, license):
    return step("cot", {"generated_by": {"name": name, "revision": "1"}, "license": license})


# --- fifty conflicts -----------------------------------------------------------------------------------------------

UNKNOWN = [
    "LicenseRef-unknown", "LicenseRef-none-stated", "Mine", "", "Creative Commons", "cc-by-4.0", "MIT OR Apache-2.0",
    "GPL-2.0-or-later WITH Classpath-exception-2.0", f"LicenseRef-none-stated AND {LLAMA}", "CC-BY-9.0 AND MIT",
]  # fmt: skip
OUTPUTS = [
    LLAMA_2, LLAMA_3, "LicenseRef-tongyi-qianwen", "LicenseRef-openai-terms", "LicenseRef-anthropic-terms",
    "LicenseRef-gemini-api-terms", f"{LLAMA_2} AND MIT", "CC-BY-4.0 AND LicenseRef-openai-terms",
]  # fmt: skip
JOINED = [
    "CC-BY-NC-SA-4.0 AND CC-BY-SA-4.0", "CC-BY-NC-SA-3.0 AND CC-BY-SA-3.0", "CC-BY-SA-3.0 AND GPL-3.0-only",
    "CC-BY-SA-4.0 AND ODbL-1.0", "CC-BY-NC-4.0 AND CC-BY-SA-4.0", "CC-BY-NC-4.0 AND GPL-3.0-only",
    "CC-BY-SA-4.0 AND LicenseRef-openrail", "CC-BY-SA-4.0 AND LicenseRef-research-only",
    "CC-BY-NC-SA-4.0 AND LicenseRef-research-only", "CC-BY-SA-4.0 AND LicenseRef-qwen-research",
    "CC-BY-ND-4.0 AND MIT", f"CC-BY-NC-ND-4.0 AND {LLAMA}",
]  # fmt: skip
COMMERCIAL = [
    "CC-BY-NC-4.0", "CC-BY-NC-SA-4.0", "CC-BY-NC-3.0", "LicenseRef-research-only", f"CC-BY-NC-4.0 AND {LLAMA}",
    "LicenseRef-mistral-research AND MIT", "LicenseRef-qwen-research",
]  # fmt: skip
DECLARED = [  # what the release says, and what one row of it is under
    ("MIT", "CC-BY-NC-4.0"), ("MIT", LLAMA), ("CC-BY-4.0", "CC-BY-SA-4.0"), ("Apache-2.0", "CC-BY-4.0"),
    ("CC-BY-SA-3.0", "CC-BY-SA-4.0"), ("", "MIT"), ("CC-BY-NC-4.0", "CC-BY-NC-ND-4.0"),
]  # fmt: skip


def injected(license, *, declared=None, steps=(), **fields):
    """Return the arguments of a release with one row more, and that row's id."""
    return [*lawful_rows(), one("bad:1", license, **fields)], {"declared": declared, "steps": steps}


CONFLICTS = [
    *(("unknown", "any", injected(license)) for license in UNKNOWN),
    *(("outputs", "any", injected(license)) for license in OUTPUTS),
    *(("joined", "any", injected(license)) for license in JOINED),
    *(("commercial", "commercial", injected(license)) for license in COMMERCIAL),
    *(("declared", "any", injected(license, declared=declared)) for declared, license in DECLARED),
    ("derivatives", "any", injected("CC-BY-ND-4.0", changed_by=["clean-bad"])),
    ("derivatives", "any", injected("CC-BY-NC-ND-4.0", changed_by=["privacy", "add-instructions"])),
    ("embedded", "any", injected(f"{EMBEDDED} AND MIT")),
    ("embedded", "any", injected("MIT", meta=written_by("embedded"))),
    ("demonstration", "any", injected("LicenseRef-demonstration AND MIT", meta=written_by("llamacpp:small.gguf"))),
    ("embedded", "any", injected("MIT", rejected="Vitamin D.", meta={"pair": {"rejected_by": "embedded"}})),
    ("teacher", "any", injected("MIT", meta=written_by("llama"), steps=[teacher_step("llama", LLAMA)])),
]


def test_there_are_fifty_conflicts_and_more():
    assert len(CONFLICTS) == 51


@pytest.mark.parametrize(("rule", "use", "made"), CONFLICTS)
def test_a_conflict_is_refused_and_names_its_rows_and_why(tmp_path, rule, use, made):
    rows, how = made
    found = conflicts(release(tmp_path / "release", rows, **how), use=use)
    [conflict] = [conflict for conflict in found if conflict.rule == rule and "bad:1" in conflict.ids]
    assert conflict.rows == len(conflict.ids)
    assert conflict.why and conflict.remedy
    assert all(text in conflict.describe() for text in (conflict.why, conflict.remedy, "bad:1"))
    if rule != "declared":  # what the whole release declares may wrong other rows besides
        assert conflict.ids == ("bad:1",)
        assert {id for one in found for id in one.ids} == {"bad:1"}


# --- twenty lawful sets --------------------------------------------------------------------------------------------

LAWFUL = {
    "one free licence": ([one("a:1", "MIT")], {}),
    "public domain under a freer word": ([one("a:1", "CC0-1.0"), one("a:2", "PDDL-1.0")], {}),
    "permissive licences side by side": ([one("a:1", "MIT"), one("a:2", "Apache-2.0"), one("a:3", "CC-BY-4.0")], {}),
    "share-alike and its rival, each in rows of its own": ([one("a:1", "CC-BY-SA-4.0"), one("a:2", "ODbL-1.0")], {}),
    "non-commercial beside share-alike": ([one("a:1", "CC-BY-NC-SA-4.0"), one("a:2", "CC-BY-SA-4.0")], {}),
    "research only": ([one("a:1", "LicenseRef-research-only")], {}),
    "a Llama-made row": ([one("a:1", f"{LLAMA} AND MIT", meta=written_by("llama"))], {}),
    "a Llama-made row of a share-alike source": ([one("a:1", f"CC-BY-SA-4.0 AND {LLAMA}")], {}),
    "a teacher's terms carried": (
        [one("a:1", f"{LLAMA} AND MIT", meta=written_by("llama"))],
        {"steps": [teacher_step("llama", LLAMA)]},
    ),
    "a free teacher over a free source": (
        [one("a:1", "Apache-2.0 AND MIT", meta=written_by("qwen"))],
        {"steps": [teacher_step("qwen", "Apache-2.0")]},
    ),
    "a row that a teacher was asked about in vain": (
        [one("a:1", "MIT", meta={"cot": {"teacher": "llama"}})],
        {"steps": [teacher_step("llama", LLAMA)]},
    ),
    "a text that speaks of the embedded teacher": ([one("a:1", "MIT", meta={"note": "embedded"})], {}),
    "unchanged rows without derivatives": ([one("a:1", "CC-BY-ND-4.0")], {}),
    "a later version of share-alike": ([one("a:1", "CC-BY-SA-3.0 AND CC-BY-SA-4.0")], {}),
    "share-alike into GPL": ([one("a:1", "CC-BY-SA-4.0 AND GPL-3.0-only")], {}),
    "non-commercial terms of a model on a non-commercial source": (
        [one("a:1", "CC-BY-NC-SA-4.0 AND LicenseRef-qwen-research")],
        {},
    ),
    "OpenRAIL rewritten by a model": ([one("a:1", f"{LLAMA} AND LicenseRef-openrail")], {}),
    "declared stricter than need be": ([one("a:1", "MIT"), one("a:2", "CC-BY-4.0")], {"declared": "CC-BY-NC-4.0"}),
    "declared under a later version": ([one("a:1", "CC-BY-SA-3.0")], {"declared": "CC-BY-SA-4.0"}),
    "Gemma and Qwen": ([one("a:1", "LicenseRef-gemma AND MIT"), one("a:2", "LicenseRef-qwen AND MIT")], {}),
}

SOLD = [
    "one free licence", "permissive licences side by side", "share-alike and its rival, each in rows of its own",
    "a Llama-made row of a share-alike source", "unchanged rows without derivatives", "Gemma and Qwen",
    "share-alike into GPL", "OpenRAIL rewritten by a model",
]  # fmt: skip


def test_there_are_twenty_lawful_sets():
    assert len(LAWFUL) == 20


@pytest.mark.parametrize("name", LAWFUL)
def test_a_lawful_set_is_not_refused(tmp_path, name):
    rows, how = LAWFUL[name]
    assert conflicts(release(tmp_path / "release", rows, **how)) == []


@pytest.mark.parametrize("name", SOLD)
def test_a_set_that_may_be_sold_is_not_refused_for_commercial_use(tmp_path, name):
    rows, how = LAWFUL[name]
    assert conflicts(release(tmp_path / "release", rows, **how), use="commercial") == []


# --- how it tells --------------------------------------------------------------------------------------------------


def test_a_conflict_of_many_rows_names_the_first_and_counts_all(tmp_path):
    rows = [one(f"bad:{n:03}", "Mine") for n in reversed(range(50))]
    [conflict] = conflicts(release(tmp_path / "release", rows, declared="Mine"))
    assert conflict.ids == tuple(f"bad:{n:03}" for n in range(NAMED))
    assert conflict.rows == 50
    assert "bad:000, bad:001, bad:002" in conflict.describe()
    assert "and 47 more" in conflict.describe()


def test_a_row_with_several_conflicts_is_told_of_each_always_in_the_same_order(tmp_path):
    license = f"CC-BY-ND-4.0 AND {EMBEDDED} AND {LLAMA_2} AND Mine"
    folder = release(tmp_path / "release", [one("bad:1", license, changed_by=["clean"])], declared="MIT")
    found = conflicts(folder, use="commercial")
    rules = [conflict.rule for conflict in found]
    assert rules == ["embedded", "unknown", "outputs", "joined", "commercial", "derivatives", *["declared"] * 4]
    assert conflicts(folder, use="commercial") == found


def test_without_a_ledger_nothing_says_that_a_row_was_left_as_it_was(tmp_path):
    folder = release(tmp_path / "release", [one("bad:1", "CC-BY-ND-4.0")], ledger=False)
    [conflict] = conflicts(folder)
    assert (conflict.rule, conflict.ids) == ("derivatives", ("bad:1",))
    assert "there is no ledger that records it" in conflict.why


def test_the_steps_that_changed_a_row_are_named(tmp_path):
    rows = [one("bad:1", "CC-BY-ND-4.0", changed_by=["clean", "privacy"]), one("good:1", "CC-BY-ND-4.0")]
    [conflict] = conflicts(release(tmp_path / "release", rows))
    assert conflict.ids == ("bad:1",)
    assert conflict.why == "CC-BY-ND-4.0 allows no adapted copies, and the rows were changed: clean, privacy"


def test_a_row_that_a_step_made_of_another_is_an_adaptation_of_it(tmp_path):
    rows = [one("bad:1", "CC-BY-ND-4.0"), one("bad:1/roleplay", "CC-BY-ND-4.0"), one("bad:own/id", "CC-BY-ND-4.0")]
    [conflict] = conflicts(release(tmp_path / "release", rows))
    assert conflict.ids == ("bad:1/roleplay",)


def test_every_model_of_a_red_team_leaves_its_terms_on_the_rows_it_wrote_in(tmp_path):
    team = {"target": {"name": "target"}, "writer": {"name": "writer"}}
    guard = step("guard-replies", {"team": team, "licenses": [LLAMA, "Apache-2.0"]})
    wrote = {"redteam": {"refusal": {"generated_by": "writer"}}}
    rows = [one("bad:1", f"{LLAMA} AND MIT", meta=wrote), one("good:1", f"Apache-2.0 AND {LLAMA} AND MIT", meta=wrote)]
    [conflict] = conflicts(release(tmp_path / "release", rows, steps=[guard]))
    assert (conflict.rule, conflict.ids) == ("teacher", ("bad:1",))
    assert conflict.why == "writer wrote a text of these rows, which omit its terms, Apache-2.0"


def test_pairs_are_checked_as_conversations_are(tmp_path):
    pair = one("bad:1", "LicenseRef-unknown", rejected="Vitamin D.")
    [conflict] = conflicts(release(tmp_path / "release", [one("good:1", "MIT"), pair]))
    assert (conflict.rule, conflict.ids) == ("unknown", ("bad:1",))


def test_the_demo_may_not_be_handed_on(demo_store):
    found = conflicts(demo_store / "releases" / "demo" / "1")
    assert {conflict.rule for conflict in found} == {"embedded"}
    assert all(EMBEDDED in conflict.license for conflict in found)


def test_an_unknown_use_and_a_folder_that_is_no_release_are_refused(tmp_path):
    with pytest.raises(ValueError, match="use is 'military', expected one of any, share, commercial"):
        conflicts(tmp_path, use="military")
    with pytest.raises(ReleaseError, match=r"no manifest of a release"):
        conflicts(tmp_path)


# --- rows that are freer than what they come from --------------------------------------------------------------------


def read_step(source, license):
    """Return what a manifest says of the step that read a source."""
    terms = {"name": source, "license": license, "task": "qa", "lang": "en"}
    return step(f"read-{source}", source=terms, files=[], companions={}, limit=None)


@pytest.mark.parametrize(("source", "row_license"), [("CC-BY-NC-4.0", "CC0-1.0"), ("CC-BY-SA-4.0", "CC-BY-4.0")])
@pytest.mark.parametrize("use", ["any", "commercial"])
def test_rows_relabelled_against_the_source_of_the_same_manifest_are_refused(tmp_path, source, row_license, use):
    rows = [*lawful_rows(), one("shelf:1", row_license)]
    [conflict] = conflicts(release(tmp_path / "release", rows, steps=[read_step("shelf", source)]), use=use)
    assert (conflict.rule, conflict.ids, conflict.license) == ("freed", ("shelf:1",), row_license)
    assert f"shelf is under {source}, which these rows omit" in conflict.describe()


def test_rows_relabelled_against_the_catalog_are_refused_though_manifest_and_rows_agree(tmp_path):
    name, corpus = next((name, one) for name, one in SOURCES.items() if one.license == "CC-BY-NC-4.0")
    rows = [one(f"{name}:1", "CC0-1.0")]
    [conflict] = conflicts(release(tmp_path / "release", rows, steps=[read_step(name, "CC0-1.0")]), use="commercial")
    assert conflict.rule == "freed"
    assert corpus.license in conflict.why


@pytest.mark.parametrize("row_license", ["CC-BY-4.0", f"CC-BY-4.0 AND {LLAMA}", "CC-BY-NC-4.0"])
def test_rows_under_the_terms_of_their_source_or_more_are_none_of_these(tmp_path, row_license):
    rows = [one("shelf:1", row_license)]
    assert conflicts(release(tmp_path / "release", rows, steps=[read_step("shelf", "CC-BY-4.0")])) == []


# --- rows of one's own ---------------------------------------------------------------------------------------------


def test_own_rows_may_go_into_a_private_repository_and_no_other(tmp_path):
    folder = release(tmp_path / "release", [*lawful_rows(), one("clinic:1", "LicenseRef-proprietary")])
    assert conflicts(folder, private=True) == []
    [conflict] = conflicts(folder)
    assert (conflict.rule, conflict.ids) == ("unknown", ("clinic:1",))
    assert conflict.remedy.startswith("Publish rows of your own without --public")


def test_rows_that_nobody_allowed_to_hand_on_stay_out_of_private_repositories_too(tmp_path):
    folder = release(tmp_path / "release", [one("clinic:1", "LicenseRef-none-stated")])
    assert [conflict.rule for conflict in conflicts(folder, private=True)] == ["unknown"]


def test_a_mistyped_licence_is_answered_with_the_closest_one(tmp_path):
    [conflict] = conflicts(release(tmp_path / "release", [one("clinic:1", "CC-BY-SA-4")]))
    assert "did you mean 'CC-BY-SA-4.0'?" in conflict.remedy
    [conflict] = conflicts(release(tmp_path / "other", [one("clinic:1", "proprietary")]))
    assert "LicenseRef-proprietary for rows of your own" in conflict.remedy
