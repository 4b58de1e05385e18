"""The kinds of findings: how serious each is, why it matters, and what to do about it.

A rule of cleaning has its own name with dashes for underscores, so that a finding and a drop reason are found together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
"""From the most to the least serious."""


@dataclass(frozen=True)
class FindingKind:
    """What a finding is, why it matters, and what to do."""

    id: str
    severity: Severity
    title: str
    why: str
    remedy: str


_FILES = (
    FindingKind(
        "unreadable-file",
        "error",
        "file that cannot be read",
        "None of its rows, or none after the error, was checked.",
        "Fetch it again, or convert it to JSON Lines, csv or parquet.",
    ),
    FindingKind(
        "no-rows",
        "warning",
        "file without rows",
        "An export that failed looks like this, and nothing in it was checked.",
        "Write the file again, or leave it out if it is meant to be empty.",
    ),
    FindingKind(
        "unreadable-row",
        "error",
        "row that cannot be read",
        "Readers stop at it, or skip it silently.",
        "Correct or delete the line; write JSON Lines with one object a line, and csv with every quote closed.",
    ),
    FindingKind(
        "mixed-types",
        "error",
        "column with values of several types",
        "Arrow and datasets refuse the file, or turn lists and objects into text.",
        'Write the column with one type in every row: ["a"] and not "a" where other rows have lists.',
    ),
    FindingKind(
        "repeated-id",
        "error",
        "id of several rows",
        "Reviews, exclusions and comparisons by id name the wrong row.",
        "Give every row an id of its own; exact duplicates may be deleted.",
    ),
    FindingKind(
        "release-error",
        "error",
        "release that differs from its manifest",
        "Its rows, counts or card are not those that were frozen.",
        "Download the release again, or freeze it again; sabila verify lists the same errors.",
    ),
)

_ROWS = (
    FindingKind(
        "no-question",
        "error",
        "row without a question",
        "A model would learn to answer nothing.",
        "Delete the row, or name the right column with --question-column.",
    ),
    FindingKind(
        "no-answer",
        "error",
        "row without an answer",
        "There is nothing to learn, and trainers stop or skip it.",
        "Fill in the answer or delete the row; name the right column with --answer-column.",
    ),
    FindingKind(
        "bad-turns",
        "error",
        "conversation with turns out of order",
        "Chat templates refuse an unknown speaker, and two turns of one speaker or an empty turn teach the wrong form.",
        "Let user and assistant speak by turns, each with a text, after at most one turn of the system.",
    ),
    FindingKind(
        "gold-not-an-option",
        "error",
        "right option that is none of the options",
        "Accuracy and verified answers are wrong for this question.",
        "Write the position, the letter or the exact text of one of the options.",
    ),
    FindingKind(
        "gold-outside-options",
        "error",
        "right option beyond the last option",
        "The position is counted from another number, or an option is missing.",
        "Count positions from 0 (or from 1) in the whole file, and complete the options.",
    ),
    FindingKind(
        "single-option",
        "error",
        "question with a single option",
        "There is nothing to choose from.",
        "Complete the options, or make it an open question.",
    ),
    FindingKind(
        "empty-option",
        "error",
        "question with an empty option",
        "The option, or the figure that it stands for, was lost.",
        "Complete the options from the source, or delete the row.",
    ),
    FindingKind(
        "repeated-option",
        "warning",
        "question with two equal options",
        "No letter is the only right answer.",
        "Correct one of the two from the source, or delete the row.",
    ),
    FindingKind(
        "junk-question",
        "warning",
        "question that asks nothing",
        "It is a placeholder or a fragment, and its answer belongs to no question.",
        "Delete the row.",
    ),
    FindingKind(
        "short-question",
        "warning",
        "question of a few characters",
        "It asks nothing.",
        "Delete the row, or complete the question.",
    ),
    FindingKind(
        "junk-answer",
        "warning",
        "answer without content",
        "A model would learn to answer with a placeholder or an error message.",
        "Delete the row.",
    ),
    FindingKind(
        "short-answer",
        "warning",
        "answer too short for its question",
        "The question asks for an explanation, or the answer breaks off after its first words.",
        "Complete the answer or delete the row.",
    ),
    FindingKind(
        "refusal",
        "warning",
        "answer that only declines",
        "A model would learn to refuse medical questions.",
        "Delete the row, unless refusing is what it teaches (then set its task to safety).",
    ),
    FindingKind(
        "cut-off-answer",
        "warning",
        "answer that breaks off",
        "It ends in the middle of a sentence, often because a generator reached its limit of tokens.",
        "Generate it again with a higher limit, or delete the row.",
    ),
    FindingKind(
        "echo",
        "warning",
        "answer that repeats its question",
        "There is nothing to learn from it.",
        "Delete the row.",
    ),
    FindingKind(
        "repetition",
        "warning",
        "answer that repeats itself",
        "A model would learn to loop.",
        "Delete the row, or generate the answer again.",
    ),
    FindingKind(
        "needs-image",
        "warning",
        "question about a picture that is not there",
        "It cannot be answered from its text.",
        "Delete the row, or describe the picture in it.",
    ),
    FindingKind(
        "long-row",
        "warning",
        "row longer than any context window",
        "It would be cut in training.",
        "Split or delete the row.",
    ),
    FindingKind(
        "wrong-language",
        "warning",
        "text in another language than declared",
        "It mixes languages in one set, or was read with the wrong declaration.",
        "Delete the row, or declare its language in a column lang or with --lang.",
    ),
    FindingKind(
        "damaged-text",
        "warning",
        "text decoded with the wrong encoding",
        "Signs such as µ and β, and with them doses, are unreadable.",
        "Read the source again as UTF-8; sabila build repairs most of it.",
    ),
    FindingKind(
        "markup",
        "note",
        "HTML tags in a text",
        "A model would learn to write them.",
        "Remove the tags; sabila build does.",
    ),
    FindingKind(
        "equal-pair",
        "error",
        "preference pair with two equal answers",
        "There is no preference to learn, and trainers divide by a margin of 0.",
        "Delete the pair.",
    ),
    FindingKind(
        "personal-data",
        "warning",
        "personal data of a natural person",
        "It may not be shared, and a model can repeat it.",
        "Mask it (sabila build does) or delete the row. Names without a cue such as Dr or patient are not found here.",
    ),
    FindingKind(
        "secret",
        "error",
        "token, key or password",
        "Anyone who reads the set can use it.",
        "Revoke it first, then remove it.",
    ),
    FindingKind(
        "license-missing",
        "warning",
        "row without a licence",
        "Without permission it may be neither shared nor adapted.",
        "State the licence in a column license, or with --license for all rows.",
    ),
    FindingKind(
        "license-unrecognised",
        "warning",
        "licence that sabila does not know",
        "Its terms cannot be checked, so it is treated as the strictest.",
        "Write an SPDX id as in CC-BY-4.0; sabila licenses lists the known ones.",
    ),
    FindingKind(
        "license-conflict",
        "error",
        "licences that exclude each other in one row",
        "The row can be under no licence at all.",
        "Delete the row, or replace the part under one of the two.",
    ),
    FindingKind(
        "license-no-sharing",
        "warning",
        "licence that forbids sharing",
        "The row must not be published.",
        "Leave it out of what you publish (sabila build --license share).",
    ),
    FindingKind(
        "license-no-sale",
        "note",
        "licence that forbids commercial use",
        "The set and works derived from it must not be sold.",
        "Leave it out of commercial sets (sabila build --license commercial).",
    ),
)

_SETS = (
    FindingKind(
        "exact-duplicate",
        "warning",
        "row equal to an earlier one",
        "It counts twice in training, and may lie on both sides of a split.",
        "Delete it; sabila dedup does.",
    ),
    FindingKind(
        "near-duplicate",
        "warning",
        "row similar to an earlier one",
        "It counts almost twice in training, and may lie on both sides of a split.",
        "Delete it; sabila dedup does, and keeps the evidence.",
    ),
    FindingKind(
        "conflicting-gold",
        "error",
        "question with another right option elsewhere",
        "One of the two is wrong, and a model learns both.",
        "Look at both rows, and correct or delete one.",
    ),
    FindingKind(
        "gold-position-bias",
        "warning",
        "right option too often at one position",
        "A model can score by the position alone, and learns to.",
        "Shuffle the options of every question with a fixed seed.",
    ),
    FindingKind(
        "leak",
        "error",
        "row that contains an item of a benchmark",
        "Scores on that benchmark would be too high.",
        "Delete the row; sabila decontaminate does, and keeps the evidence.",
    ),
)

_TRAINING = (
    FindingKind(
        "template-refuses-row",
        "error",
        "row that the chat template cannot write",
        "Training would stop at it or skip it.",
        "Mend its turns (user and assistant by turns, the answer last), or give another chat template.",
    ),
    FindingKind(
        "no-supervised-token",
        "error",
        "row without a token to learn",
        "It costs time and teaches nothing.",
        "Delete the row, or fill in its answer.",
    ),
    FindingKind(
        "no-end-of-turn",
        "error",
        "answer that ends without an end-of-turn token",
        "A model trained on it never learns to stop.",
        "Give a chat template that writes the model's end-of-turn token after each answer.",
    ),
    FindingKind(
        "truncated-row",
        "warning",
        "row with more tokens than the limit",
        "Trainers cut it or leave it out: the end of the answer and its end-of-turn token are lost.",
        "Shorten or delete it, or raise the limit (--max-length here, sequence in sabila train).",
    ),
    FindingKind(
        "control-token-as-text",
        "warning",
        "control token spelt in a text",
        "Most trainers read it as the token itself, which ends or opens a turn in the middle of a text.",
        "Remove it; sabila train writes it as letters.",
    ),
)

KINDS: dict[str, FindingKind] = {kind.id: kind for kind in (*_FILES, *_ROWS, *_SETS, *_TRAINING)}
"""Every kind of finding by its id."""

ORDER = {severity: place for place, severity in enumerate(SEVERITIES)}
