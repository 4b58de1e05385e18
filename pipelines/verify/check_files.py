"""Checks of the files of a release against its manifest: their presence, bytes, rows and columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.release.assigned_splits import split_of_file
from pipelines.release.data_files import SCHEMAS
from pipelines.release.finding import Finding, in_manifest
from pipelines.release.released_files import compare_files
from pipelines.verify.release_under_test import ReleaseUnderTest
from quality.splits import SPLITS, TRAIN


def listing(release: ReleaseUnderTest) -> Iterator[Finding]:
    """Find files that the manifest lists twice or outside the release."""
    listed = Counter(file.path for file in release.manifest.files)
    for path, times in listed.items():
        if times > 1 or PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
            yield in_manifest(f"files: {path}", "a file inside the release, listed once", f"listed {times} times")


def presence_and_content(release: ReleaseUnderTest) -> Iterator[Finding]:
    """Find missing and additional files, links, and files whose bytes differ from the listed ones."""
    yield from compare_files(release.folder, release.manifest)


def tables(release: ReleaseUnderTest) -> Iterator[Finding]:
    """Find parquet files that cannot be read, or whose rows or columns differ from the listed ones."""
    listed = {file.path: file.rows if "rows" in file.model_fields_set else None for file in release.manifest.files}
    for path in release.tables:
        name = release.name(path)
        try:
            footer = pq.read_metadata(path)
        except (pa.ArrowException, OSError) as error:
            yield Finding(file=name, what="parquet", expected="a file that can be read", found=str(error))
            continue
        if name in listed and footer.num_rows != listed[name]:
            yield Finding(file=name, what="rows", expected=listed[name], found=footer.num_rows)
        yield from _columns(name, footer.schema.to_arrow_schema())


def _columns(name: str, schema: pa.Schema) -> Iterator[Finding]:
    parts = PurePosixPath(name).parts
    if parts[0] != "data":
        return
    if len(parts) != 4 or parts[1] not in SCHEMAS:
        place = f"data/KIND/SOURCE/FILE with one of {', '.join(SCHEMAS)} as kind"
        yield Finding(file=name, what="place", expected=place, found=name)
        return
    expected_types, columns = (dict(zip(one.names, one.types, strict=True)) for one in (SCHEMAS[parts[1]], schema))
    for column in dict.fromkeys([*expected_types, *columns]):
        if expected_types.get(column) != columns.get(column):  # pyarrow ignores the name of list items
            expected, there = (str(one[column]) if column in one else None for one in (expected_types, columns))
            yield Finding(file=name, what=f"column {column}", expected=expected, found=there)


def numbering(release: ReleaseUnderTest) -> Iterator[Finding]:
    """Find folders of rows whose files are not numbered from first to last."""
    folders: dict[tuple[Path, str], list[str]] = {}
    for path in release.data():
        split = split_of_file(path.name)
        folders.setdefault((path.parent, split if split in SPLITS else TRAIN), []).append(path.name)
    for (folder, split), names in folders.items():
        expected = [f"{split}-{n:05}-of-{len(names):05}.parquet" for n in range(len(names))]
        if sorted(names) != expected:
            yield Finding(file=release.name(folder), what="names of files", expected=expected, found=sorted(names))
