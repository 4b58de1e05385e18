"""The embedded sample: made from its texts alone, readable by the connectors, and true to what it says of itself."""

import gzip
import itertools
import json
import re
from functools import cache

import make_sample
import pytest

from sources.connectors import genmedgpt5k, headqa, medmcqa_sample, medquad, mts_dialog, pubmedqa
from sources.fetch.mirror import mirrored
from sources.read import read
from sources.record import Malformed, Record

TRAINING = (
    medmcqa_sample.MEDMCQA_SAMPLE,
    headqa.HEADQA_EN,
    medquad.MEDQUAD,
    pubmedqa.PUBMEDQA,
    genmedgpt5k.GENMEDGPT5K,
    mts_dialog.MTS_DIALOG,
)
BENCHMARKS = (
    medmcqa_sample.MEDMCQA_VALIDATION,
    headqa.HEADQA_EN_HELD_OUT,
    pubmedqa.PUBMEDQA_TEST,
    mts_dialog.MTS_DIALOG_HELD_OUT,
)
COUNTS = {
    "medmcqa_sample": (94, 4),
    "headqa_en": (41, 2),
    "medquad": (64, 0),
    "pubmedqa": (32, 2),
    "genmedgpt5k": (41, 2),
    "mts_dialog": (30, 3),
    "medmcqa_validation": (15, 0),
    "headqa_en_held_out": (9, 0),
    "pubmedqa_test": (4, 0),
    "mts_dialog_held_out": (6, 0),
}
TRUTH = json.loads((make_sample.SAMPLE / "truth.json").read_text(encoding="utf-8"))
ENTRIES = [(kind, entry) for kind, entries in TRUTH.items() for entry in entries]


@cache
def rows(corpus_name):
    corpus = next(corpus for corpus in TRAINING + BENCHMARKS if corpus.name == corpus_name)
    return [row for file in mirrored(corpus, make_sample.SAMPLE) for row in read(corpus, file)]


@cache
def records():
    return {row.id: row for name in COUNTS for row in rows(name) if isinstance(row, Record)}


def malformed():
    return {(row.source, row.file, row.line) for name in COUNTS for row in rows(name) if isinstance(row, Malformed)}


def texts(row):
    return [*(message.content for message in row.messages), row.context, *row.options, row.answer, row.rationale]


def words(text):
    return re.findall(r"[a-z0-9]+", text.lower())


def question_and_answer(row):
    return " ".join([*(message.content for message in row.messages), row.answer or ""])


def shingles(text, size=5):
    tokens = words(text)
    return {tuple(tokens[i : i + size]) for i in range(max(1, len(tokens) - size + 1))}


def jaccard(one, other):
    return len(one & other) / len(one | other)


def essence(row, options=sorted):
    question = " ".join(message.content for message in row.messages)
    return words(question), list(options([words(option) for option in row.options])), words(row.answer or "")


def of_kind(*kinds):
    chosen = [(kind, entry) for kind, entry in ENTRIES if kind in kinds]
    return pytest.mark.parametrize("entry", [e for _, e in chosen], ids=[f"{kind}-{e['id']}" for kind, e in chosen])


def test_files_are_what_the_script_writes(tmp_path):
    make_sample.main(tmp_path)
    made = {path.relative_to(tmp_path): path for path in tmp_path.rglob("*") if path.is_file()}
    kept = {path.relative_to(make_sample.SAMPLE) for path in make_sample.SAMPLE.rglob("*") if path.is_file()}
    assert set(made) == kept
    for name, path in made.items():
        assert plain(path) == plain(make_sample.SAMPLE / name), f"{name} differs: run python tests/make_sample.py"


def plain(path):
    """Return what a file holds: two builds of zlib may compress the same content into different bytes."""
    content = path.read_bytes()
    return gzip.decompress(content) if path.suffix == ".gz" else content


def test_two_runs_give_the_same_bytes(tmp_path):
    make_sample.main(tmp_path / "one")
    make_sample.main(tmp_path / "two")
    for path in (tmp_path / "one").rglob("*.*"):
        assert path.read_bytes() == (tmp_path / "two" / path.relative_to(tmp_path / "one")).read_bytes()


def test_the_sample_stays_small():
    assert sum(path.stat().st_size for path in make_sample.SAMPLE.rglob("*") if path.is_file()) < 300_000


@pytest.mark.parametrize("name", COUNTS)
def test_rows_per_corpus(name):
    read_well = sum(isinstance(row, Record) for row in rows(name))
    assert (read_well, len(rows(name)) - read_well) == COUNTS[name]


def test_ids_are_unique_and_two_hundred_rows_or_more_are_clean():
    every = [row.id for corpus in TRAINING for row in rows(corpus.name) if isinstance(row, Record)]
    assert len(set(every)) == len(every)
    assert len(set(every) - {entry["id"] for _, entry in ENTRIES}) >= 200


@pytest.mark.parametrize("kind", make_sample.FATES)
def test_every_kind_is_planted_twice_or_more(kind):
    assert len(TRUTH[kind]) >= 2


@pytest.mark.parametrize(("kind", "entry"), ENTRIES, ids=[f"{kind}-{entry['id']}" for kind, entry in ENTRIES])
def test_truth_points_to_a_raw_row_and_to_what_it_copies(kind, entry):
    assert entry["what"]
    assert "of" not in entry or entry["of"] in records()
    if kind == "broken":
        assert (entry["id"].split(":")[0], entry["file"], entry["line"]) in malformed()
    else:
        row = records()[entry["id"]]
        assert (row.file, row.line) == (entry["file"], entry["line"])


def test_all_malformed_rows_are_planted():
    assert malformed() == {(e["id"].split(":")[0], e["file"], e["line"]) for e in TRUTH["broken"]}


@of_kind("exact_duplicate", "licence_conflict", "leak_exact")
def test_a_copy_equals_its_original_but_for_case_and_punctuation(entry):
    copy, original = records()[entry["id"]], records()[entry["of"]]
    assert essence(copy, list) == essence(original, list)


@of_kind("shuffled_duplicate", "leak_shuffled")
def test_a_shuffled_copy_has_the_same_options_in_another_order(entry):
    copy, original = records()[entry["id"]], records()[entry["of"]]
    assert essence(copy) == essence(original)
    assert essence(copy, list) != essence(original, list)


@of_kind("near_duplicate")
def test_an_edited_copy_is_near_its_original_but_not_equal(entry):
    copy, original = records()[entry["id"]], records()[entry["of"]]
    assert texts(copy) != texts(original)
    assert jaccard(shingles(question_and_answer(copy)), shingles(question_and_answer(original))) >= 0.72


@of_kind("leak_reworded")
def test_a_reworded_leak_shares_words_with_its_benchmark_item_but_no_long_run_of_them(entry):
    copy, original = question_and_answer(records()[entry["id"]]), question_and_answer(records()[entry["of"]])
    assert len(set(words(original)) & set(words(copy))) >= 0.4 * len(set(words(original)))
    assert not shingles(copy, 13) & shingles(original, 13)


def test_no_other_rows_are_alike():
    planted = {frozenset((entry["id"], entry["of"])) for _, entry in ENTRIES if "of" in entry}
    rows_by_id = {id: shingles(question_and_answer(row)) for id, row in records().items()}
    for (one, its), (other, others) in itertools.combinations(rows_by_id.items(), 2):
        held_out_twice = one.split(":")[-1] == other.split(":")[-1]
        if frozenset((one, other)) not in planted and not held_out_twice and its & others:
            assert jaccard(its, others) < 0.3, (one, other)


@pytest.mark.parametrize(("kind", "entry"), [(k, e) for k, e in ENTRIES if "gone" in e], ids=lambda x: str(x)[:40])
def test_what_must_go_is_there(kind, entry):
    text = "\n".join(filter(None, texts(records()[entry["id"]])))
    assert all(gone in text for gone in entry["gone"])
    assert all((kept in text) == (kind != "mojibake") for kept in entry.get("kept", ()))


def test_held_out_rows_are_those_of_the_publishers_test_set():
    assert {e["id"].split(":")[1] for e in TRUTH["held_out"]} == {row.id.split(":")[1] for row in rows("pubmedqa_test")}


def test_licence_conflicts_have_an_open_original():
    for entry in TRUTH["licence_conflict"]:
        copy, original = records()[entry["id"]], records()[entry["of"]]
        assert copy.license.startswith("LicenseRef-")
        assert original.license == "CC-BY-4.0"


def test_telephone_numbers_and_addresses_are_reserved_for_examples():
    everything = "\n".join(text for row in records().values() for text in texts(row) if text)
    assert all(number.startswith("555-01") for number in re.findall(r"\b\d{3}-\d{4}\b", everything))
    hosts = re.findall(r"@([\w.-]+)|https?://([\w.-]+)", everything)
    assert hosts
    assert all(host.rstrip(".").endswith("example.org") for pair in hosts for host in pair if host)


def test_right_answers_stand_at_every_position():
    golds = [row.gold[0] for row in rows("medmcqa_sample") if isinstance(row, Record)]
    assert all(golds.count(position) >= 15 for position in range(4))
