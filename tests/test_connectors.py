"""Every connector reads its fixture, written in the raw format of its corpus, into complete and unique records."""

from pathlib import Path

import pytest

from sources.catalog import BENCHMARKS, SOURCES
from sources.fetch.mirror import mirrored
from sources.read import read
from sources.record import Record
from sources.source import Source, is_held_out

FIXTURES = Path(__file__).parent / "fixtures" / "mirror"
ALL = {**SOURCES, **BENCHMARKS}


@pytest.mark.parametrize("corpus", ALL.values(), ids=ALL)
def test_fixture_reads_into_unique_complete_records(corpus):
    records = [row for file in mirrored(corpus, FIXTURES) for row in read(corpus, file)]
    assert records
    assert all(isinstance(row, Record) for row in records), records
    assert len({row.id for row in records}) == len(records)
    assert all(row.id.startswith(f"{corpus.name}:") for row in records)
    assert all(any(message.content.strip() for message in row.messages) for row in records)
    assert corpus.license_read


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_a_source_lists_no_held_out_split(source):
    assert isinstance(source, Source)
    assert not any(map(is_held_out, source.files))
