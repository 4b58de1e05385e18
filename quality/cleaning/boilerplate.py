"""Lists of junk questions, junk answers and empty explanations.

The lists follow the kinds that Aloe's appendix names (arXiv 2505.04388); texts are compared after ``key``.
"""

from __future__ import annotations

JUNK_QUESTIONS = frozenset(
    (
        "noinput",
        "no input",
        "no abstract available",
        "no abstract",
        "no title available",
        "unknown",
        "none",
        "n a",
        "na",
        "null",
        "nan",
        "test",
        "figure see text",
        "table see text",
        "see text",
        "in process citation",
        "retracted",
        "withdrawn",
        "the publisher s notice",
        "publisher s note",
        "this article has been withdrawn",
        "question",
        "which of the following",
        "question not available",
        "question text not available",
        "no question",
    )
)

JUNK_ANSWERS = frozenset(
    (
        "conclusion",
        "conclusions",
        "conclusion s",
        "erratum",
        "errata",
        "corrigendum",
        "corrigenda",
        "n a",
        "null",
        "todo",
        "tbd",
        "deleted",
        "removed",
        "nan",
        "no answer",
        "no abstract available",
        "noinput",
        "nooutput",
        "see above",
        "see text",
        "to be updated",
    )
)

EMPTY_EXPLANATION = (
    r"(?i)^\W*(?:explanation\W*)?(?:(?:ans(?:wer)?|correct (?:answer|option))\W*(?:is|are|:|-)?\W*)?"
    r"(?:(?:option )?\(?[a-e]\b\)?(?:\W*(?:,|and|&)?\W*[a-e]\b)*|all(?: of the above| the above)?|"
    r"none(?: of the above)?|\(?[a-e]\)? i\W?e\W+(?:none|all)(?: of the above)?)?\W*$"
)
"""Explanations without content: "Ans. is 'a'", "Answer- DB, D, C, A", "All of the above"."""
