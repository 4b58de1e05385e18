"""Croissant metadata: its shape, its files and hashes, its fields, and what the vocabulary's own library reads of it.

That library is heavy, so its test runs only where ``SABILA_MLCROISSANT`` names a Python that has ``mlcroissant``.
"""

import hashlib
import json
import os
import shutil
import subprocess

import polars as pl
import pytest
from manifests import croissant, load

from pipelines.release.croissant import COLUMNS, CONFORMS_TO
from pipelines.release.data_files import SCHEMAS
from pipelines.release.hub_metadata import schema


@pytest.fixture(params=["demo", "demo_dpo"])
def released(request, demo_store):
    """Return the folder of each release of the embedded sample."""
    return demo_store / "releases" / request.param / "1"


@pytest.fixture
def metadata(released):
    return json.loads((released / "croissant.json").read_text(encoding="utf-8"))


def nodes(value):
    """Yield every object of a JSON-LD document."""
    if isinstance(value, dict):
        yield value
        for one in value.values():
            yield from nodes(one)
    elif isinstance(value, list):
        for one in value:
            yield from nodes(one)


def test_it_says_what_it_conforms_to_and_what_the_release_is(metadata, released):
    manifest = load(released)
    assert metadata["conformsTo"] == CONFORMS_TO
    assert metadata["@type"] == "sc:Dataset"
    assert (metadata["name"], metadata["version"]) == (manifest["name"], manifest["version"])
    assert f"{manifest['rows']} rows" in metadata["description"]
    assert {"LicenseRef-embedded-demo", "https://www.apache.org/licenses/LICENSE-2.0"} <= set(metadata["license"])


def test_every_name_stands_for_one_thing_and_is_known_where_it_is_used(metadata):
    described = [one for one in nodes(metadata) if "@type" in one and "@id" in one]
    names = [one["@id"] for one in described]
    assert len(names) == len(set(names))
    used = {one["@id"] for one in nodes(metadata) if set(one) == {"@id"}}
    assert used and used <= set(names)


def test_every_data_file_is_there_with_size_and_hash(metadata, released):
    files = [one for one in metadata["distribution"] if one["@type"] == "cr:FileObject"]
    paths = sorted(path.relative_to(released).as_posix() for path in released.glob("data/*/*/*.parquet"))
    assert [one["contentUrl"] for one in files] == paths
    for one in files:
        content = (released / one["contentUrl"]).read_bytes()
        assert one["sha256"] == hashlib.sha256(content).hexdigest()
        assert one["contentSize"] == f"{len(content)} B"


def test_every_configuration_is_a_record_set_over_its_files(metadata, released):
    manifest = load(released)
    sets = {one["@id"]: one for one in metadata["distribution"] if one["@type"] == "cr:FileSet"}
    assert [one["@id"] for one in metadata["recordSet"]] == [size["config"] for size in manifest["figures"]["configs"]]
    for records, size in zip(metadata["recordSet"], manifest["figures"]["configs"], strict=True):
        files = sets[f"{records['@id']}-files"]["includes"]
        rows = pl.scan_parquet(released / files).select(pl.len()).collect().item()
        assert rows == size["rows"]
        assert [field["name"] for field in records["field"]] == schema(records["@id"], released).names
        assert records["key"] == {"@id": f"{records['@id']}/id"}


def test_provenance_names_sources_at_their_revisions_steps_and_models(metadata, released):
    manifest = load(released)
    entities = {one["@id"]: one["prov:label"] for one in metadata["prov:wasDerivedFrom"]}
    origins = {one["source"]: one["title"] for one in manifest["figures"]["origins"]}
    assert sorted(entities.values()) == sorted(origins.values())
    for source, title in origins.items():
        entry = manifest["lock"].get(source)
        name = f"{entry['home']}@{entry['revision']}#{source}" if entry else f"urn:sabila:source:{source}"
        assert entities[name] == title
    assert [one["prov:label"] for one in metadata["prov:wasGeneratedBy"]] == [
        step["name"] for step in manifest["steps"]
    ]
    agents = [one["prov:label"] for one in metadata["prov:wasAttributedTo"]]
    assert agents[0].startswith("sabila at ")
    assert set(agents[1:]) == {f"{one['teacher']} at {one['revision']}" for one in manifest["figures"]["generation"]}
    files = [one for one in metadata["distribution"] if one["@type"] == "cr:FileObject"]
    assert all(one["prov:wasDerivedFrom"]["@id"] in entities for one in files)


def test_lists_repeat_and_turns_have_fields_of_their_own(metadata):
    records = metadata["recordSet"][0]
    fields = {field["name"]: field for field in records["field"]}
    assert (fields["id"]["dataType"], "repeated" in fields["id"]) == ("sc:Text", False)
    assert (fields["line"]["dataType"], fields["gold"]["dataType"]) == ("cr:Int64", "cr:Int32")
    assert fields["options"]["repeated"] is True
    turns = fields["messages" if "messages" in fields else "prompt"]["subField"]
    assert [(turn["name"], turn["source"]["transform"]) for turn in turns] == [
        ("role", {"jsonPath": "role"}), ("content", {"jsonPath": "content"})
    ]  # fmt: skip


def test_every_column_that_a_release_may_have_is_described():
    assert {name for columns in SCHEMAS.values() for name in columns.names} <= set(COLUMNS)


RAI = ("dataCollection", "dataCollectionType", "dataAnnotationProtocol", "machineAnnotationTools", "dataBiases",
       "personalSensitiveInformation", "dataUseCases", "dataLimitations", "dataPreprocessingProtocol",
       "dataReleaseMaintenancePlan")  # fmt: skip


def test_the_fields_of_responsible_ai_tell_of_this_release(metadata, released):
    figures = load(released)["figures"]
    assert all(metadata[f"rai:{name}"] for name in RAI)
    assert metadata["rai:machineAnnotationTools"] == sorted(
        {f"{part['teacher']} at {part['revision']}" for part in figures["generation"]}
    )
    assert "medmcqa_validation" in metadata["rai:dataLimitations"][1]
    assert "replaced by a placeholder" in metadata["rai:personalSensitiveInformation"][0]
    assert f"mcqa {figures['by_task'][0]['rows']}" in metadata["rai:dataBiases"][1]


def test_it_is_a_function_of_manifest_and_files(released, tmp_path):
    manifest = load(released)
    text = (released / "croissant.json").read_text(encoding="utf-8")
    assert croissant(manifest, released) == text
    assert croissant({**manifest, "files": []}, released) == text, "hashes are those of the files"
    copy = shutil.copytree(released, tmp_path / "elsewhere")
    assert croissant({**manifest, "environment": {}}, copy) == text


READ = """
import json, logging, sys, mlcroissant
dataset = mlcroissant.Dataset(sys.argv[1])
issues = dataset.metadata.ctx.issues
counts = {one.id: sum(1 for _ in dataset.records(one.id)) for one in dataset.metadata.record_sets}
first = next(iter(dataset.records(dataset.metadata.record_sets[0].id)))
id = next(value for name, value in first.items() if name.endswith("/id")).decode()
print(json.dumps({"errors": sorted(issues.errors), "warnings": sorted(issues.warnings), "rows": counts, "id": id}))
"""


def test_the_library_of_the_vocabulary_finds_no_error_and_reads_all_records(released):
    if not (python := os.environ.get("SABILA_MLCROISSANT")):
        pytest.skip("not asked for: set SABILA_MLCROISSANT to a Python that has mlcroissant")
    call = [python, "-c", READ, str(released / "croissant.json")]
    done = subprocess.run(call, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    output = json.loads(done.stdout.splitlines()[-1])
    assert output["errors"] == []
    assert all("datePublished" in line for line in output["warnings"]), "a release has no date, so that bytes repeat"
    configs = load(released)["figures"]["configs"]
    assert output["rows"] == {size["config"]: size["rows"] for size in configs}
    assert output["id"] in pl.read_parquet(sorted(released.glob("data/*/*/*.parquet")), columns=["id"])["id"].to_list()
