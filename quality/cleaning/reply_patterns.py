"""Patterns of unusable questions and answers: missing pictures, refusals, page errors."""

from __future__ import annotations

import re

_SEEN = r"(?:image|picture|photo(?:graph)?|photomicrograph|micrograph|figure|diagram|illustration|exhibit|plate)s?"
_TAKEN = (
    r"(?:(?:image|picture|photo(?:graph)?|photomicrograph|micrograph|figure|diagram|illustration|exhibit|radiograph|"
    r"x-?ray|scan|MRI|CT|ultrasound|sonogram|ECG|EKG|EEG|tracing|graph|chart|smear|slide|specimen|biopsy|film|"
    r"angiogram|"
    r"mammogram|karyotype|karyogram|pedigree|curve|audiogram|spirogram|plate|"
    r"USG|CXR|CECT|NCCT|HRCT|KUB|MRCP|ERCP|HSG|HPE|histopath|(?:immunofluorescence )?microscopy|fundoscopy|"
    r"barium (?:swallow|meal|enema)|doppler)s?)"
)
_PLACE = r"(?:below|above|here|underneath|alongside)"
_HERE = (
    rf"{_PLACE}(?:\s*[.,;:?!)\n]|\s*$|\s+(?:is|are|was|shows?|what|which|who|how|identify|represents?|reveals?"
    rf"|demonstrates?|depicts?|"
    r"suggests?|indicates?|points?|belongs?)\b)"
)
_SHOWN = r"(?:shown|given|provided|depicted|displayed|attached|presented|reproduced)"
_OBJECT = (
    r"(?:instrument|device|lesion|rash|structure|organism|parasite|cell|sign|deformity|abnormality|procedure|"
    r"spirogram|audiogram|histology)s?"
)

_POINTING = (
    r"(?i)("
    rf"\b{_TAKEN},? \(?(?:\w+[,)]? ){{0,4}}?(?:is |are |as )*{_SHOWN} (?:as )?{_HERE}|"
    rf"\bthe given below (?:is\b|(?:\w+ ){{0,2}}?(?:{_TAKEN}|{_OBJECT})\b)|"
    rf"\b{_TAKEN} {_HERE}|"
    rf"\b(?:{_SHOWN}|seen|marked|labell?ed|indicated|visible) (?:with \w+ |by \w+ |as \w+ |\w )?in (?:the |this )"
    rf"(?:\w+ )?{_SEEN}\b|"
    rf"\b(?:look at|examine|observe|study|identify|based on|see|refer(?:s|ring)? to|linked to|according to|given) "
    rf"(?:(?:\w+ ){{0,5}}(?:in|on|of) )?(?:the|this|these) (?:(?:following|given|above|below|attached|accompanying) )?"
    rf"{_SEEN}\b)",
    rf"(?i)(\b(?:letter|structure|point|arrow|area|part|label|marker|instrument|organ|bone)s?\b[^.?\n]{{0,30}} (?:in|"
    rf"on) the "
    rf"(?:\w+ )?{_SEEN}\b|"
    rf"\b(?:arrow|label|marker|asterisk)s?\b[^.?\n]{{0,20}} (?:in|on) (?:the|this) {_TAKEN}\b|"
    rf"^(?:the|this|these) (?:(?:following|given|above) )?{_SEEN} (?:shows?|depicts?|represents?|illustrates?|"
    r"demonstrates?|is|are)\b|"
    r"\b(?:linked|related|vinculada|asociada) (?:to|with|a) (?:the |la )?(?:image|imagen)\b|"
    r"\b(?:en la|de la|la siguiente) (?:siguiente )?(?:imagen|figura|fotografía) (?:adjunta|siguiente|se|que se|"
    r"muestra|describe)\b|"
    r"\[figure: see text\])",
    rf"(?i)(\b(?:what|which|identify|interpret|describe|diagnose|name|read|report|qué|cuál|identifique|interprete)\b"
    rf"[^.\n]{{0,60}} (?:this|the (?:following|above|attached|accompanying|displayed)|esta?|la siguiente) "
    rf"(?:(?:chest|abdominal|head|brain|skin|blood|pelvic|12-lead) )?(?:{_TAKEN}|electrocardiograma|radiografía"
    rf"|imagen|figura|ecografía|fotografía|gráfic[oa])"
    rf"(?: (?:strip|tracing|image|film|show|shows|reveal|suggest|demonstrate|mean|indicate|muestra"
    rf"|adjunt[oa]))*\s*[?.]|"
    rf"\b(?:in|on|from|see|per|using) (?:the )?(?:{_SEEN}|fig\.|panel|plate|photo) ?(?:[A-H]|\d{{1,2}})\b(?:\W|$)|"
    rf"\b{_TAKEN} (?:[A-H]|\d) (?:shows?|depicts?|represents?|is)\b|"
    rf"\b(?:shown|pictured|depicted|illustrated|displayed) (?:below|above|here)\s*\?\s*$|\bpictured\b[^.\n]{{0,20}}\?|"
    rf"\b(?:attached|accompanying|enclosed) {_TAKEN}\b|"
    rf"\b(?:in|on) the (?:figure|diagram|illustration|photograph)\b)",
    r"(?i)(\b(?:in|on) (?:the|this) (?:photo|image|picture|tracing)\b"
    r"(?:\W|$| (?:is|are|shows?|points?|marks?|was|were)\b)|"
    rf"\bthe (?:\w+ )?{_TAKEN}(?: of (?:this|the) \w+)? (?:shows?|demonstrates?|depicts?|represents?|suggests?) "
    rf"(?:which|what)\b|"
    r"\bwhat (?:does|do|is|are) the arrows? (?:point|indicate|show|mark)\w*|\bwhich (?:number|letter|arrow) (?:mark|"
    r"indicate|point|show|label|represent)s?\b|"
    r"\b(?:structure|organ|area|part|cell|vessel|nerve|bone|layer|muscle)s? (?:labell?ed|marked|lettered|numbered)"
    r" (?:as )?"
    r"(?:[A-Z]|\d)\b|^what is (?:structure|organ|point|area|label|part|letter|number) (?:[A-Z]|\d)\s*\?|"
    r"\b(?:represented|indicated|shown|marked) (?:by|in|with) (?:the )?(?:dotted|dashed|red|blue|green|yellow|black)\b|"
    r"^(?:name|identify) (?:the|this) (?:instrument|device|organism|specimen|lesion|sign|structure)\s*[.?:]?\s*$|"
    r"^spot (?:the )?diagnosis\b|\bseen here\b|"
    r"\bthis (?:\w+ )?(?:slide|photo(?:graph)?|photomicrograph|picture|image) (?:is|was|shows?|comes?|belongs?)\b)",
    rf"(?i)(\((?:please )?(?:see|refer to) (?:the |attached |accompanying )*{_SEEN}\b|"
    rf"\((?:see )?(?:figure|fig\.?|image|photo|panel|plate|exhibit) ?(?:[A-H]|\d{{1,2}})\)|"
    rf"\b(?:{_TAKEN}|histology|histopathology|audiogram|spirogram|fundus)\b[^.?\n]{{0,50}} (?:is|are|was|were) "
    rf"(?:(?:{_SHOWN}|pictured|as follows)(?: in)?(?: here| below| above)?\s*[.?]|shown(?: as)? below,|"
    rf"(?:shown|pictured|displayed|depicted|attached)\s*:)|"
    rf"\b(?:the|this|his|her|these|following) (?:{_TAKEN}|{_OBJECT})(?: of [^.?\n]{{1,40}})? (?:{_SHOWN}|pictured)"
    rf"(?: here| below| above)?(?:\s*[?.,;]|\s*$|\s+(?:is|are|has|was|were|belongs?|represents?|shows?)\b)|"
    rf"(?:^|[.?!,:;] |\n)the following {_TAKEN} (?:shows?|depicts?|represents?|reveals?|is|was)\b)",
    rf"(?i)(\b(?:refer to|look at|examine|observe|study|see) (?:the|this) {_TAKEN}\s*(?:[.,;:?]|$|and\b)|"
    rf"\b(?:sign|finding|abnormality|lesion|structure|organism|device)s? (?:shown|seen|visible|depicted) (?:in|on) "
    rf"th(?:is|ese) {_TAKEN}\b|"
    rf"^(?:identify|name|label|state) the (?:marked|labell?ed|indicated|highlighted|circled|numbered) \w+|"
    rf"\bwhich of the (?:labell?ed|marked|numbered|lettered|circled|highlighted)\b|"
    rf"\b(?:point|label|letter|arrow|line|curve|segment) [A-Z\d]\b[^.?\n]{{0,20}} (?:on|in) (?:the|this) "
    rf"(?:{_TAKEN}|spirogram|loop|audiogram)\b|"
    r"\b(?:imagen|figura|radiografía|fotografía|ecografía|electrocardiograma|gráfico) que se (?:muestra|adjunta"
    r"|presenta|observa|aporta)\b|"
    r"\b(?:visible|montrée?|présentée?) (?:sur|dans) (?:le cliché|la radiographie|l[’']image|la figure|la photo)\b|"
    r"\b(?:marked|indicated|shown|pointed|highlighted|labell?ed) (?:to )?(?:with|by) (?:the |an |a \w+ )?arrow)",
    r"(?i)(\b(?:(?:según|observe|vea|mire|identifique(?: en)?) (?:la|el|esta?|las?) (?:siguiente )?(?:imagen|figura"
    r"|fotografía"
    r"|radiografía|gráfic[oa]|esquema|diagrama|foto)|en (?:la|esta) (?:siguiente )?(?:imagen|figura|fotografía))\b"
    r"[^.\n]{0,40}[?¿:.,]|"
    r"\b(?:imagen|figura|radiografía|fotografía|foto|gráfico) (?:adjunt|mostrad|siguient|inferior|superior)\w*|"
    r"\b(?:dans|sur|selon|d’après|d'après) (?:l[’']image|la figure|la photo|le schéma|la radiographie)\b|"
    r"\b(?:in der|laut|auf (?:dem|der)) (?:abbildung|bild|foto|röntgenbild|grafik|skizze)\b|"
    r"\b(?:na|nesta|segundo a) (?:figura|imagem|radiografia|fotografia)\b|"
    r"\b(?:nella|in questa|secondo la) (?:figura|immagine|radiografia|foto|fotografia)\b)",
)
IMAGE_WORDS = tuple(map(re.compile, _POINTING))
"""Questions that point to a missing picture; the first group is the pointing words.

A picture that the question itself describes does not match.
"""

IMAGE_CUES = (
    "image,picture,photo,micrograph,figure,diagram,illustration,exhibit,figura,below,above, here,underneath,alongside,"
    "arrow,label,marker,asterisk,fig.,panel ,attached,accompanying,enclosed,this ecg,this ekg,this eeg,this ct,"
    "this mri,this scan,this x,this chest,this radio,this slide,this smear,this film,this graph,this chart,this ultra,"
    "following ecg,following ekg,following x,following radio,following scan,which number,which letter,structure ,"
    "dotted,dashed,in red,in blue,in green,in yellow,name the,name this,identify,spot ,this histolog,(see,shows which,"
    "shows what,demonstrates which,demonstrates what,depicts,suggests which,represents which, marked ,tracing,shown,"
    "displayed,reproduced,depicted,as follows,is provided,are provided,is presented,are presented,the marked,"
    "the indicated,the numbered,the circled,the highlighted,the lettered,(fig,refer to the,look at the,examine the,"
    "observe the,study the,see the,point ,que se muestra,que se adjunta,que se presenta,que se observa,que se aporta,"
    "cliché,radiograf,fotograf, foto,gráfic,esquema,electrocardiograma,ecograf,schéma,abbildung,röntgenbild,skizze,"
    "immagine,following slide,following specimen,following biopsy,following smear,following film,following graph,"
    "following chart,following ct,following angiogram,following mammogram,following karyotype,following pedigree,"
    "following mri,following ultrasound,following sonogram,following curve,following audiogram,following spirogram"
).split(",")
"""Words of which every such question contains one, in any case."""

ONLY_AN_IMAGE = re.compile(
    r"(?i)^\W*(?:\[?figure: see text\]?|see (?:the )?(?:figure|image|picture)[^.]{0,20})\W*$|"
    rf"^(?:as )?(?:shown|seen|depicted|illustrated) in (?:the )?{_SEEN} (?:above|below)[^\n]{{0,200}}$"
)
"""An answer that is only a caption or a pointer to a picture."""

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
"""The start of a reply that declines to answer."""

_ANSWERED = r"(?:answer|help|assist|provide|comply|respond|give|discuss|diagnose|advise|say|tell|determine|find|offer)"
NO_REPLY = re.compile(
    r"(?i)^\W*(?:(?:(?:i(?:'|’)?m|i am) (?:so |very |really )?sorry|sorry|i apologi[sz]e|unfortunately|well|hmm"
    r"|honestly)\W+"
    r"(?:but )?)?(?:"
    r"(?:i )?(?:really |honestly |simply )?(?:do not|don(?:'|’)?t|did not) know(?: (?:the answer|that|this|it"
    r"|about this|enough"
    r"|how to answer)[^.\n]{0,40})?|idk|dunno|no (?:idea|clue)|(?:i have |i(?:'|’)ve )no (?:idea|clue|information"
    r"|answer)[^.\n]{0,40}|"
    r"(?:i(?:'|’)m|i am) (?:not (?:sure|certain|a doctor|allowed|permitted|comfortable)|afraid i (?:can(?:'|’)?t"
    r"|cannot)|"
    r"only an? (?:ai|language model|assistant))[^.,\n]{0,60}|"
    rf"(?:unable|not able) to {_ANSWERED}[^.\n]{{0,60}}|i(?:(?:'|’)d| would) (?:rather|prefer) not[^.\n]{{0,60}}|"
    rf"i(?: must| have to|(?:'|’)ll have to)? (?:decline|refuse)[^.\n]{{0,60}}|(?:this|that|your|the) (?:question"
    rf"|request|query)"
    r" (?:cannot|can(?:'|’)t|can not|could not) be (?:answered|fulfilled|completed|processed)[^.\n]{0,60}|"
    rf"it is not (?:possible|appropriate)(?: for me)? to {_ANSWERED}[^.\n]{{0,60}}|"
    rf"(?:my guidelines|my policy|openai(?:'|’)s policy)[^.\n]{{0,80}}|as an? (?:ai|artificial intelligence"
    rf"|(?:large )?language"
    r" model)[^.\n]{0,40},? i (?:can(?:'|’)?t|cannot|can not|do not|don(?:'|’)t|am not|am unable|must)[^.\n]{0,100}|"
    r"(?:lo siento|lo lamento|disculp[ae]|perdón)\W+(?:pero )?no (?:puedo|sé|me es posible|estoy)[^.\n]{0,100}|"
    r"(?:como (?:una? )?(?:modelo|inteligencia|asistente|ia)[^.\n]{0,60},? )?no (?:me es posible|puedo"
    r"|estoy autorizad[oa] a)"
    r" (?:responder|contestar|ayudar|proporcionar|ofrecer|dar|atender|diagnosticar|cumplir)[^.\n]{0,80}|"
    r"no (?:lo )?sé|no sabría decir\w*[^.\n]{0,30}|desconozco la respuesta|no (?:tengo"
    r"|dispongo de) (?:suficiente )?información"
    r"[^.\n]{0,60}|"
    r"(?:(?:je suis )?désolée?|pardon|en tant qu[’'](?:ia|assistant|une ia)[^.\n]{0,40})\W+(?:mais )?je ne (?:peux"
    r"|sais|suis)"
    r"[^.\n]{0,90}|je ne (?:peux|puis) pas (?:répondre|aider|vous aider|fournir|donner)[^.\n]{0,80}|je ne sais pas|"
    r"(?:(?:es )?tut mir leid|entschuldigung|leider)\W+(?:aber )?(?:ich kann|kann ich"
    r"|darf ich)[^.\n]{0,90} nicht[^.\n]{0,60}|"
    r"ich kann (?:diese|ihre|ihnen|dabei|dir)[^.\n]{0,60}(?:nicht|keine)[^.\n]{0,60}|"
    r"(?:das )?weiß ich nicht|ich weiß (?:es )?nicht|"
    r"(?:desculpe|lamento|sinto muito|infelizmente)\W+(?:mas )?não (?:posso|sei|consigo)[^.\n]{0,90}|"
    r"não (?:posso|consigo) (?:responder|ajudar|fornecer|dar)[^.\n]{0,80}|(?:eu )?não sei|"
    r"(?:mi dispiace|spiacente|scusa|purtroppo)\W+(?:ma )?non (?:posso|so|sono)[^.\n]{0,90}|"
    r"non posso (?:rispondere|aiutar\w*|fornire|dare)[^.\n]{0,80}|non (?:lo )?so"
    r")\W*(?:(?:please |por favor,? |bitte )?(?:consult|see|ask|contact|consulte|acuda|wenden)[^.\n]{0,80})?\W*$"
)
"""A whole reply that declines or states that it does not know."""

_NOT = (
    r"(?:cannot|can not|can't|could not|couldn't|won't|will not|unable|not able|not in a position|decline|refuse|"
    r"refrain|regret|rather not|prefer not|not something|do not feel|don't feel|do not think|don't think|"
    r"not (?:comfortable|qualified|allowed|permitted|authori[sz]ed|equipped|trained|programmed|appropriate|possible)|"
    r"inappropriate|irresponsible|unethical|against (?:my|our)|nobody|no one|beyond|outside)"
)
DECLINES = re.compile(
    rf"\b{_NOT}\b.*\b(?:answer\w*|help\w*|assist\w*|advi[cs]e|advising|comment|respond|response|reply|"
    r"provide|give|offer|discuss|say|tell|speculate|recommendations?|question|query|request|area|expertise|scope|"
    r"policy)\b|\b(?:beyond|outside) what (?:i|we)\b|"
    r"\b(?:no|not enough|not have (?:enough|the|any)|insufficient|lack(?:s|ing)?|(?:need|requires?) (?:more|further)) "
    r"(?:\w+ )?(?:information|knowledge|details?|context|data|expertise)\b"
)
"""Declining phrases, in lower case; every word is in ``DECLINING``."""

PLACEHOLDER = re.compile(
    r"(?i)^\W*(?:n\.? ?[/\\] ?a\.?|n\.a\.|t\.?b\.?[adc]\.?|to ?do|fix ?me|x{3,}|blah(?:\W+blah)*|(?:foo|bar"
    r"|baz)(?:\W+(?:foo|bar|baz))*|"
    r"#(?:n/a|ref|value|name|div/0|null|num)[!?]?|null|undefined|nan|\[?object object\]?|string|placeholder|"
    r"(?:this is (?:a |just a )?)?test(?:ing)?(?: (?:answer|message|text|entry|row|record|response|reply|data|\d+))*|"
    r"(?:sample|dummy|default|example) (?:text|answer|response|output)|"
    r"(?:please )?(?:see|refer to|check|as)(?: the)? (?:above|below|attached|previous|text|next|reference|link"
    r"|question|website|page|explanation"
    r"|comments?|image)(?: (?:answer|page|post|text|question|file|explanation|document|reply|comment))?"
    r"|same as (?:above|before|previous)"
    r"|ditto|idem|ibid|"
    r"(?:not|no longer) (?:available|provided|specified|found)|no (?:data|content|text|response|output|answer"
    r"|description"
    r"|explanation|result|comment)s?(?: (?:available|provided|given|yet|found|here))*|"
    r"(?:the )?(?:answer|response|text|content|output|explanation) (?:is )?(?:not (?:available|provided|found|given)"
    r"|unavailable|missing|pending|here"
    r"|goes here|to follow|coming soon)|unanswered|coming soon|to be (?:added|completed|determined|announced|continued"
    r"|defined|done|filled(?: in)?|updated|written|confirmed)|"
    r"(?:your |enter |insert |type |write |add )+(?:the |an )?(?:answer|response|text|output)(?: here| goes here)?"
    r"|fill (?:this )?in(?: later)?|"
    r"(?:the )?(?:correct |final |right |best )?(?:answer|response|output|solution|explanation|respuesta|réponse"
    r"|antwort|resposta|risposta)"
    r"(?: is| es)?|"
    r"(?:sure|certainly|of course|okay|ok)\W+(?:here|below)(?:(?:'|’)s| is| are)[^.\n]{0,60}|"
    r"(?:read|show|view|see|load|learn) (?:more|full (?:answer|text))|continue reading[^.\n]{0,20}|click (?:here"
    r"|below)[^.\n]{0,40}"
    r"|(?:subscribe|register|upgrade) to (?:read|view|continue|see|unlock)[^.\n]{0,40}|"
    r"(?:this )?(?:answer|post|comment|content|page|message|reply|user|account)?,? ?(?:has been |was "
    r"|is )?(?:deleted|removed|redacted|hidden"
    r"|no longer available|unavailable)(?: by (?:the )?(?:moderators?|user|author|admin))?|"
    r"(?:truncated|cut off|continued|to be continued|snip(?:ped)?|omitted|output truncated|end of (?:text|file"
    r"|answer))|blank|empty|"
    r"(?:<?/?\|?(?:unk|pad|eos|bos|s|endoftext|im_end|im_start|eot_id|mask|sep|cls)\|?>?\W*)+|"
    r"ver (?:arriba|abajo|texto|más|figura|acima|abaixo|anterior)|véase[^.\n]{0,30}|sin (?:respuesta|datos"
    r"|contenido)|no hay (?:respuesta|datos)"
    r"|respuesta no disponible|por (?:determinar|completar|definir)|página no encontrada|esto es una prueba|"
    r"voir (?:ci-dessus|plus haut|texte)|page (?:non trouvée|introuvable)|pas de réponse|à compléter|"
    r"siehe (?:oben|unten|text)|keine (?:antwort|angabe)|seite nicht gefunden|sem resposta|página não encontrada|"
    r"vedi (?:sopra|sotto|testo)|nessuna risposta|pagina non trovata)\W*$|"
    r"^(?:</?[a-z]{1,8}\d?(?: [a-z-]+=[^<>\n]{1,60})?/?>|&(?:[a-z]{2,8}|#\d{2,5});|\s)+$"
)
"""Text of an empty cell."""

MASHED = (
    r"^\W*(?:[sdfghjklñ]{5,}|(?:asdf|sdfg|dfgh|fghj|ghjk|hjkl|jkl|qwer|wert|zxcv|xcvb|poiu|lkj|fdsa|aoeu)[a-z]{0,8}"
    r"|[bcdfghjklmnpqrstvwxz]{7,})"
    r"(?:\W+(?:[sdfghjklñ]{3,}|(?:asd|sdf|dfg|fgh|ghj|hjk|jkl|qwe|wer|zxc|xcv)[a-z]{0,8}"
    r"|[bcdfghjklmnpqrstvwxz]{4,}))*\W*$"
)
"""Keys pressed at random, in lower case."""

EMPTY_QUESTION = re.compile(
    r"(?i)^\W*(?:(?:(?:the )?(?:question|questions|q|item|query|prompt|input|problem|exercise|mcq|pregunta|frage"
    r"|domanda|pergunta|quesito)"
    r"(?: (?:text|title|stem|body|here|goes here|no|number|número|n))?\W*\d{0,4})|[a-h]|\d{1,5}(?:\.\d{1,3})?"
    r"|(?:option|opción|choice) [a-h\d]|"
    r"(?:question|pregunta|text|title|body|stem|content)?(?: (?:is|was))? ?(?:not (?:available|provided|found)"
    r"|missing|deleted|removed"
    r"|unavailable|no disponible)|untitled|no (?:question|title|subject|text)(?: (?:available|provided|given))?"
    r"|n[/.]?a\.?|tbd|null|undefined|nan"
    r"|blank|empty|test(?:ing)?(?: (?:question|\d+))?|lorem ipsum[^\n]*|(?:insert|enter|type|your) (?:your |the "
    r"|a )?question(?: here)?|"
    r"(?:¿ ?)?(?:which|cuál|what|cuáles)(?: (?:one|of the following|of these|de las siguientes|de los siguientes))?|"
    r"(?:please )?(?:answer|respond)(?: (?:the|this|to the)(?: following)? questions?)?)\W*$"
)
"""A question without content: a label, a number, an option letter, the text of an empty field."""

ASKS_TO_REPEAT = (
    r"(?i)\b(?:repeat\w*|sequence|times|song|lyrics?|chant|mantra|pattern|poem|rhyme|verse|translate|codons?|amino"
    r"|nucleotides?|peptides?|DNA|RNA|tandem|complement\w*|diary|schedule|drill"
    r"|refrain|copies|repita|repite"
    r"|veces|canción|secuencia|poema)\b"
)
"""Questions whose answer may repeat one thing many times."""

PAGE_ERROR = (
    r"(?i)^\W*(?:(?:http )?error:? \d{3}\b.{0,40}|\d{3}:? (?:not found|forbidden|unauthorized|bad (?:gateway"
    r"|request)|error|internal server error|service unavailable|gateway time-?out).{0,20}|"
    r"(?:the )?page (?:was |you (?:requested|are looking for) (?:was |could )?)?not (?:be )?found.{0,40}"
    r"|loading(?:,? please wait)?|please wait|access denied.{0,40}|(?:internal )?server error.{0,30}|bad (?:request"
    r"|gateway)|(?:gateway|request|connection|session) (?:timed? ?out|refused|reset|expired).{0,40}"
    r"|(?:an )?(?:unknown |unexpected )?error (?:has )?occurr?ed.{0,60}|(?:oops\W+)?something went wrong.{0,60}"
    r"|oops\W.{0,40}|(?:the )?service (?:is )?(?:temporarily )?unavailable.{0,30}|too many requests.{0,30}"
    r"|rate limit.{0,40}|(?:please )?verify (?:that )?you are (?:a )?human.{0,20}|traceback \(most recent.*"
    r"|\w+(?:Error|Exception):.{0,80}|segmentation fault.*|"
    r"(?:please )?(?:sign|log) in to (?:view|continue|read).{0,30}|(?:please )?enable (?:javascript|cookies).{0,60}|"
    r"(?:null|undefined|none) ?(?:pointer|reference)? ?exception.{0,40}|lorem ipsum.*|(?:(?:asdf|qwer|zxcv|hjkl|"
    r"jkl)\w{0,6}\W*)+|"
    r"(?:insert |your )?(?:answer|response|text|output) (?:goes )?here)\W*$"
)
"""Error text of a page or form in place of an answer."""
BROKEN_ANSWER = re.compile(f"{PAGE_ERROR}|{MASHED}")
"""A page error, or keys pressed at random."""
