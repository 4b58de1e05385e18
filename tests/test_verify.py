"""Tampering with a release: whatever was done to it, ``sabila verify`` finds it and names it."""

import json
import shutil

import polars as pl
import pyarrow.parquet as pq
import pytest
from manifests import card, croissant, load, row_figures, seal
from tiny_recipe import run

from pipelines.build.fingerprint import fingerprint
from pipelines.release.data_files import license_of
from pipelines.release.locate import hash_file
from pipelines.verify.verify_release import verify
from sources.atomic import write_json

MEDQUAD = "data/sft/medquad/train-00000-of-00001.parquet"
HEADQA = "data/sft/headqa_en/train-00000-of-00001.parquet"
LEDGER = "ledger/rows-00000-of-00001.parquet"
COMPLETIONS = "completions/completions-00000-of-00001.parquet"
MANIFEST = "manifest.json"
ITEMS = "benchmark_items.parquet"


@pytest.fixture
def release(demo_store, tmp_path):
    """A copy of demo@1, in a store, with the hash that was noted of it."""
    folder = tmp_path / "store" / "releases" / "demo" / "1"
    shutil.copytree(demo_store / "releases" / "demo" / "1", folder)
    shutil.copy(hash_file(demo_store / "releases" / "demo" / "1"), hash_file(folder))
    return folder


def found(folder, expected=None):
    """Return the findings as ``{(file, what): (expected, found)}``."""
    return {(one.file, one.what): (one.expected, one.found) for one in verify(folder, expected).findings}


def told(findings, file, what):
    """Return whether a finding names this file and begins to say this."""
    return any(name.startswith(file) and said.startswith(what) for name, said in findings)


def test_a_release_as_it_was_frozen_has_nothing_wrong(release):
    verdict = verify(release)
    assert verdict.findings == ()
    assert (verdict.name, verdict.rows, verdict.left_out) == ("demo@1", 234, ())
    assert verdict.hash == verdict.compared_with == load(release)["hash"]


def test_a_release_of_preference_pairs_has_nothing_wrong(demo_store):
    assert verify(demo_store / "releases" / "demo_dpo" / "1").findings == ()


# --- by an accident, or a hand that does not know of hashes ---------------------------------------------------------


def change_manifest(folder, change):
    manifest = load(folder)
    change(manifest)
    write_json(folder / MANIFEST, manifest)


def flip_a_byte(folder):
    content = bytearray((folder / MEDQUAD).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / MEDQUAD).write_bytes(content)


def cut_a_file(folder):
    (folder / MEDQUAD).write_bytes((folder / MEDQUAD).read_bytes()[:-100])


def swap_two_files(folder):
    one, other = (folder / MEDQUAD).read_bytes(), (folder / HEADQA).read_bytes()
    (folder / MEDQUAD).write_bytes(other)
    (folder / HEADQA).write_bytes(one)


def link_a_file(folder):
    (folder / MEDQUAD).rename(folder.parent / "moved.parquet")
    (folder / MEDQUAD).symlink_to(folder.parent / "moved.parquet")


def link_the_manifest(folder):
    (folder / MANIFEST).rename(folder.parent / "moved.json")
    (folder / MANIFEST).symlink_to(folder.parent / "moved.json")


def link_a_folder(folder):
    (folder / "ledger").rename(folder.parent / "moved")
    (folder / "ledger").symlink_to(folder.parent / "moved")


def add_a_file(folder):
    (folder / "data" / "sft" / "notes.txt").write_text("see here")


def add_a_data_file(folder):
    shutil.copy(folder / MEDQUAD, (folder / MEDQUAD).with_name("train-00001-of-00002.parquet"))


def edit_the_card(folder):
    text = (folder / "README.md").read_text(encoding="utf-8")
    (folder / "README.md").write_text(text.replace("234 rows", "2,340 rows", 1), encoding="utf-8")


def change_a_config(folder):
    def change(manifest):
        [step] = [step for step in manifest["steps"] if step["name"] == "near"]
        step["identity"]["config"]["single"]["threshold"] = 0.99

    change_manifest(folder, change)


def change_the_version(folder):
    change_manifest(folder, lambda manifest: manifest.update(version="2"))


def swap_the_version(folder):
    folder.rename(folder.with_name("2"))
    folder.symlink_to(folder.with_name("2"))


def cut_the_manifest(folder):
    (folder / MANIFEST).write_text((folder / MANIFEST).read_text(encoding="utf-8")[:-50], encoding="utf-8")


def edit_the_metadata(folder):
    text = (folder / "croissant.json").read_text(encoding="utf-8")
    (folder / "croissant.json").write_text(text.replace("medical", "botanical", 1), encoding="utf-8")


def empty_the_steps(folder):
    change_manifest(folder, lambda manifest: manifest.update(steps=None))


def list_a_file_outside(folder):
    (folder.parent / "outside.txt").write_text("not of this release")
    listed = {"path": "../outside.txt", "bytes": 19, "sha256": "0" * 64}
    change_manifest(folder, lambda manifest: manifest["files"].append(listed))


def edit_a_reply(folder):
    rows = pl.read_parquet(folder / COMPLETIONS)
    rows.with_columns(text=pl.lit("Answer: A")).write_parquet(folder / COMPLETIONS)


CLUMSY = [
    (flip_a_byte, MEDQUAD, "sha256"),
    (cut_a_file, MEDQUAD, "bytes"),
    (cut_a_file, MEDQUAD, "parquet"),
    (lambda folder: (folder / MEDQUAD).unlink(), MEDQUAD, "file"),
    (lambda folder: (folder / LEDGER).unlink(), LEDGER, "file"),
    (lambda folder: (folder / "README.md").unlink(), "README.md", "file"),
    (swap_two_files, HEADQA, "source of rows"),
    (link_a_file, MEDQUAD, "kind"),
    (link_the_manifest, MANIFEST, "kind"),
    (link_a_folder, "ledger", "kind"),
    (add_a_file, "data/sft/notes.txt", "file"),
    (add_a_data_file, "data/sft/medquad/train-00001-of-00002.parquet", "file"),
    (add_a_data_file, "data", "row medquad:"),
    (edit_the_card, "README.md", "line "),
    (edit_the_card, "README.md", "sha256"),
    (edit_the_metadata, "croissant.json", "line "),
    (change_a_config, MANIFEST, "hash: of the whole manifest"),
    (change_a_config, MANIFEST, "steps: near-"),
    (change_the_version, MANIFEST, "version: folder of the release"),
    (swap_the_version, MANIFEST, "version: folder of the release"),
    (cut_the_manifest, MANIFEST, "manifest"),
    (empty_the_steps, MANIFEST, "manifest"),
    (list_a_file_outside, MANIFEST, "manifest"),
    (edit_a_reply, COMPLETIONS, "sha256"),
]


@pytest.mark.parametrize(("tamper", "file", "what"), CLUMSY)
def test_tampering_is_found_and_named(tamper, file, what, release):
    tamper(release)
    findings = found(release)
    assert told(findings, file, what), findings


# --- by a hand that lists all files anew and makes the hash of the manifest fit -------------------------------------


def rows(folder, change, path=MEDQUAD):
    """Rewrite a file of rows; its columns keep their types."""
    schema = pq.read_schema(folder / path)
    table = change(pl.read_parquet(folder / path)).to_arrow(compat_level=pl.CompatLevel.oldest())
    pq.write_table(table.cast(schema), folder / path)


def one(rows, **columns):
    """Return rows with other values in the first."""
    first = pl.int_range(pl.len()) == 0
    return rows.with_columns(pl.when(first).then(value).otherwise(name).alias(name) for name, value in columns.items())


def make_a_row_up(folder):
    rows(folder, lambda table: pl.concat([table, one(table.head(1), id=pl.lit("medquad:made-up"))]))


def clear_all_items(folder):
    nothing = {"status": pl.lit("clean"), "rows": pl.lit(0, pl.Int64), "layer": pl.lit(None, pl.String)}
    rows(folder, lambda table: table.with_columns(**nothing), ITEMS)


def double_a_row(folder):
    rows(folder, lambda table: pl.concat([table, table.head(1)]))


def move_a_row(folder):
    moved = pl.read_parquet(folder / MEDQUAD).head(1)
    rows(folder, lambda table: pl.concat([table, moved]), HEADQA)
    rows(folder, lambda table: table.slice(1))


def drop_a_column(folder):
    table = pq.read_table(folder / MEDQUAD)
    pq.write_table(table.drop_columns(["rationale"]), folder / MEDQUAD)


def change_a_type(folder):
    table = pl.read_parquet(folder / MEDQUAD).with_columns(pl.col("line").cast(pl.String))
    pq.write_table(table.to_arrow(compat_level=pl.CompatLevel.oldest()), folder / MEDQUAD)


def ledger(folder, change):
    rows(folder, change, LEDGER)


def raise_the_dead(folder):
    ledger(folder, lambda table: table.with_columns(status=pl.lit("kept")))


def forgive_malformed_rows(folder):
    broken = pl.col("status") == "quarantined"
    ledger(folder, lambda table: table.with_columns(reason=pl.when(broken).then(pl.lit("lost")).otherwise("reason")))


def step_of(manifest, name):
    return next(step for step in manifest["steps"] if step["name"] == name)


def relabel(manifest, name, config):
    """Change a step's config and name it anew, as its fingerprint demands."""
    step = step_of(manifest, name)
    step["identity"]["config"] = config
    step["folder"] = f"{name}-{fingerprint(step['identity'])}"


def relabel_and_refit(manifest):
    relabel(manifest, "near", {"threshold": 0.99})
    manifest["fingerprint"] = fingerprint([step["folder"] for step in manifest["steps"]])


def lose_rows(manifest):
    step_of(manifest, "near")["counts"]["dropped"] -= 1


def blame_another_reason(manifest):
    reasons = step_of(manifest, "leaks")["reasons"]
    first, second = sorted(reasons)[:2]
    reasons[first], reasons[second] = reasons[first] + 1, reasons[second] - 1


def unlock(manifest):
    manifest["lock"]["medquad"]["files"].popitem()


def relock(manifest):
    files = manifest["lock"]["headqa_en"]["files"]
    files["HEAD_EN/train_HEAD_EN.json"] = "0" * 64


def another_prompt(folder):
    def change(table):
        prompt = json.dumps([{"role": "user", "content": "Say A."}])
        return one(table, messages=pl.lit(prompt))

    rows(folder, change, COMPLETIONS)


def reorder(folder):
    rows(folder, lambda table: table.reverse(), COMPLETIONS)


def tell_another_figure(manifest):
    """Change a number of the manifest, and the card with it."""
    manifest["figures"]["rows"]["sft"] = 1000


def render(folder):
    change_manifest(folder, tell_another_figure)
    (folder / "README.md").write_text(card(load(folder), folder), encoding="utf-8")


def in_manifest(change):
    return lambda folder: change_manifest(folder, change)


FORGED = [
    (make_a_row_up, "data", "row medquad:made-up"),
    (lambda folder: rows(folder, lambda table: table.slice(1)), "ledger", "row medquad:"),
    (lambda folder: rows(folder, lambda table: table.slice(1)), MANIFEST, "rows: sum over the data files"),
    (double_a_row, "data", "row medquad:"),
    (move_a_row, HEADQA, "source of rows"),
    (lambda folder: rows(folder, lambda table: one(table, license=pl.lit("CC0-1.0"))), "data", "license of medquad:"),
    (lambda folder: rows(folder, lambda table: one(table, license=pl.lit(None))), "data", "license"),
    (lambda folder: rows(folder, lambda table: one(table, line=pl.lit(99))), "data", "line of medquad:"),
    (lambda folder: rows(folder, lambda table: one(table, file=pl.lit("no.xml"))), "data/*/medquad", "file of 1 rows"),
    (drop_a_column, MEDQUAD, "column rationale"),
    (change_a_type, MEDQUAD, "column line"),
    (edit_the_card, "README.md", "line "),
    (render, MANIFEST, "figures"),
    (lambda folder: shutil.rmtree(folder / "ledger"), "ledger", "ledger"),
    (lambda folder: ledger(folder, lambda table: table.slice(1)), "ledger", "rows: all rows read or generated"),
    (lambda folder: ledger(folder, lambda table: pl.concat([table, table.head(1)])), "ledger", "row "),
    (raise_the_dead, "ledger", "row "),
    (lambda folder: ledger(folder, lambda table: table.with_columns(status=pl.lit("lost"))), "ledger", "status of "),
    (lambda folder: ledger(folder, lambda table: table.with_columns(step=pl.lit("magic"))), "ledger", "step of "),
    (lambda folder: ledger(folder, lambda table: table.with_columns(reason=pl.lit(None))), "ledger", "reason of "),
    (lambda folder: (folder / ITEMS).unlink(), ITEMS, "file"),
    (lambda folder: rows(folder, lambda table: table.slice(1), ITEMS), ITEMS, "items"),
    (lambda folder: rows(folder, lambda table: pl.concat([table, table.head(1)]), ITEMS), ITEMS, "items"),
    (lambda folder: rows(folder, lambda table: one(table, item=pl.lit("exam:new")), ITEMS), ITEMS, "items"),
    (lambda folder: rows(folder, lambda table: table.with_columns(status=pl.lit("clean")), ITEMS), ITEMS, "status"),
    (clear_all_items, ITEMS, "rows"),
    (forgive_malformed_rows, "ledger", "rows that ended in read-medmcqa_sample for malformed"),
    (another_prompt, "completions", "key of "),
    (reorder, "completions", "keys"),
    (change_a_config, MANIFEST, "steps: near-"),
    (in_manifest(lambda manifest: relabel(manifest, "near", {})), MANIFEST, "fingerprint: of the graph"),
    (in_manifest(relabel_and_refit), MANIFEST, "steps: leaks-"),
    (in_manifest(lambda manifest: manifest.update(rows=9)), MANIFEST, "rows: rows that the last step kept"),
    (in_manifest(lose_rows), MANIFEST, "steps: near-"),
    (in_manifest(blame_another_reason), "ledger", "rows that ended in leaks for leak:"),
    (in_manifest(unlock), MANIFEST, "lock: medquad: "),
    (in_manifest(relock), MANIFEST, "lock: headqa_en: HEAD_EN/train_HEAD_EN.json"),
    (in_manifest(lambda manifest: manifest.update(license="CC0-1.0")), MANIFEST, "license: that of all rows together"),
    (in_manifest(lambda manifest: manifest.update(name="demo2")), MANIFEST, "name: folder of the release"),
    (in_manifest(lambda manifest: manifest.update(version="2")), MANIFEST, "version: folder of the release"),
]


@pytest.mark.parametrize(("tamper", "file", "what"), FORGED)
def test_tampering_is_found_though_all_hashes_were_made_to_fit(tamper, file, what, release):
    tamper(release)
    seal(load(release), release)
    hash_file(release).unlink()
    findings = found(release)
    assert told(findings, file, what), findings
    assert not told(findings, MANIFEST, "hash"), findings


def test_all_that_is_wrong_is_told_at_once(release):
    flip_a_byte(release)
    (release / HEADQA).unlink()
    edit_the_card(release)
    findings = found(release)
    assert {MEDQUAD, HEADQA, "README.md"} <= {file for file, _ in findings}


# --- what cannot be found from the release alone --------------------------------------------------------------------


def forge(folder):
    """Change what a row says, in text of equal length, and make everything else fit."""

    def change(table):
        other = pl.col("messages").list.eval(
            pl.struct(
                role=pl.element().struct.field("role"),
                content=pl.element().struct.field("content").str.replace_all("is", "ys"),
            )
        )
        return table.with_columns(
            pl.when(pl.int_range(pl.len()) == 0).then(other).otherwise("messages").alias("messages")
        )

    rows(folder, change)
    manifest = load(folder)
    manifest["figures"] |= row_figures(folder)
    (folder / "README.md").write_text(card(manifest, folder), encoding="utf-8")
    seal(manifest, folder)
    (folder / "croissant.json").write_text(croissant(manifest, folder), encoding="utf-8")
    seal(manifest, folder)


def test_rows_relabelled_in_data_ledger_and_figures_alike_are_found_by_the_manifest_s_own_sources(release):
    source = "mts_dialog"
    stated = next(
        step["identity"]["source"]["license"] for step in load(release)["steps"] if step["name"] == f"read-{source}"
    )
    for path in (*release.glob(f"data/*/{source}/*.parquet"), *release.glob("ledger/*.parquet")):
        table = pl.read_parquet(path)
        mine = pl.col("source") == source
        free = table.with_columns(license=pl.when(mine).then(pl.lit("CC0-1.0")).otherwise("license"))
        pq.write_table(free.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(pq.read_schema(path)), path)
    manifest = load(release)
    manifest |= {"figures": {**manifest["figures"], **row_figures(release)}, "license": license_of(release)}
    seal(manifest, release)
    [(expected, license)] = [
        told for (_, what), told in found(release).items() if what.startswith("license of") and source in what
    ]
    assert (expected, license) == (f"{stated}, as its source", "CC0-1.0")


def test_a_whole_forgery_is_another_release_and_has_another_hash(release):
    genuine = load(release)["hash"]
    forge(release)
    assert ((MANIFEST, "hash: as it was frozen")) in found(release)
    hash_file(release).unlink()
    verdict = verify(release)
    assert (verdict.findings, verdict.compared_with) == ((), None)  # nothing is left to compare it with
    assert found(release, genuine) == {(MANIFEST, "hash: as it was frozen"): (genuine, load(release)["hash"])}


def test_a_release_may_come_without_its_completions_but_not_without_some(release, tmp_path):
    shutil.rmtree(release / "completions")
    verdict = verify(release)
    assert (verdict.findings, verdict.left_out) == ((), (COMPLETIONS,))
    (release / "completions").mkdir()
    assert (COMPLETIONS, "file") in found(release)


def test_a_copy_may_lie_anywhere_and_hold_what_the_hub_leaves(release, tmp_path):
    copy = tmp_path / "downloaded"
    shutil.copytree(release, copy)
    (copy / ".cache" / "huggingface").mkdir(parents=True)
    (copy / ".cache" / "huggingface" / "a.metadata").write_text("etag")
    (copy / ".gitattributes").write_text("*.parquet filter=lfs")
    (copy / "report.html").write_text("<html></html>")
    assert found(copy) == {}


def test_the_words_of_another_version_of_sabila_are_not_held_against_a_release(release):
    change_manifest(release, lambda manifest: manifest["libraries"].update(sabila="0.0.1"))
    edit_the_card(release)
    seal(load(release), release)
    hash_file(release).unlink()
    verdict = verify(release)
    assert verdict.findings == ()
    [unchecked] = verdict.unchecked
    assert unchecked.startswith(
        "the text of README.md, croissant.json and recipe.toml: sabila 0.0.1 wrote them, this is "
    )


# --- the verb ------------------------------------------------------------------------------------------------------


def test_the_verb_says_that_all_is_well(release):
    result = run("verify", "demo@1", "--store", release.parents[2])
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        f"demo@1: {len(load(release)['files'])} files and 234 rows match the manifest",
        f"hash {load(release)['hash']} (as frozen)",
    ]


def test_the_verb_ends_with_1_and_names_file_what_expected_and_found(release):
    (release / MEDQUAD).unlink()
    result = run("verify", release)
    assert result.exit_code == 1
    assert f"{MEDQUAD}: file\n  expected there\n  found    missing\n" in result.stdout
    assert result.stdout.endswith(" errors in 3 files\n")


def test_a_file_saved_again_is_named_first_and_what_follows_from_it_is_counted(release):
    pl.read_parquet(release / MEDQUAD).write_parquet(release / MEDQUAD)
    lines = run("verify", release).stdout.splitlines()
    assert lines[0] == f"{MEDQUAD}: bytes"
    assert len(lines) < 60
    assert lines[-2].endswith("restore the data files first")
    shown = [line for line in lines if line.startswith("README.md: ")]
    assert len(shown) == 6 and shown[-1].endswith(" more, which --json lists")


def test_the_verb_tells_programs_the_same(release):
    (release / MEDQUAD).unlink()
    result = run("verify", release, "--json")
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert {"file": MEDQUAD, "what": "file", "expected": "there", "found": "missing"} in told["findings"]
    assert run("verify", release, "--hash", "0" * 64, "--json").exit_code == 1


def test_the_verb_refuses_what_is_no_release(tmp_path):
    result = run("verify", "nothing@1", "--store", tmp_path)
    assert result.exit_code == 1
    assert "no release 'nothing@1'" in result.stderr


# --- facts of the card that no row tells ------------------------------------------------------------------------------


def forged_facts(manifest, at, value):
    """Put another value at a place of a manifest, such as ``figures.generation.0.teacher``."""
    *way, last = [int(part) if part.isdigit() else part for part in at.split(".")]
    part = manifest
    for key in way:
        part = part[key]
    part[last] = value


@pytest.mark.parametrize(
    ("at", "value", "said"),
    [
        ("figures.generation.0.teacher", "gpt-4", "figures: generation[0]: teacher"),
        ("figures.generation.0.revision", "2", "figures: generation[0]: teacher"),
        ("figures.generation.0.license", "MIT", "figures: generation[0]: license"),
        ("figures.generation.0.samples", 99, "figures: generation[0]: samples"),
        ("figures.generation.0.generator", "mmlu", "figures: generation[0]: generator"),
        ("figures.generation.0.step", "cot-x", "figures: generation[0]: step"),
        ("figures.generation.0.prompt_tokens", 1, "figures: generation: prompt_tokens"),
        ("figures.licenses.0.duty", "none", "figures: licenses: duty"),
        ("figures.licenses.0.title", "free", "figures: licenses: title"),
        ("figures.origins.0.title", "Another corpus", "figures: origins: title"),
        ("figures.origins.0.license_read", "nowhere", "figures: origins: license_read"),
        ("lock.medquad.home", "https://example.org", "lock: medquad: home"),
        ("steps.0.origin.title", "Another corpus", "steps: "),
        ("steps.0.changed", 7, "steps: "),
        ("recipe.name", "other", "recipe: name"),
        ("libraries.ftfy", "0.0.1", "libraries: ftfy"),
        ("values", {"x": "y"}, "values: "),
        ("waiting_for_teacher", {"x": "y"}, "waiting_for_teacher: "),
        ("absent", ["medquad"], "absent: "),
    ],
)
def test_a_fact_of_the_card_that_the_steps_or_the_catalog_contradict_is_found(release, at, value, said):
    manifest = load(release)
    forged_facts(manifest, at, value)
    for name, make in (("README.md", card), ("croissant.json", croissant)):
        (release / name).write_text(make(manifest, release), encoding="utf-8")
    seal(manifest, release)
    hash_file(release).unlink()
    assert told(found(release), MANIFEST, said)
