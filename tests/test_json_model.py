"""Models of JSON give back what they were read from, and nothing that was never set."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from pipelines.build.step import (
    EachShard,
    EachShardWithReferences,
    GenerateStep,
    PendingTeacher,
    Read,
    each_shard,
    read,
)
from sources.catalog import SOURCES
from sources.fields.json_model import JsonModel
from sources.releases.figures_model import DuplicateFigures, RowCounts
from sources.releases.manifest_model import Identity, StepSummary

ROOT = Path(__file__).parent.parent

DUPLICATES = {
    "step": "near", "reason": "near_duplicate", "dropped": 1, "clusters": 1, "rows": 2, "largest": 2,
    "sizes": [{"size": "2", "clusters": 1}], "thresholds": {"cosine": 1, "jaccard": 1.0},
}  # fmt: skip


@pytest.mark.parametrize("more", [{}, {"of_a_later_sabila": {"x": [1, None]}}])
def test_what_was_read_is_written_back_with_its_types(more):
    said = {**DUPLICATES, **more}
    assert json.dumps(DuplicateFigures.of(said).to_json()) == json.dumps(said)


def test_what_was_not_set_is_not_written():
    assert RowCounts(all=3, sft=3).to_json() == {"all": 3, "sft": 3}
    assert RowCounts(all=3).dpo == 0
    assert StepSummary.of(SUMMARY).to_json() == SUMMARY
    assert StepSummary.of(SUMMARY).with_values(warnings=["odd"]).to_json() == {**SUMMARY, "warnings": ["odd"]}


SUMMARY = {
    "name": "clean", "folder": "clean-0", "inputs": [], "reference_inputs": [], "reasons": {},
    "identity": {"step": "clean", "config": {"least": 1}, "code": "a", "libraries": {}},
    "counts": {"rows_in": 1, "made": 0, "kept": 1, "dropped": 0, "quarantined": 0},
}  # fmt: skip


def test_a_model_is_frozen_and_refuses_another_type():
    with pytest.raises(ValidationError, match="frozen"):
        RowCounts(all=3).all = 4
    with pytest.raises(ValueError, match="sft is 'many', Input should be a valid integer"):
        RowCounts.of({"all": 3, "sft": "many"})
    assert issubclass(RowCounts, JsonModel)


def test_an_accepted_share_of_failures_is_part_of_what_a_step_is():
    plain = Identity.of({"step": "chains", "config": None})
    assert plain != plain.with_values(max_failed=0.1)
    assert "max_failed" not in plain.to_json()


def test_the_kind_of_work_follows_from_how_a_step_is_made():
    rows = read(SOURCES["medquad"])
    assert isinstance(rows.work, Read) and rows.work.corpus is SOURCES["medquad"]
    assert isinstance(each_shard("a", print, None, rows).work, EachShard)
    assert isinstance(each_shard("a", print, None, rows, reference_inputs=()).work, EachShardWithReferences)
    pending = PendingTeacher(needs="chains")
    assert (pending.needs, pending.teacher, pending.corpus, pending.functions()) == ("chains", None, None, ())
    with pytest.raises(TypeError, match="teacher"):
        GenerateStep(function=print, requests=print)


def test_the_verbs_on_own_files_start_without_the_types_of_a_manifest():
    code = "import sys, pipelines.own_files.duplicate_files; print('sources.releases.manifest_model' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
