"""Words of organisations' names, so that their addresses and telephone numbers are not taken for a person's."""

ORGANISATION = (
    r"(?:foundation|association|institutes?|society|university|hospital|cent(?:er|re)s?|clinic|council|network"
    r"|alliance|department|office|school|federation|organi[sz]ation|library|agency|administration|partnership"
    r"|inc\.?|llc|coalition|program|services?|nih|building|clearinghouse|support group|project|fundaci[óo]n"
    r"|asociaci[óo]n|universidad|campus)"
)
