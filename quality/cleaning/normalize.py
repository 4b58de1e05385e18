"""Normalisation: named text edits that keep the meaning, applied until nothing changes.

Each edit selects its rows with one column-wise search; parsers and encoding repairs run in Python on those rows only.
Cleaning step 1 of Aloe Beta (arXiv 2505.04388, appendix on data).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

import polars as pl
from pydantic import AfterValidator, ConfigDict, Field
from pydantic.dataclasses import dataclass as checked

from quality.cleaning.boilerplate import EMPTY_EXPLANATION, JUNK_ANSWERS
from quality.cleaning.encodings import MOJIBAKE, fix_encoding
from quality.cleaning.layout import LAYOUT, tidy
from quality.cleaning.markup import ENTITY, TAG, to_text
from quality.cleaning.matching import ascii_boundaries
from quality.cleaning.office_markup import OFFICE, remove_office
from quality.cleaning.sentences import Removal
from quality.cleaning.stock_text import STOCK, find_stock
from quality.cleaning.web_links import LINK, MARKDOWN_LINK, remove_links, unlink_markdown
from quality.key import key
from quality.outcome import EDIT_SCHEMA, REFUSING_TASKS, VERBATIM_TASKS
from sources.record import TASKS
from sources.table import relist

REPAIRS = ("calculator_marks", "flattened_lists", "sentence_case", "spaced_punctuation")
"""Edits that run only on corpora that request them (``Source.repairs``)."""

ROUNDS = 5
"""Most rounds of edits: one edit may expose work for another (``&lt;b&gt;``). A text that needs more is reported."""

FAULTS = (
    pl.exceptions.PolarsError,
    pl.exceptions.PanicException,
    ArithmeticError,
    LookupError,
    RuntimeError,
    TypeError,
)
"""Errors that one row can cause, besides ``ValueError``. A missing library or file is not among them."""

UNSTABLE = "never_at_rest"
"""Rule name in the table of edits for a text whose edits undo one another."""


def _one_of(names: tuple[str, ...]) -> AfterValidator:
    def check(name: str) -> str:
        if name not in names:
            raise ValueError(f"one of {', '.join(names)}")
        return name

    return AfterValidator(check)


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid", strict=True))
class Normalise:
    """Settings of the edits; ``repairs`` maps a source to the edits that only it needs."""

    verbatim_tasks: tuple[Annotated[str, _one_of(TASKS)], ...] = VERBATIM_TASKS
    repairs: tuple[tuple[Annotated[str, Field(min_length=1)], tuple[Annotated[str, _one_of(REPAIRS)], ...]], ...] = ()


Apply = Callable[[pl.Series], tuple[pl.Series, pl.Series | None]]
"""Texts in; edited texts out and, for an edit that removes text, the removed parts of each."""


@dataclass(frozen=True, kw_only=True)
class Edit:
    """One named edit: the pattern of the texts that may need it, and the function that edits them.

    ``where`` selects the texts: all of them, ``prose`` (no verbatim task), ``running`` (prose that is not an option),
    ``answers`` (running prose written as a reply) or ``advice`` (replies to tasks in which declining is no answer).
    ``odd``: the pattern matches characters of ``ODD`` only. ``marked``: every match is in a text with one of ``MARKS``.
    """

    name: str
    pattern: str
    apply: Apply
    where: Literal["all", "prose", "running", "answers", "advice"] = "all"
    odd: bool = False
    marked: bool = False


def _replace(*pairs: tuple[str, str]) -> Apply:
    def apply(texts: pl.Series) -> tuple[pl.Series, None]:
        for pattern, value in pairs:
            texts = texts.str.replace_all(pattern, value)
        return texts, None

    return apply


def _python(function: Callable[[str], str]) -> Apply:
    return lambda texts: (pl.Series(texts.name, [function(text) for text in texts], pl.String), None)


def _removing(remove: Removal) -> Apply:
    def apply(texts: pl.Series) -> tuple[pl.Series, pl.Series]:
        done = [remove(text) for text in texts]
        kept, removed = ([pair[at] for pair in done] for at in (0, 1))
        return pl.Series(texts.name, kept, pl.String), pl.Series("removed", removed, pl.String)

    return apply


# Control characters, zero-width spaces, soft hyphens and direction marks; joiners stay, scripts need them.
INVISIBLE = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]"
ODD = r"[^\t\n -~]"
"""A character that is not on a plain keyboard; most texts have none."""
MARKS = ["<", "&", "://", "www.", "/*", "false", "true"]
"""Strings of which every text with markup or an address contains one."""
LIGATURES = (("\ufb00", "ff"), ("\ufb01", "fi"), ("\ufb02", "fl"), ("\ufb03", "ffi"), ("\ufb04", "ffl"))

DECLINING = ("not_medical_advice", "as_a_model", "further_questions")
"""Stock text that is itself the answer in tasks where declining is an answer."""

EDITS: tuple[Edit, ...] = (
    Edit(name="mojibake", pattern=MOJIBAKE, apply=_python(fix_encoding), odd=True),
    Edit(name="office_markup", pattern=OFFICE, apply=_removing(remove_office), where="prose", marked=True),
    Edit(name="html", pattern=f"{TAG}|{ENTITY}", apply=_python(to_text), where="prose", marked=True),
    Edit(
        name="unicode",
        pattern=r"[^\x00-\x7f]",
        apply=lambda texts: (texts.str.normalize("NFC"), None),
        odd=True,
    ),
    Edit(name="ligatures", pattern=r"[\ufb00-\ufb04]", apply=_replace(*LIGATURES), odd=True),
    Edit(
        name="line_ends",
        pattern=r"\r|[\u0085\u2028\u2029]",
        apply=_replace((r"\r\n?|[\u0085\u2028\u2029]", "\n")),
        odd=True,
    ),
    Edit(name="invisible", pattern=INVISIBLE, apply=_replace((INVISIBLE, "")), odd=True),
    Edit(name="markdown_link", pattern=MARKDOWN_LINK, apply=_python(unlink_markdown), where="prose", marked=True),
    *(
        Edit(
            name=s.name,
            pattern=s.hint,
            apply=_removing(s.remove),
            where="advice" if s.name in DECLINING else "answers",
        )
        for s in STOCK
    ),
    Edit(name="url", pattern=LINK, apply=_removing(remove_links), where="running", marked=True),
    Edit(name="whitespace", pattern=LAYOUT, apply=tidy, where="prose"),
)

CALCULATOR_MARK = re.compile(r"<<[^<>\n]*>>")

CORPUS_EDITS: dict[str, Edit] = {
    # Calls of a calculator in worked solutions, which no reader wants and no other model knows: "48/2 = <<48/2=24>>24".
    "calculator_marks": Edit(
        name="calculator_marks",
        pattern=CALCULATOR_MARK.pattern,
        apply=_removing(lambda text: (CALCULATOR_MARK.sub("", text), "\n".join(CALCULATOR_MARK.findall(text)))),
    ),
    # Lists and paragraphs whose line breaks became runs of blanks: "…:         - one    - two   Next paragraph".
    "flattened_lists": Edit(
        name="flattened_lists",
        pattern=r" {2,}- +\S|\S {3,}[A-Z]",
        apply=_replace((r" {2,}- +(\S)", "\n- $1"), (r"(\S) {3,}([A-Z])", "$1\n$2")),
    ),
    "spaced_punctuation": Edit(
        name="spaced_punctuation",
        pattern=r"\w +[?,;:!](?:\s|$)|\w +\.(?:\s|$)",
        apply=_replace((r"(\w) +([?,;:!.])(\s|$)", "$1$2$3")),
    ),
    "sentence_case": Edit(
        name="sentence_case",
        pattern=r"(?:^|[.?!\]]\s+)[a-z]|\bi\b",
        apply=_python(lambda text: _sentence_case(text)),
    ),
}


def _sentence_case(text: str) -> str:
    text = re.sub(r"(^|[.?!\]]\s+)([a-z])", lambda match: match[1] + match[2].upper(), text, flags=re.MULTILINE)
    return re.sub(r"(?<![\w.])i(?=[\s'])(?!\.e)", "I", text)


def normalise(rows: pl.DataFrame, config: Normalise) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the rows with every text edited until nothing changes, and the table of edits (``EDIT_SCHEMA``).

    ``removed`` holds the text that an edit removed, joined by line breaks, null for edits that only rewrite. A second
    call changes nothing, except texts listed under ``UNSTABLE``.
    """
    flat = flatten(rows)
    texts, edits = flat["text"], []
    active = flat.with_row_index("offset").drop_nulls("text").drop("id")
    for _ in range(ROUNDS):
        edited, changes = _one_round(active, config)
        if changes.is_empty():
            break
        edits.append(changes)
        active = active.with_columns(text=edited).join(
            changes.select("offset"), on="offset", how="semi", maintain_order="left"
        )
        texts = texts.scatter(active["offset"], active["text"])
    else:
        names = changes.group_by("offset", maintain_order=True).agg(
            removed=pl.col("rule").unique().sort().str.join(", ")
        )
        edits.append(names.select("offset", rule=pl.lit(UNSTABLE), removed="removed"))
    edited_rows, emptied = _drop_empty_rationales(unflatten(rows, texts))
    return edited_rows, pl.concat([_edit_table(edits, flat), emptied])


def _drop_empty_rationales(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Remove explanations without content from multiple-choice rows (Aloe's cleaning step 3)."""
    explained = rows.filter(pl.col("rationale").is_not_null() & (pl.col("options").list.len() > 0))
    if explained.is_empty():
        return rows, pl.DataFrame(schema=EDIT_SCHEMA)
    opening = key(pl.col("rationale").str.head(200)).str.strip_prefix("answer ")
    nothing = (
        pl.col("rationale").str.contains(EMPTY_EXPLANATION)
        | opening.is_in(JUNK_ANSWERS)
        | (opening == key(pl.col("answer")))
    )
    empty = explained.filter(nothing).select("id", removed="rationale")
    if empty.is_empty():
        return rows, pl.DataFrame(schema=EDIT_SCHEMA)
    edits = empty.select("id", field=pl.lit("rationale"), rule=pl.lit("empty_explanation"), removed="removed")
    gone = pl.col("id").is_in(empty["id"].implode())
    return rows.with_columns(rationale=pl.when(gone).then(None).otherwise("rationale")), edits


def _one_round(active: pl.DataFrame, config: Normalise) -> tuple[pl.Series, pl.DataFrame]:
    """Run each edit once over the active texts; return the new texts and (offset, rule, removed) of each change."""
    edits = [pl.DataFrame(schema={"offset": pl.UInt32, "rule": pl.String, "removed": pl.String})]
    texts = active["text"]
    stock: dict[str, pl.Series] = {}
    odd = texts.str.contains(ODD).arg_true()
    marked = texts.str.contains_any(MARKS, ascii_case_insensitive=True).arg_true()
    for edit, eligible in edits_for(active, config):
        if edit.where in ("answers", "advice"):
            if not stock:
                stock = stock_places(texts, eligible)
            place = stock[edit.name]
            place = place.filter(eligible.gather(place))
        elif edit.odd:
            place = odd.filter(texts.gather(odd).str.contains(edit.pattern))
        elif edit.marked:
            place = marked.filter(eligible.gather(marked))
            place = place.filter(texts.gather(place).str.contains(ascii_boundaries(edit.pattern)))
        else:
            place = (texts.str.contains(ascii_boundaries(edit.pattern)) & eligible).arg_true()
        if place.is_empty():
            continue
        before = texts.gather(place)
        after, removed = edit.apply(before)
        changed = before != after
        if removed is not None:
            # An answer of nothing but stock text is none; any other text is never emptied.
            changed &= (after.str.strip_chars() != "") | (active["field"].gather(place) == "answer")
            removed = removed.filter(changed)
        place = place.filter(changed)
        if not stock:  # no edit of odd characters comes after the stock text
            odd = pl.concat([odd, place]).unique().sort()
        texts = texts.scatter(place, after.filter(changed))
        changes = {"offset": active["offset"].gather(place), "removed": removed}
        edits.append(
            pl.DataFrame(changes).select("offset", pl.lit(edit.name).alias("rule"), pl.col("removed").cast(pl.String))
        )
    return texts, pl.concat(edits)


def stock_places(texts: pl.Series, eligible: pl.Series) -> dict[str, pl.Series]:
    """Return, for each kind of stock text, the positions of the wanted texts that may contain it."""
    replies = eligible.arg_true()
    return {name: replies.gather(at) for name, at in find_stock(texts.gather(replies)).items()}


def edits_for(active: pl.DataFrame, config: Normalise) -> Iterator[tuple[Edit, pl.Series]]:
    """Yield each edit, in order, with the mask of the active texts it may change.

    Repairs requested by a corpus run before the whitespace edit, which would hide what they look for.
    """
    prose = ~active["task"].is_in(config.verbatim_tasks)
    running = prose & (active["field"] != "options") & ~((active["field"] == "answer") & active["choice"])
    masks = {
        "all": pl.repeat(True, active.height, eager=True),
        "prose": prose,
        "running": running,
        "answers": running & active["field"].is_in(REPLIES),
        "advice": running & active["field"].is_in(REPLIES) & ~active["task"].is_in(REFUSING_TASKS),
    }
    for edit in EDITS:
        if edit.name == "whitespace":
            for name in CORPUS_EDITS:
                sources = [source for source, names in config.repairs if name in names]
                if sources:
                    yield CORPUS_EDITS[name], active["source"].is_in(sources)
        yield edit, masks[edit.where]


def _edit_table(edits: list[pl.DataFrame], flat: pl.DataFrame) -> pl.DataFrame:
    if not edits:
        return pl.DataFrame(schema=EDIT_SCHEMA)
    where = flat.select("id", "field").with_row_index("offset")
    return pl.concat(edits).join(where, on="offset", maintain_order="left").select(EDIT_SCHEMA.names())


# --- all texts of a table in one column ----------------------------------------------------------------------------

SCALARS = ("context", "answer", "rationale", "response", "rejected")
REPLIES = ("answer", "rationale", "response", "rejected")


def flatten(rows: pl.DataFrame) -> pl.DataFrame:
    """Return every text of ``rows`` as a row of (id, task, source, choice, field, text), field after field.

    ``choice`` says whether the row has options to choose from.
    """
    who = ("id", "task", "source", (pl.col("options").list.len() > 0).alias("choice"))
    contents = pl.col("messages").list.eval(pl.element().struct.field("content"))
    parts = [
        rows.select(*who, pl.lit("messages").alias("field"), contents.alias("text")).explode("text"),
        rows.select(*who, pl.lit("options").alias("field"), text="options").explode("text"),
        *(rows.select(*who, pl.lit(name).alias("field"), text=name) for name in SCALARS),
    ]
    return pl.concat(parts)


def unflatten(rows: pl.DataFrame, texts: pl.Series) -> pl.DataFrame:
    """Return ``rows`` with its texts replaced by ``texts``, which are in the order of ``flatten``."""
    turns, options = (int(rows[name].list.len().sum()) for name in ("messages", "options"))
    scalars = texts.slice(turns + options)
    roles = rows["messages"].explode().struct.field("role")
    messages = pl.DataFrame({"role": roles, "content": texts.slice(0, turns)}).to_struct()
    return rows.with_columns(
        relist(messages, rows["messages"]),
        relist(texts.slice(turns, options), rows["options"]),
        *(scalars.slice(i * rows.height, rows.height).alias(name) for i, name in enumerate(SCALARS)),
    )
