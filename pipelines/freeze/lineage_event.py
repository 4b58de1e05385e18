"""A release as one OpenLineage event: the run that made it, the sources it read, and the dataset it wrote.

openlineage.io, run event of specification 2-0-2. Catalogs of lineage such as Marquez and DataHub read it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import groupby
from typing import Any
from urllib.parse import urlsplit

from sources.releases.manifest_model import Locked, Manifest

FILE = "openlineage.json"

NAMESPACE = "sabila"
"""Namespace of the jobs and the releases of sabila."""

SPEC = "https://openlineage.io/spec"
CUSTOM = f"{SPEC}/2-0-2/OpenLineage.json#/$defs/DatasetFacet"
"""The base of all facets of a dataset, which facets of our own follow."""


def lineage_event(manifest: Manifest, written: datetime) -> dict[str, Any]:
    """Return the event of a release whose manifest was written at ``written``.

    Sources of one home and revision are one input, with the sha256 of each file by source. The run's id follows from
    the content hash, so that the same release has the same run everywhere.
    """
    producer = f"urn:sabila:{manifest.libraries.get('sabila') or 'unknown'}"
    data = [file for file in manifest.files if file.path.startswith("data/")]

    def facet(schema: str, **values: Any) -> dict[str, Any]:
        return {"_producer": producer, "_schemaURL": schema, **values}

    def version(value: str) -> dict[str, Any]:
        return facet(f"{SPEC}/facets/1-0-0/DatasetVersionDatasetFacet.json", datasetVersion=value)

    inputs = [
        {
            "namespace": namespace,
            "name": name,
            "facets": {
                "version": version(revision),
                "dataSource": facet(f"{SPEC}/facets/1-0-1/DatasourceDatasetFacet.json", name=home, uri=home),
                "sabila_sources": facet(CUSTOM, sources=sources),
            },
        }
        for home, revision, sources in _inputs(manifest.lock)
        for namespace, name in [_dataset(home)]
    ]
    output = {
        "namespace": NAMESPACE,
        "name": manifest.name,
        "facets": {
            "version": version(manifest.version),
            "sabila_release": facet(
                CUSTOM,
                hash=manifest.hash,
                license=manifest.license,
                files=[{"path": file.path, "sha256": file.sha256, "rows": file.rows} for file in data],
            ),
        },
        "outputFacets": {
            "outputStatistics": facet(
                f"{SPEC}/facets/1-0-1/OutputStatisticsOutputDatasetFacet.json",
                rowCount=manifest.rows,
                size=sum(file.bytes for file in data),
            )
        },
    }
    engine = {"name": "sabila", "version": manifest.libraries.get("sabila") or "unknown"}
    kind = {"processingType": "BATCH", "integration": "SABILA", "jobType": "RECIPE"}
    return {
        "eventType": "COMPLETE",
        "eventTime": written.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "producer": producer,
        "schemaURL": f"{SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {
            "runId": str(uuid.uuid5(uuid.NAMESPACE_URL, f"urn:sabila:{manifest.title}:{manifest.hash}")),
            "facets": {"processing_engine": facet(f"{SPEC}/facets/1-1-0/ProcessingEngineRunFacet.json", **engine)},
        },
        "job": {
            "namespace": NAMESPACE,
            "name": manifest.recipe.name,
            "facets": {"jobType": facet(f"{SPEC}/facets/2-0-2/JobTypeJobFacet.json", **kind)},
        },
        "inputs": inputs,
        "outputs": [output],
    }


def _inputs(lock: dict[str, Locked]) -> Iterator[tuple[str, str, dict[str, dict[str, str]]]]:
    """Yield home, revision and the files of each source, for every home and revision that was read."""
    ordered = sorted(lock.items(), key=lambda entry: (entry[1].home, entry[1].revision, entry[0]))
    for (home, revision), entries in groupby(ordered, key=lambda entry: (entry[1].home, entry[1].revision)):
        yield home, revision, {name: dict(locked.files) for name, locked in entries}


def _dataset(home: str) -> tuple[str, str]:
    """Return namespace and name of the dataset at a home, such as ``hf://datasets`` and ``ORG/NAME``."""
    parts = urlsplit(home)
    return (f"{parts.scheme}://{parts.netloc}" if parts.netloc else parts.scheme or "file"), parts.path.lstrip("/")
