"""Folders of results compared, each under the name of its folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipelines.evaluate.result_folder import read_results
from training.evaluation.paired_comparison import Comparison, ComparisonError, Evaluated
from training.evaluation.paired_comparison import compare as compare_results


def compare_folders(folders: Sequence[Path], *, across_settings: bool = False) -> Comparison:
    """Compare the results in the first folder with those in each of the others."""
    places = [folder.resolve() for folder in folders]
    if twice := next((place for place in places if places.count(place) > 1), None):
        raise ComparisonError(f"{twice} is named twice, expected two or more folders of results")
    names = [place.name for place in places]
    shown = [
        name if names.count(name) == 1 else "/".join(place.parts[-2:])
        for name, place in zip(names, places, strict=True)
    ]
    results = [read_results(folder) for folder in folders]
    return compare_results(
        [Evaluated(name=name, record=one.record, items=one.items) for name, one in zip(shown, results, strict=True)],
        across_settings=across_settings,
    )
