"""A self-contained HTML page; its policy has the hashes of its style and scripts, so nothing else can run or load."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from typing import Any

import orjson
from jinja2 import Environment, PackageLoader, StrictUndefined

from pipelines.report.page_text import cut, safe_text

STYLE = "report.css"

BRIEF = 700
"""Characters of an example text."""


def environment() -> Environment:
    """Return the template environment of all pages: every value is escaped, and an undefined name is an error."""
    templates = Environment(
        loader=PackageLoader("pipelines", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {"number": _number, "percent": _percent, "shown": safe_text, "brief": _brief}
    return templates


def page(template: str, scripts: Sequence[str], *, connect: str = "'none'", **values: Any) -> tuple[str, str]:
    """Return a page and its content security policy: only its own style and scripts, by hash, and ``connect``."""
    templates = environment()
    source = templates.loader.get_source  # type: ignore[union-attr]
    style = source(templates, STYLE)[0]
    script = "\n".join(source(templates, name)[0] for name in scripts)
    policy = "; ".join(
        (
            "default-src 'none'",
            f"style-src {_hash(style)}",
            f"script-src {_hash(script)}",
            "img-src data:",
            f"connect-src {connect}",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    return templates.get_template(template).render(style=style, script=script, policy=policy, **values), policy


def as_json(value: Any) -> str:
    """Return JSON safe inside a script element: no ``<`` that could end it, no line separator."""
    text = orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _brief(text: str) -> str:
    return cut(text, BRIEF)


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"


def _percent(share: float) -> str:
    """Return a share in percent; a non-zero share is never shown as 0."""
    return "<0.1%" if 0 < share < 0.0005 else f"{share:.1%}"
