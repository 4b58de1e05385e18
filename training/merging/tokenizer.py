"""The tokenizer, chat template and end token of a merged model: the shared ones, or those chosen in the configuration.

Nothing is guessed: where two models differ, the configuration must choose, by ``tokenizer_source`` and
``chat_template`` (``base``, one of the models, or a template itself). The model whose template is taken, the speaker,
also gives the special tokens and generation settings.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sources.atomic import write_bytes
from training.data.end_of_turn import end_of_turn, ids, token_text
from training.merging.merge_config import MergeConfig
from training.training_errors import MergeConfigError, MergeError

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
"""Files of a tokenizer and its template."""

TEMPLATES = ("chat_template.jinja", "chat_template.json")
OF_A_RUN = ("truncation", "padding", "version")
"""Keys of tokenizer.json with the settings of its last call."""

OFFSETS = ("trim_offsets",)
"""Keys that affect the offsets of tokens and no token."""

Template = str | list[Any] | None


@dataclass(frozen=True, kw_only=True)
class Tokenizer:
    """A model's tokenizer: ``identity`` is equal for equal ones, ``tokens`` their numbers where they can be read.

    ``settings`` are those of tokenizer_config.json, ``special`` the numbers of the control tokens. ``stops`` end
    generation, None where no file lists them. ``rewritten`` marks files that transformers changes when it loads them.
    """

    model: str
    folder: Path
    identity: str | None
    tokens: Mapping[str, int] | None
    template: Template
    settings: Mapping[str, Any]
    special: Mapping[str, int]
    stops: tuple[int, ...] | None
    rewritten: bool = False

    @property
    def end(self) -> str | None:
        """The token with which its own template ends an answer."""
        return end_of_turn(self.template, self.settings, self.special)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The tokenizer of the result (None where no model has one), and its template with its origin.

    ``speaker`` is the model whose special tokens and generation settings are taken; ``end`` is the token with which the
    template ends an answer, with its id.
    """

    tokenizer: Tokenizer | None
    template: Template
    template_from: str | None
    requested: bool
    speaker: str
    end: tuple[str, int] | None

    def describe(self) -> dict[str, Any]:
        """Return the choice for a record."""
        return {
            "tokenizer": self.tokenizer.model if self.tokenizer else None,
            "chat_template": self.template_from,
            "generation_settings": self.speaker,
            "end_of_turn": self.end[0] if self.end else None,
            "chosen_by": "tokenizer_source" if self.requested else "equal in all models",
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
        settings=config,
        special=_special(content, config),
        stops=_stops(folder),
    )


def as_loaded(tokenizers: Sequence[Tokenizer]) -> list[Tokenizer]:
    """Return the tokenizers; one that transformers turns into another of them by loading has that one's identity.

    A training run saves the tokenizer as it was loaded, so its files may differ from those of its start model.
    """
    known = {tokenizer.identity for tokenizer in tokenizers}
    if len(known) == 1 or None in known or not find_spec("transformers"):
        return list(tokenizers)
    loaded = [_loaded_identity(tokenizer) for tokenizer in tokenizers]
    return [
        replace(each, identity=identity, rewritten=True) if identity in known - {each.identity} else each
        for each, identity in zip(tokenizers, loaded, strict=True)
    ]


def _loaded_identity(tokenizer: Tokenizer) -> str | None:
    """Return the identity of a tokenizer after loading by transformers; None where it cannot be loaded."""
    from transformers import AutoTokenizer

    try:
        backend = AutoTokenizer.from_pretrained(tokenizer.folder, local_files_only=True).backend_tokenizer
    except Exception:  # whatever makes it fail, its files are compared as they are
        return None
    return _identity(tokenizer.folder, json.loads(backend.to_str()))


def choose(config: MergeConfig, tokenizers: Sequence[Tokenizer]) -> Choice:
    """Return the tokenizer and template of the result; ``MergeError`` where models differ and none was chosen."""
    requested = config.tokenizer_source
    if requested is not None:
        source = _named("tokenizer_source", requested, config, tokenizers)
        if source.identity is None:
            raise MergeError(f"tokenizer_source is {requested}, which has no tokenizer in {source.folder}: name one")
    else:
        source = tokenizers[0]
        _check_equal("tokenizers", "tokenizer_source", {t.model: t.identity for t in tokenizers})
    template, origin = _chosen_template(config, source, tokenizers)
    speaker = _speaker(config, source, template, origin, tokenizers)
    end = end_of_turn(template, speaker.settings, speaker.special)
    return Choice(
        tokenizer=speaker if speaker.identity is not None else None,
        template=template,
        template_from=origin,
        requested=requested is not None,
        speaker=speaker.model,
        end=(end, speaker.special[end]) if end is not None else None,
    )


def _speaker(
    config: MergeConfig, source: Tokenizer, template: Template, origin: str | None, tokenizers: Sequence[Tokenizer]
) -> Tokenizer:
    """Return the model that gives special tokens and generation settings.

    It is the named tokenizer source, else the model whose template was chosen, else the one that stops where the shared
    template ends an answer. ``MergeError`` where models stop at other tokens and nothing decides.
    """
    named = next((t for t in tokenizers if t.model == origin and config.chat_template is not None), None)
    if config.tokenizer_source is not None:
        _check_end(source, named)
        return source
    if named is not None:
        return named
    if len({(t.stops, token_text(t.settings.get("eos_token"))) for t in tokenizers}) == 1:
        return min(tokenizers, key=lambda t: t.rewritten)
    fitting = [t for t in tokenizers if _stops_at(t, end_of_turn(template, t.settings, t.special))]
    if not fitting and any(t.stops is not None for t in tokenizers):
        listed = {t.model: str(sorted(t.stops or ())) for t in tokenizers}
        _check_equal("tokens that end generation", "tokenizer_source", listed)
    return min(fitting or tokenizers, key=lambda t: (token_text(t.settings.get("eos_token")) != t.end, t.rewritten))


def _stops_at(tokenizer: Tokenizer, end: str | None) -> bool:
    return end is not None and tokenizer.special.get(end) in (tokenizer.stops or ())


def _check_end(source: Tokenizer, named: Tokenizer | None) -> None:
    """Raise ``MergeError`` where the chosen template ends an answer with a token that the chosen tokenizer lacks."""
    if named is None or named.end is None or named.end in source.special:
        return
    raise MergeError(
        f"the chat template of {named.model} ends an answer with {named.end!r}, which is not a special token of "
        f"{source.model}, the tokenizer_source: the result would never stop; set tokenizer_source: {named.model}"
    )


def write_tokenizer(choice: Choice, out: Path) -> None:
    """Write the chosen tokenizer and template into a folder."""
    if choice.tokenizer is None:
        return
    for name in FILES:
        source = choice.tokenizer.folder / name
        if name in TEMPLATES or name == "tokenizer_config.json" or not source.is_file():
            continue
        write_bytes(out / name, source.read_bytes())
    _write_template(choice.tokenizer, choice.template, out)


def _write_template(tokenizer: Tokenizer, template: Template, out: Path) -> None:
    """Write the template where transformers expects it: one in a file of its own, several in the configuration."""
    config = _json(tokenizer.folder / "tokenizer_config.json") or {}
    config.pop("chat_template", None)
    if isinstance(template, list):
        config["chat_template"] = template
    write_bytes(out / "tokenizer_config.json", (json.dumps(config, indent=2, ensure_ascii=False) + "\n").encode())
    if isinstance(template, str):
        write_bytes(out / "chat_template.jinja", template.encode())


# --- choosing ------------------------------------------------------------------------------------------------------


def _chosen_template(
    config: MergeConfig, source: Tokenizer, tokenizers: Sequence[Tokenizer]
) -> tuple[Template, str | None]:
    requested = config.chat_template
    if requested is None and config.tokenizer_source is not None and source.template is not None:
        return source.template, source.model
    if requested is None:
        _check_equal("chat templates", "chat_template", {t.model: _shown(t.template) for t in tokenizers})
        return tokenizers[0].template, tokenizers[0].model if tokenizers[0].template else None
    if "{" in requested:
        return requested, "the configuration"
    chosen = _named("chat_template", requested, config, tokenizers)
    if chosen.template is None:
        raise MergeError(f"chat_template is {requested}, which has no chat template in {chosen.folder}: name another")
    return chosen.template, chosen.model


def _named(key: str, requested: str, config: MergeConfig, tokenizers: Sequence[Tokenizer]) -> Tokenizer:
    model = config.base_model if requested == "base" else requested
    for tokenizer in tokenizers:
        if tokenizer.model == model:
            return tokenizer
    own = ", 'base'" if config.base_model is not None else ""
    also = ", or a template" if key == "chat_template" else ""
    names = ", ".join(tokenizer.model for tokenizer in tokenizers)
    raise MergeConfigError(f"{key} is {requested!r}, expected one of the models ({names}){own}{also}")


def _check_equal(what: str, key: str, values: Mapping[str, str | None]) -> None:
    groups: dict[str | None, list[str]] = {}
    for model, value in values.items():
        groups.setdefault(value, []).append(model)
    if len(groups) > 1:
        listed = "; ".join(f"{', '.join(models)}{'' if value else ' (none)'}" for value, models in groups.items())
        raise MergeError(f"the {what} of the models differ ({listed}): choose one, as {key}: MODEL")


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
    """Return a hash equal for equivalent tokenizers, whatever version of the library wrote them."""
    if content is not None:
        kept = _without({key: value for key, value in content.items() if key not in OF_A_RUN}, OFFSETS)
        # A model's parameters that are switched off are written, or left out, by one version or another.
        model = {key: value for key, value in dict(kept.get("model") or {}).items() if value not in (None, "", False)}
        model["merges"] = [" ".join(m) if isinstance(m, list) else m for m in model.get("merges") or []]
        kept["post_processor"] = _adding(kept.get("post_processor"))
        if dict(kept.get("decoder") or {}).get("type") == "ByteLevel":
            kept["decoder"] = {"type": "ByteLevel"}  # it has no parameter that it reads
        text = json.dumps({**kept, "model": model}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()
    files = [folder / name for name in ("tokenizer.model", "vocab.json", "merges.txt") if (folder / name).is_file()]
    if not files:
        return None
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()


def _without(value: Any, keys: tuple[str, ...]) -> Any:
    """Return a value without these keys, at any depth."""
    if isinstance(value, dict):
        # The vocabulary is the one object whose keys are data.
        return {k: v if k == "vocab" else _without(v, keys) for k, v in value.items() if k not in keys}
    return [_without(item, keys) for item in value] if isinstance(value, list) else value


def _adding(processor: Any) -> Any:
    """Return the part of a post-processor that adds tokens, None where it adds none."""
    if not isinstance(processor, dict) or processor.get("type") == "ByteLevel":
        return None
    if processor.get("type") == "Sequence":
        kept = [each for each in map(_adding, processor.get("processors") or []) if each is not None]
        return kept[0] if len(kept) == 1 else {"type": "Sequence", "processors": kept} if kept else None
    if processor.get("type") == "TemplateProcessing":
        pieces = [*(processor.get("single") or []), *(processor.get("pair") or [])]
        return processor if any("SpecialToken" in piece for piece in pieces) else None
    return processor


def _special(content: Mapping[str, Any] | None, config: Mapping[str, Any]) -> dict[str, int]:
    """Return the control tokens with their numbers, of tokenizer.json and of the configuration."""
    decoder = dict(config.get("added_tokens_decoder") or {})
    added = [*((content or {}).get("added_tokens") or []), *({**t, "id": int(n)} for n, t in decoder.items())]
    control_tokens = {token["content"]: int(token["id"]) for token in added if token.get("special")}
    named = {token_text(value) for key, value in config.items() if key.endswith("_token")}
    vocabulary = dict((content or {}).get("model") or {}).get("vocab")
    if isinstance(vocabulary, dict):
        control_tokens |= {
            token: vocabulary[token] for token in named if token in vocabulary and token not in control_tokens
        }
    return control_tokens


def _stops(folder: Path) -> tuple[int, ...] | None:
    """Return the tokens that end generation: of generation_config.json, or else of config.json."""
    for name in ("generation_config.json", "config.json"):
        content = _json(folder / name) or {}
        if stops := ids(content.get("eos_token_id", dict(content.get("text_config") or {}).get("eos_token_id"))):
            return stops
    return None


def _tokens(folder: Path, content: dict[str, Any]) -> dict[str, int]:
    try:
        vocabulary = content["model"]["vocab"]
        if isinstance(vocabulary, list):  # a unigram model lists its tokens with their scores
            vocabulary = {entry[0]: number for number, entry in enumerate(vocabulary)}
        return {**vocabulary, **{token["content"]: token["id"] for token in content.get("added_tokens") or []}}
    except (KeyError, TypeError, IndexError) as error:
        raise MergeError(f"{folder / 'tokenizer.json'} has no vocabulary ({error!r}): fetch it again") from error


def _template(folder: Path, config: Mapping[str, Any]) -> Template:
    """Return the template by transformers' rules: a file of its own has priority over the configuration."""
    if (folder / "chat_template.jinja").is_file():
        return (folder / "chat_template.jinja").read_text(encoding="utf-8")
    extra = _json(folder / "chat_template.json") or {}
    template: Template = extra.get("chat_template") or config.get("chat_template")
    return template


def _shown(template: Template) -> str | None:
    return None if template is None else json.dumps(template)
