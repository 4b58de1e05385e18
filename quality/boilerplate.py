"""Text that says nothing: notices, sign-offs, junk questions and answers, empty explanations.

The junk lists follow the kinds that Aloe's appendix names (arXiv 2505.04388); they are compared after ``key``.
"""

from __future__ import annotations

BOILERPLATE: dict[str, str] = {
    # The paragraphs that GARD put around every table of symptoms; the table itself stays.
    "hpo_preface": r"The Human Phenotype Ontology provides the following list of signs and symptoms[^\n]{0,260}?"
    r"If the information is available, the table below[^\n]{0,240}?look up the definitions for these medical terms\.",
    "hpo_notice": r"The Human Phenotype Ontology \(HPO\) has collected information on how often[^\n]{0,900}?"
    r"the sign or symptom may be rare or common\.",
    "consult_online": r"(?i)for (?:more|further) (?:information|doubts?|queries)[^.\n]{0,60}"
    r"consult[^.\n]{0,80}online\s*(?:-+>|>+)",
    "not_medical_advice": r"(?i)this (?:information|content|answer) (?:is|should) "
    r"(?:not|in no way|neither)[^.\n]{0,60}substitute for[^.\n]{0,80}(?:advice|care|diagnosis|treatment)[^.\n]{0,60}\.",
    "as_a_model": r"(?i)as an? (?:AI|artificial intelligence)(?: language)? (?:model|assistant),? I[^.\n]{0,120}\.",
    "thanks_for_query": r"(?i)^(?:hi|hello|dear)?[,.! ]*(?:there[,.! ]*)?thank(?:s| you)[^.!\n]{0,25} for "
    r"(?:your (?:query|question)|(?:the|posting|asking)[^.!\n]{0,30}|"
    r"(?:choosing|writing|contacting)[^.!\n]{0,40})[.!,\s]+",
    "sign_off": r"(?i)\n\s*(?:(?:kind|best|warm) )?(?:regards|wishes|sincerely|cheers|take care)[,.! ]*"
    r"(?:\n?\s*dr\.? [\w .]{2,40})?\s*$",
    # What consulting services put at the end; whatever follows them is a greeting, too.
    "hope_this_helps": r"(?i)(?:i hope|hope) (?:this|that|it|i(?:'ve| have)|my answer)[^.!\n]{0,60}"
    r"(?:help|answer)[^.!\n]{0,60}[.!](?s:.{0,120})$",
    "further_questions": r"(?i)\b(?:if you have|should you have|feel free to ask|for) any "
    r"(?:further|other|more|additional) (?:questions?|queries|doubts?|concerns?)[^.!\n]{0,100}[.!](?s:.{0,60})$",
    "copyright": r"(?i)(?:copyright )?(?:©|\(c\)) ?(?:copyright )?\d{4}[^\n]{0,80}?(?:all rights reserved\.?|\.)\s*$",
}
"""Passages removed from a text, by name."""

HINTS: dict[str, str] = {
    "hope_this_helps": r"(?i)hope (?:this|that|it|i|my)",
    "further_questions": r"(?i)any (?:further|other|more|additional) ",
    "sign_off": r"(?i)\n\s*(?:kind|best|warm|regards|wishes|sincerely|cheers|take care)",
}
"""What texts with such a passage hold at least: patterns that end at the end of a text are slow to look for."""

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
        "none",
        "unremarkable",
        "unknown",
        "n a",
        "na",
        "null",
        "nan",
        "no answer",
        "no abstract available",
        "noinput",
        "nooutput",
        "see above",
        "see text",
        "not available",
        "to be updated",
        "no comment",
    )
)

EMPTY_EXPLANATION = (
    r"(?i)^\W*(?:explanation\W*)?(?:(?:ans(?:wer)?|correct (?:answer|option))\W*(?:is|are|:|-)?\W*)?"
    r"(?:(?:option )?\(?[a-e]\b\)?(?:\W*(?:,|and|&)?\W*[a-e]\b)*|all(?: of the above| the above)?|"
    r"none(?: of the above)?|\(?[a-e]\)? i\W?e\W+(?:none|all)(?: of the above)?)?\W*$"
)
"""A source's explanation that explains nothing: "Ans. is 'a'", "Answer- DB, D, C, A", "All of the above"."""
