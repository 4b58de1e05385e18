"""The tokenizer and the chat template of a merged model: those that all models share, or those that were chosen.

Nothing is guessed: where two models differ, the configuration has to say whose is taken, as ``tokenizer_source`` and as
``chat_template`` (``base``, one of the models, or a template itself).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.merging.config import MergeConfig
from training.merging.trouble import MergeConfigError, MergeError

FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "tokenizer.model",
    "vocab.json",
    "merges.txt",
    "chat_template.json",
    "chat_template.jinja",
)
"""What belongs to a tokenizer, with its template."""

TEMPLATES = ("chat_template.jinja", "chat_template.json")
OF_A_RUN = ("truncation", "padding", "version")
"""Keys of tokenizer.json that say how it was last called, not what it is."""

Template = str | list[Any] | None


@dataclass(frozen=True, kw_only=True)
class Tokenizer:
    """A model's tokenizer: ``identity`` is equal for equal ones, ``tokens`` their numbers where they can be read."""

    model: str
    folder: Path
    identity: str | None
    tokens: Mapping[str, int] | None
    template: Template


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The tokenizer of the result (None where no model has one), and its template with where it comes from."""

    tokenizer: Tokenizer | None
    template: Template
    template_from: str | None
    asked: bool

    def told(self) -> dict[str, Any]:
        """Return the choice for a record."""
        return {
            "tokenizer": self.tokenizer.model if self.tokenizer else None,
            "chat_template": self.template_from,
            "chosen_by": "tokenizer_source" if self.asked else "equal in all models",
        }


def read_tokenizer(model: str, folder: Path) -> Tokenizer:
    """Return the tokenizer in a model folder; ``MergeError`` where one of its files cannot be read."""
    content = _json(folder / "tokenizer.json")
    config = _json(folder / "tokenizer_config.json") or {}
    return Tokenizer(
        model=model,
        folder=folder,
        identity=_identity(folder, content),
        tokens=None if content is None else _tokens(folder, content),
        template=_template(folder, config),
    )


def choose(config: MergeConfig, tokenizers: Sequence[Tokenizer]) -> Choice:
    """Return the tokenizer and template of the result; ``MergeError`` where models differ and nobody chose."""
    asked = config.tokenizer_source
    if asked is not None:
        tokenizer = _named("tokenizer_source", asked, config, tokenizers)
        if tokenizer.identity is None:
            raise MergeError(f"tokenizer_source is {asked}, which has no tokenizer in {tokenizer.folder}: name another")
    else:
        tokenizer = tokenizers[0]
        _check_equal("tokenizers", "tokenizer_source", {t.model: t.identity for t in tokenizers})
    template, origin = _chosen_template(config, tokenizers)
    found = tokenizer if tokenizer.identity is not None else None
    return Choice(tokenizer=found, template=template, template_from=origin, asked=asked is not None)


def write_tokenizer(choice: Choice, out: Path) -> list[Path]:
    """Write the chosen tokenizer and template into a folder and return the files."""
    if choice.tokenizer is None:
        return []
    written = []
    for name in FILES:
        source = choice.tokenizer.folder / name
        if name in TEMPLATES or name == "tokenizer_config.json" or not source.is_file():
            continue
        (out / name).write_bytes(source.read_bytes())
        written.append(out / name)
    return written + _write_template(choice.tokenizer, choice.template, out)


def _write_template(tokenizer: Tokenizer, template: Template, out: Path) -> list[Path]:
    """Write the template where transformers looks for it: one in a file of its own, several in the configuration."""
    config = _json(tokenizer.folder / "tokenizer_config.json") or {}
    config.pop("chat_template", None)
    if isinstance(template, list):
        config["chat_template"] = template
    settings = out / "tokenizer_config.json"
    settings.write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    if not isinstance(template, str):
        return [settings]
    (out / "chat_template.jinja").write_text(template, encoding="utf-8")
    return [settings, out / "chat_template.jinja"]


# --- choosing ------------------------------------------------------------------------------------------------------


def _chosen_template(config: MergeConfig, tokenizers: Sequence[Tokenizer]) -> tuple[Template, str | None]:
    asked = config.chat_template
    if asked is None:
        _check_equal("chat templates", "chat_template", {t.model: _shown(t.template) for t in tokenizers})
        return tokenizers[0].template, tokenizers[0].model if tokenizers[0].template else None
    if "{" in asked:
        return asked, "the configuration"
    chosen = _named("chat_template", asked, config, tokenizers)
    if chosen.template is None:
        raise MergeError(f"chat_template is {asked}, which has no chat template in {chosen.folder}: name another")
    return chosen.template, chosen.model


def _named(key: str, asked: str, config: MergeConfig, tokenizers: Sequence[Tokenizer]) -> Tokenizer:
    wanted = config.base_model if asked == "base" else asked
    for tokenizer in tokenizers:
        if tokenizer.model == wanted:
            return tokenizer
    own = ", 'base'" if config.base_model is not None else ""
    also = ", or a template" if key == "chat_template" else ""
    names = ", ".join(tokenizer.model for tokenizer in tokenizers)
    raise MergeConfigError(f"{key} is {asked!r}, expected one of the models ({names}){own}{also}")


def _check_equal(what: str, key: str, found: Mapping[str, str | None]) -> None:
    groups: dict[str | None, list[str]] = {}
    for model, value in found.items():
        groups.setdefault(value, []).append(model)
    if len(groups) > 1:
        told = "; ".join(f"{', '.join(models)}{'' if value else ' (none)'}" for value, models in groups.items())
        raise MergeError(f"the {what} of the models differ ({told}): say whose to take, as {key}: MODEL")


# --- reading -------------------------------------------------------------------------------------------------------


def _json(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise MergeError(f"cannot read {path}: {error}") from error
    if not isinstance(content, dict):
        raise MergeError(f"{path} holds {type(content).__name__}, expected an object: fetch it again")
    return content


def _identity(folder: Path, content: dict[str, Any] | None) -> str | None:
    """Return a hash that is equal for tokenizers that do the same, however a version of the library wrote them."""
    if content is not None:
        kept = {key: value for key, value in content.items() if key not in OF_A_RUN}
        model = dict(kept.get("model") or {})
        model["merges"] = [" ".join(m) if isinstance(m, list) else m for m in model.get("merges") or []]
        text = json.dumps({**kept, "model": model}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()
    files = [folder / name for name in ("tokenizer.model", "vocab.json", "merges.txt") if (folder / name).is_file()]
    if not files:
        return None
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()


def _tokens(folder: Path, content: dict[str, Any]) -> dict[str, int]:
    try:
        vocabulary = content["model"]["vocab"]
        if isinstance(vocabulary, list):  # a unigram model lists its tokens with their scores
            vocabulary = {entry[0]: number for number, entry in enumerate(vocabulary)}
        return {**vocabulary, **{token["content"]: token["id"] for token in content.get("added_tokens") or []}}
    except (KeyError, TypeError, IndexError) as error:
        raise MergeError(f"{folder / 'tokenizer.json'} has no vocabulary ({error!r}): fetch it again") from error


def _template(folder: Path, config: Mapping[str, Any]) -> Template:
    """Return the template as transformers finds it: a file of its own goes before the configuration."""
    if (folder / "chat_template.jinja").is_file():
        return (folder / "chat_template.jinja").read_text(encoding="utf-8")
    beside = _json(folder / "chat_template.json") or {}
    found: Template = beside.get("chat_template") or config.get("chat_template")
    return found


def _shown(template: Template) -> str | None:
    return None if template is None else json.dumps(template)
