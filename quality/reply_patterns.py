"""What questions and answers look like that cannot stay: a lost picture, a refusal, an error of a page."""

from __future__ import annotations

_SEEN = r"(?:image|picture|photo(?:graph)?|photomicrograph|micrograph|figure|diagram|illustration|exhibit)s?"
_TAKEN = (
    r"(?:(?:image|picture|photo(?:graph)?|photomicrograph|micrograph|figure|diagram|illustration|exhibit|radiograph|"
    r"x-?ray|scan|MRI|CT|ultrasound|sonogram|ECG|EKG|EEG|tracing|graph|chart|smear|slide|specimen|biopsy|film|"
    r"angiogram|"
    r"mammogram|karyotype|pedigree|curve)s?)"
)
_PLACE = r"(?:below|above|here|underneath|alongside)"
_HERE = (
    rf"{_PLACE}(?:\s*[.,;:?!)\n]|\s*$|\s+(?:is|are|was|shows?|what|which|who|how|identify|represents?|depicts?|"
    r"suggests?|indicates?|points?|belongs?)\b)"
)
_SHOWN = r"(?:shown|given|provided|depicted|displayed|attached|presented|reproduced)"

IMAGE_WORDS = (
    r"(?i)("
    rf"\b{_TAKEN} (?:\w+ ){{0,4}}?(?:is |are |as )?{_SHOWN} {_HERE}|"
    rf"\b{_TAKEN} {_HERE}|"
    rf"\b(?:{_SHOWN}|seen|marked|labell?ed|indicated|visible) (?:with \w+ |by \w+ |as \w+ |\w )?in (?:the |this )"
    rf"(?:\w+ )?{_SEEN}\b|"
    rf"\b(?:look at|examine|observe|study|identify|based on|see|refer(?:s|ring)? to|linked to|according to|given) "
    rf"(?:(?:\w+ ){{0,5}}(?:in|on|of) )?(?:the|this|these) (?:(?:following|given|above|below|attached|accompanying) )?"
    rf"{_SEEN}\b|"
    rf"\b(?:letter|structure|point|arrow|area|part|label|marker|instrument|organ|bone)s?\b[^.?\n]{{0,30}} (?:in|"
    rf"on) the "
    rf"(?:\w+ )?{_SEEN}\b|"
    rf"\b(?:arrow|label|marker|asterisk)s?\b[^.?\n]{{0,20}} (?:in|on) (?:the|this) {_TAKEN}\b|"
    rf"^(?:the|this|these) (?:(?:following|given|above) )?{_SEEN} (?:shows?|depicts?|represents?|illustrates?|"
    r"demonstrates?|is|are)\b|"
    r"\b(?:linked|related|vinculada|asociada) (?:to|with|a) (?:the |la )?(?:image|imagen)\b|"
    r"\b(?:en la|de la|la siguiente) (?:siguiente )?(?:imagen|figura|fotografía) (?:adjunta|siguiente|se|que se|"
    r"muestra|describe)\b|"
    r"\[figure: see text\])"
)
"""A question that points to a picture which is not there. A picture that the question describes itself is no sign.

It is written for Rust's regular expressions; the first group is what was seen.
"""

IMAGE_CUES = (
    "image,picture,photo,micrograph,figure,diagram,illustration,exhibit,imagen,figura,below,above, here,underneath,"
    "alongside,arrow,label,marker,asterisk"
).split(",")
"""What a question with such words holds at least, in whatever case."""

ONLY_AN_IMAGE = (
    r"(?i)^\W*(?:\[?figure: see text\]?|see (?:the )?(?:figure|image|picture)[^.]{0,20})\W*$|"
    rf"^(?:as )?(?:shown|seen|depicted|illustrated) in (?:the )?{_SEEN} (?:above|below)[^\n]{{0,200}}$"
)
"""An answer that is a caption, or points to a picture and says nothing else."""

_SORRY = r"(?:i(?:'|’)?m|i am) (?:so |very |really )?sorry|sorry|i apologi[sz]e|my apologies|unfortunately"
_AS_AI = r"as an? (?:ai|artificial intelligence|(?:large )?language model)[^.\n]{0,80}?"
REFUSAL = (
    rf"(?i)^(?:(?:{_SORRY}|{_AS_AI})(?:,|\.| for \w+ \w+\.)?\s*(?:but |however,? )?)*"
    r"i(?:(?:'|’)m| am)? ?(?:cannot|can(?:'|’)t|can not|could not|unable to|not able to|not allowed to|"
    r"not qualified to|"
    r"won(?:'|’)t|will not|must decline|do(?:n(?:'|’)t| not) have (?:enough|sufficient|"
    r"the) (?:\w+ )?(?:information|context))"
    r"(?: \w+){0,2}?(?: to)?(?: (?:answer|help|assist|provide|comply|fulfill?|respond|give|offer|discuss|diagnose|"
    r"create|"
    r"complete|advise|comment|say|engage|tell)\b|[.,]|$)"
)
"""How a reply begins that declines to be one."""

PAGE_ERROR = (
    r"(?i)^\W*(?:(?:http )?error:? \d{3}\b.{0,40}|\d{3} (?:not found|forbidden|bad gateway|error).{0,20}|"
    r"(?:the )?page (?:was )?not found|loading(?:,? please wait)?|please wait|access denied|"
    r"(?:please )?(?:sign|log) in to (?:view|continue|read).{0,30}|(?:please )?enable (?:javascript|cookies).{0,60}|"
    r"(?:null|undefined|none) ?(?:pointer|reference)? ?exception.{0,40}|lorem ipsum.*|(?:(?:asdf|qwer|zxcv|hjkl|"
    r"jkl)\w{0,6}\W*)+|"
    r"(?:insert |your )?(?:answer|response|text|output) (?:goes )?here)\W*$"
)
"""What a page or a form says in place of an answer."""
