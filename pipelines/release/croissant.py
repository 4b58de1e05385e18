"""The release in Croissant format (mlcommons.org/croissant, 1.1, with the responsible-AI fields of RAI 1.0).

Provenance is in W3C's vocabulary (PROV-O), as Croissant 1.1 recommends: the sources at their revisions, the steps, and
the models and the sabila that worked on the rows.

Made of the manifest and its data files only: the same release gives the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipelines.release.data_files import config_pattern
from pipelines.release.hub_metadata import schema
from sources.license import terms
from sources.releases.figures_model import Figures
from sources.releases.manifest_model import Manifest
from sources.releases.read_manifest import file_hash

CONFORMS_TO = ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"]

PARQUET = "application/x-parquet"

DATA_TYPES = {"string": "sc:Text", "int64": "cr:Int64", "int32": "cr:Int32"}

CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "annotation": "cr:annotation",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "excludes": "cr:excludes",
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "prov": "http://www.w3.org/ns/prov#",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "readLines": "cr:readLines",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "sdVersion": "cr:sdVersion",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
    "unArchive": "cr:unArchive",
    "value": "cr:value",
}

COLUMNS = {
    "id": "the row's id, which never changes",
    "source": "the corpus that the row was read from",
    "license": "the licences that the row is under, joined by AND",
    "task": "the task of the row",
    "lang": "the language of the row",
    "split": "the split of the source, named by its publisher",
    "file": "the file of the source that contains the row",
    "line": "the line or element of that file, from 1",
    "date": "the year, month or day of the row according to the source",
    "messages": "the conversation",
    "prompt": "the conversation up to the answer",
    "chosen": "the better answer",
    "rejected": "the worse answer",
    "context": "what the question is about",
    "options": "the options of a multiple-choice question",
    "gold": "the positions of the right options, from 0",
    "answer": "the source's answer",
    "rationale": "the source's reasons",
    "meta": "further fields of the source, as JSON",
    "role": "who speaks",
    "content": "what is said",
}


def croissant(manifest: Manifest, folder: Path) -> str:
    """Return ``croissant.json`` of the release in ``folder``: files with hashes, a record set for each configuration.

    Addresses of files are relative to ``croissant.json``. Hashes come from the manifest where it already lists the
    files, else from the files.
    """
    figures = manifest.card_figures
    described = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "@id": f"{manifest.name}@{manifest.version}",
        "name": manifest.name,
        "version": manifest.version,
        "description": _description(manifest),
        "conformsTo": CONFORMS_TO,
        "license": [terms(one.license).url or one.license for one in figures.licenses],
        "inLanguage": sorted(group.lang for group in figures.by_language),
        "keywords": ["medical", "sabila", *sorted(group.task for group in figures.by_task)],
        "isLiveDataset": False,
        "citeAs": f"@misc{{{manifest.name}, title={{{manifest.name} {manifest.version}}}}}",
        **_provenance(manifest),
        **_responsible(manifest),
        "distribution": [*_files(manifest, folder), *(_file_set(size.config) for size in figures.configs)],
        "recordSet": [_record_set(size.config, folder) for size in figures.configs],
    }
    return json.dumps(described, indent=2, ensure_ascii=False) + "\n"


def _description(manifest: Manifest) -> str:
    figures = manifest.card_figures
    names = ", ".join(origin.title for origin in figures.origins)
    return f"{figures.rows.all} rows to train language models on medical text, built by sabila from: {names}."


# --- provenance ----------------------------------------------------------------------------------------------------


def _provenance(manifest: Manifest) -> dict[str, Any]:
    """Return what the release was derived from, the activities that made it, and the software that is responsible."""
    figures = manifest.card_figures
    models = sorted({(part.teacher, part.revision) for part in figures.generation})
    agents = [("sabila", manifest.libraries.get("sabila") or "unknown"), *models]
    return {
        "prov:wasDerivedFrom": [_entity(manifest, origin.source, origin.title) for origin in figures.origins],
        "prov:wasGeneratedBy": [
            {"@type": "prov:Activity", "@id": f"step:{step.folder}", "prov:label": step.name} for step in manifest.steps
        ],
        "prov:wasAttributedTo": [
            {"@type": "prov:SoftwareAgent", "prov:label": f"{name} at {revision}"} for name, revision in agents
        ],
    }


def _entity(manifest: Manifest, source: str, title: str) -> dict[str, Any]:
    """Return a corpus as an entity, named by its home and revision, which identify its content everywhere."""
    return {"@type": "prov:Entity", "@id": _entity_name(manifest, source), "prov:label": title}


def _entity_name(manifest: Manifest, source: str) -> str:
    entry = manifest.lock.get(source)
    return f"{entry.home}@{entry.revision}#{source}" if entry else f"urn:sabila:source:{source}"


# --- responsible AI ------------------------------------------------------------------------------------------------


def _responsible(manifest: Manifest) -> dict[str, Any]:
    """Return the fields of the responsible-AI vocabulary that the build can fill."""
    figures = manifest.card_figures
    teachers = sorted({f"{part.teacher} at {part.revision}" for part in figures.generation})
    fields: dict[str, Any] = {
        "rai:dataCollection": _collection(manifest),
        "rai:dataCollectionType": ["Secondary Data Analysis", *(["Experiments"] if teachers else [])],
        "rai:dataPreprocessingProtocol": [step.step for step in figures.funnel if not step.reference_only],
        "rai:dataAnnotationProtocol": _annotation(figures),
        "rai:machineAnnotationTools": teachers,
        "rai:dataBiases": _biases(figures),
        "rai:personalSensitiveInformation": _personal(figures),
        "rai:dataUseCases": [
            "Training of language models for research on medical question answering, with the licences of the rows.",
            "Not for medical advice, and not for decisions about a patient.",
        ],
        "rai:dataLimitations": _limitations(manifest),
        "rai:dataReleaseMaintenancePlan": "A version never changes; corrections come in a new one.",
    }
    return {name: value for name, value in fields.items() if value}


def _collection(manifest: Manifest) -> str:
    homes = []
    for origin in manifest.card_figures.origins:
        entry = manifest.lock.get(origin.source)
        homes.append(f"{origin.title} ({entry.home if entry else '–'})")
    return f"Read from public corpora, at the revisions that manifest.json names: {'; '.join(homes)}."


def _annotation(figures: Figures) -> list[str]:
    lines = [
        f"{part.teacher} wrote chains of thought ({part.chain}) for {part.rows} rows; those kept end in the "
        "gold answer."
        for part in figures.chains
    ]
    if figures.pairs:
        origins = ", ".join(f"{part.origin} {part.rows}" for part in figures.pairs.origins)
        lines.append(f"Preference pairs come from: {origins}.")
    return lines


def _biases(figures: Figures) -> list[str]:
    languages = ", ".join(f"{group.lang} {group.rows}" for group in figures.by_language)
    tasks = ", ".join(f"{group.task} {group.rows}" for group in figures.by_task)
    lines = [f"Rows by language: {languages}.", f"Rows by task: {tasks}."]
    if figures.pairs:
        share = figures.pairs.length_bias.share_chosen_longer
        lines.append(f"The chosen answer is the longer one in a share of {share} of the pairs.")
    return [*lines, "Places, ages, sexes and conditions were not counted, and are as uneven as in the sources."]


def _personal(figures: Figures) -> list[str]:
    done = {"redact": "replaced by a placeholder", "drop": "dropped with their rows"}
    lines = [f"Searched for {', '.join(part.kinds)}; findings were {done[part.action]}." for part in figures.privacy]
    return [
        *(lines or ["No step searched for personal data."]),
        "A person identifiable only from the story can remain.",
    ]


def _limitations(manifest: Manifest) -> list[str]:
    names = ", ".join(one.benchmark for one in manifest.card_figures.leaks.benchmarks)
    benchmarks = f"Rows were checked against these benchmarks only: {names}." if names else "No benchmark was checked."
    return ["Some of it is outdated or wrong; no physician has read it row by row.", benchmarks]


# --- files and fields ----------------------------------------------------------------------------------------------


def _files(manifest: Manifest, folder: Path) -> Iterator[dict[str, Any]]:
    known = {file.path: file.sha256 for file in manifest.files}
    origins = {origin.source for origin in manifest.card_figures.origins}
    for path in sorted((folder / "data").glob("*/*/*.parquet")):
        name, source = path.relative_to(folder).as_posix(), path.parent.name
        yield {
            "@type": "cr:FileObject",
            "@id": name,
            "name": name,
            "contentUrl": name,
            "contentSize": f"{path.stat().st_size} B",
            "encodingFormat": PARQUET,
            "sha256": known.get(name) or file_hash(path),
            **({"prov:wasDerivedFrom": {"@id": _entity_name(manifest, source)}} if source in origins else {}),
        }


def _file_set(config: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileSet",
        "@id": f"{config}-files",
        "name": f"{config}-files",
        "description": f"the files of configuration {config}",
        "encodingFormat": PARQUET,
        "includes": config_pattern(config),
    }


def _record_set(config: str, folder: Path) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": config,
        "name": config,
        "description": f"the rows of configuration {config}",
        "key": {"@id": f"{config}/id"},
        "field": [_field(config, field.name, field.type) for field in schema(config, folder)],
    }


def _field(config: str, name: str, type: pa.DataType) -> dict[str, Any]:
    """Return a column; the turns of a conversation have nested fields."""
    listed = pa.types.is_list(type)
    inner = type.value_type if listed else type
    field: dict[str, Any] = {"@type": "cr:Field", "@id": f"{config}/{name}", "name": name, "description": COLUMNS[name]}
    source = {"fileSet": {"@id": f"{config}-files"}, "extract": {"column": name}}
    if listed:
        field["repeated"] = True
    if not pa.types.is_struct(inner):
        return {**field, "dataType": DATA_TYPES[str(inner)], "source": source}
    return {**field, "source": source, "subField": [_turn(config, name, part) for part in inner]}


def _turn(config: str, column: str, part: pa.Field) -> dict[str, Any]:
    source = {"fileSet": {"@id": f"{config}-files"}, "extract": {"column": column}}
    return {
        "@type": "cr:Field",
        "@id": f"{config}/{column}/{part.name}",
        "name": part.name,
        "description": COLUMNS[part.name],
        "dataType": DATA_TYPES[str(part.type)],
        "repeated": True,
        "source": {**source, "transform": {"jsonPath": part.name}},
    }
