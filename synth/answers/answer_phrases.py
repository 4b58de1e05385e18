"""Phrases that state an answer, by language: patterns for text in lower case without accents.

Every language is read together with English, in which models answer questions of any language.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache

NEVER = r"(?!)"
"""The pattern for phrases that a language does not have."""


@dataclass(frozen=True, kw_only=True)
class Words:
    """Patterns of one language, each an alternation without outer brackets.

    Of explicit answers:

    - ``head``: before the colon of an answer line; ``subject``: the name of the answer in a sentence
    - ``is_``, ``is_not``, ``may_be``: join subject and answer; ``would_be``: the same, also in a hypothesis
    - ``inverted``: a verb before its subject; ``choose``: a choice in the first person
    - ``named``: after the answer, "is the right option"; ``held``: after it, "is right"; ``right_is``: that before it
    - ``it_is``: "it is B" of something mentioned before, or "that leaves B"
    - ``filler``: between verb and answer; ``article``: before an option's text
    - ``and_``, ``or_``, ``either``: join several options; ``not_``, ``but``, ``wrong``: reject one
    - ``goes_on``: after an answer in its sentence; ``with_``: after a letter only
    - ``if_``, ``setting``: open a hypothesis; ``when``: adds a condition; ``others``: the opinion of others
    - ``so``: a conclusion; ``namely``: the same in other words; ``that``: opens a clause that can be denied or affirmed
    - ``qualified``: before an answer, makes it another one; ``retract``: takes an answer back

    Of implicit answers:

    - ``points``: before the option that findings point to or a patient needs; ``fits``: after it
    - ``unsure``: before either, makes it no answer; ``because``, ``here``: after an answer, add no condition
    - ``contrast``: reverses a text; ``less``, ``shunned``: reject another option
    - ``verdict``: heads a line that decides; ``right``: judges one option of a list
    - ``also``: adds an answer to another one; ``farewell``: last words to the reader
    """

    head: str = NEVER
    subject: str = NEVER
    is_: str = NEVER
    is_not: str = NEVER
    may_be: str = NEVER
    would_be: str = NEVER
    inverted: str = NEVER
    choose: str = NEVER
    named: str = NEVER
    held: str = NEVER
    right_is: str = NEVER
    it_is: str = NEVER
    article: str = NEVER
    filler: str = NEVER
    and_: str = NEVER
    or_: str = NEVER
    either: str = NEVER
    not_: str = NEVER
    but: str = NEVER
    wrong: str = NEVER
    goes_on: str = NEVER
    with_: str = NEVER
    if_: str = NEVER
    setting: str = NEVER
    when: str = NEVER
    others: str = NEVER
    so: str = NEVER
    namely: str = NEVER
    that: str = NEVER
    qualified: str = NEVER
    retract: str = NEVER
    points: str = NEVER
    fits: str = NEVER
    unsure: str = NEVER
    because: str = NEVER
    here: str = NEVER
    contrast: str = NEVER
    less: str = NEVER
    shunned: str = NEVER
    verdict: str = NEVER
    right: str = NEVER
    also: str = NEVER
    farewell: str = NEVER
    yes: str = NEVER
    no: str = NEVER
    maybe: str = NEVER


ENGLISH = Words(
    head=r"(?:(?:the|my|our|so|thus|hence|therefore|final|correct|right|best|single|short|most likely),? )*"
    r"(?:answers?|ans\b|solutions?|(?<=final )(?:choice|decision)|(?<=correct )(?:option|choice)s?"
    r"|(?<=best )(?:option|choice))"
    r"(?: (?:choice|letter|option))?(?: *\(s\))?",
    subject=r"answers?|ans|solution|(?:my|final|chosen|selected) (?:choice|pick|selection|option)"
    r"|(?:correct|right|best|true|accurate|valid|proper|(?:most|more) \w+|only \w+)(?: \w+)? "
    r"(?:options?|choices?|alternatives?|statements?|responses?)"
    r"|(?:option|choice|alternative) that [\w' -]{3,60}?",
    is_=r"is|are|was|were|must be|should be|has to be|have to be|will be|remains?|can only be|equals|becomes"
    r"|changes to|comes down to|turns out to be|(?:seems|appears|looks) (?:to be|like)",
    is_not=r"(?:is|are|was|were|must|would|should|will|do|does)(?: not|n't)(?: be)?|can(?:not| not|'t|t) be"
    r"|(?:is|are) never|(?:is|are) neither",
    may_be=r"(?:could|might|may|can)(?: (?:also|well|possibly))? be",
    would_be=r"would (?:then )?be",
    choose=r"(?:i|we)(?:'d|'ll|'m| am| will| would| must| can| shall| should| have to)*"
    r"(?: therefore| thus| hence| finally| now| still| ultimately)* (?:go(?:ing)? (?:with|for)|choose|chose"
    r"|pick|picked|select|selected"
    r"|opt(?:ed|ing)? for|answer|vote(?: for)?|take|meant?"
    r"|settle (?:on|for)|say|conclude)(?: that)?(?: it(?:'s| is))?"
    r"|i (?:think|believe)(?: that)? it(?:'s| is)|let'?s (?:go with|pick|choose|select|take)|^[^\w\n]*going with"
    r"|(?:(?<=[.!?:;] )|^[^\w\n]*)(?:(?:so|thus|therefore|hence|then|please),? )*(?:choose|pick|select|mark|tick"
    r"|circle|opt for|go (?:with|for))",
    named=r"(?:is|are|as|was|(?:seems|appears|looks)(?: to be)?|must be|should be|has to be|remains?"
    r"|would be)(?: (?:\w+ly|thus|indeed|then|hence))*"
    r" (?:(?:the|an?|my|our) )?(?:(?:single|only|most) )*"
    r"(?:(?:correct|right|best|true|appropriate|proper|suitable|accurate|likely|probable)(?: and \w+)?(?: \w+)?"
    r" (?:answers?|options?|choices?|ones?|response)"
    r"|(?<=the )(?:answers?|solution)|(?<=my )(?:answers?|choice|pick))",
    held=r"(?:is|are|must be|has to be)(?: (?:\w+ly|thus|indeed|then|hence|both|all))*(?: the)?"
    r" (?:correct|right|best|true)"
    r"(?! (?:that|in|about|to|only|if|but|for|when|(?:\w+ )?(?:answers?|options?|choices?|ones?)))"
    r"|is the only (?:one|option|choice|answer)\b"
    r"|(?:is )?the (?:most (?:likely|probable|appropriate|suitable)|best|preferred)(?: [\w'-]+){1,3}"
    r"|(?:applies|fits)(?: best)?(?=\s*[.,;:]|\s*$)",
    right_is=r"(?:correct|right) (?:is|are)",
    it_is=r"\b(?:it|this|that)(?:'s| is| would be| must be| has to be| can only be)|\b(?:leaves|leaving"
    r"|left with)(?: us)?(?: with)?|\bwhat (?:is left|remains) is",
    article=r"an?",
    filler=r"option|options|choice|choices|letter|answer|number|statement|the|clearly|therefore|thus|hence|then|so"
    r"|indeed|definitely|certainly|obviously|surely|probably|likely|most likely|only|just|that|simply|both|all|of"
    r"|in fact|actually|really|in this case|no\.",
    and_=r"and|as well as|plus",
    or_=r"or(?: (?:maybe|perhaps|possibly|even))?|versus|vs\.?",
    either=r"either|between|one of|any of|somewhere",
    not_=r"not|never|against|neither|nor|none|no|without|exclude[sd]?|rules? out|ruled out|doubt|unlikely|hardly|n't"
    r"|unlike|than|opposed",
    but=r"but rather|but|rather|instead",
    wrong=r"wrong|incorrect\w*|false|excluded|ruled out",
    goes_on=r"because|since|as|which|that|given|in|for|from|here|due|based|although|though|but|not|rather|over|instead"
    r"|according|and|while|whereas|by|on|at|so|then|if|when|unless|however",
    with_=r"with|together with",
    if_=r"if|unless|suppose|supposing|assuming|had (?:the|he|she|it|they)|were (?:the|he|she|it|they)",
    when=r"(?:but )?(?:only )?(?:if|when|unless|in case|provided)|to (?:an?|another) |only (?:in|for|with)",
    setting=r"(?:in|for|with|without|during|after|among) (?:an?|the|children|adults|men|women|patients|pregnan\w+)\b",
    others=r"(?:some|many|most|few|students?|people|others?|one|someone|textbooks?|readers?|candidates?|reader"
    r"|colleagues?"
    r"|you)\b[^.\n]{0,40}\b(?:say|says|think|thinks|argue|argues|assume|believe|believes|choose|pick|picks|claim|claims"
    r"|answer|answers|expect|suggest)|for example"
    r"|according to (?:some|others|many|my|his|her)|(?:previous|last|different) question|tempting|at first"
    r"|first (?:thought|impression)|mistaken\w*|wrongly|incorrectly"
    r"|common mistake|trap|format|form of|the form|must read|instruct\w*",
    so=r"so|thus|hence|therefore|ergo|by (?:elimination|exclusion)"
    r"|on (?:second thoughts?|reflection)|consequently|in conclusion|in summary|in short|to sum up|overall|accordingly"
    r"|all in all",
    namely=r"which is|that is|i\.e\.|namely|gives",
    that=r"that",
    qualified=r"wrong|incorrect|false|worst|bad|previous|earlier|former|other|another|examples?|sample|possible"
    r"|plausible"
    r"|acceptable|tempting|initial|(?:previous|last|different) question|(?!question|let)\w+'s",
    retract=r"(?:wait|hold on)(?=\s*[,.!:;…—–-]|\s*$|\s+(?:no|but|actually|i|that|this|maybe|let|a minute|a moment)\b)"
    r"|scratch that|on second thoughts?"
    r"|let me (?:re-?(?:\w*check|\w*consider|think|read|do|\w*evaluate|\w*calculate|examine|assess|start|visit|view)"
    r"|check|start|think)|i (?:was|am) wrong"
    r"|i (?:have )?(?:made|misread)|that(?:'s| is| was| can(?:not|'t)|can't) *(?:be |not )?(?:wrong|right|a mistake"
    r"|incorrect|correct)|actually,? no\b|correction(?=\s*[:.,!]|\s*$)|(?:the|this|that|my) (?:answer|choice|option)"
    r"(?: is| was|'s) (?:wrong|incorrect|not (?:right|correct))|i(?:'m| am) (?:not|no longer) (?:so )?(?:sure|certain)",
    points=r"suggest(?:s|ing)?|indicat(?:es?|ing)|point(?:s|ing)? (?:\w+ )?(?:to|towards?)"
    r"|(?:consistent|compatible|in keeping|in line) with|(?:typical|characteristic|diagnostic|suggestive|indicative"
    r"|pathognomonic|specific) (?:of|for)"
    r"|favou?rs?|in favou?r of|(?:speaks?|argues?) for|supports?|confirms?|corresponds? to"
    r"|should (?:\w+ly |thus )?(?:receive|get|take|have|start|be (?:given|treated with|started on|set to"
    r"|switched to))|needs?|requires?"
    r"|calls? for|(?:i|we)(?:'d| would)?(?: (?!not|never|no)\w+)? (?:recommend|suggest|prescribe|give|diagnose"
    r"|call (?:this|it))"
    r"|(?:confident|sure|certain) (?:in|about|of|it(?:'s| is))|(?:choos|pick|select)ing"
    r"",
    fits=r"(?:best|better) (?:explains?|accounts? for|fits?|matches|suits?)"
    r"(?: (?:the|this|these|all|both|every|her|his|everything)(?: [\w'-]+){0,5}?(?=\s*[.,;:!\n]|\s*$)|(?= than))?"
    r"|fits better(?= than)|(?:explains?|accounts? for|fits?|matches|suits?)(?: [\w'-]+){0,6}? best"
    r"|is (?:\w+ly |thus )?(?:the one )?(?:recommended|preferred|indicated|needed|required|warranted)"
    r"|is (?:\w+ly |thus )?the \w+ of choice|should (?:\w+ly |thus )?be (?:given|used|started|chosen|prescribed"
    r"|performed)"
    r"|is (?:what remains|what is left|left)|it is|remains|is (?:what|the one)(?: that)? (?:to \w+|(?:i|we)(?:'d"
    r"| would)? \w+)"
    r"|is the (?:best |appropriate |right )?(?:next|first) (?:best )?(?:step|test|measure|investigation)",
    unsure=r"may|might|could|can|possibly|perhaps|maybe|would|sometimes|often|usually",
    because=r"because|since|as (?:it|they|she|he|there)|given|due|by|than",
    here=r"here|now|today|immediately|first|right away|at once"
    r"|(?:in|for) (?:(?:this|the|our) (?:patient|case|woman|man|child|setting|situation|question)|him|her(?= *[.,;]))",
    contrast=r"however|but|yet|though|although|on the other hand|nevertheless|unless|alternatively|except|or|otherwise",
    shunned=r"eliminat\w+|discard\w*|reject\w*|contraindicated|contraindications?|avoid\w*",
    less=r"less|lower|worse|inferior|than|lacks?|too|only"
    r"|fails?|absent|second|later",
    verdict=r"conclusions?|verdict|summary|in short|short answer|bottom line|(?:(?:most|likely|probable|final|correct"
    r"|best|main) )*diagnosis|decision|correct"
    r"|right|left"
    r"|remaining|my pick|pick|choice|tl;?dr|result|final|overall|in summary|to sum up",
    right=r"correct|right|true|yes|indicated|suitable",
    also=r"also|additionally",
    farewell=r"(?:i )?hope (?:this|that|it) helps?|let me know|feel free|(?:i'm |i am )?(?:happy|glad) to|good luck"
    r"|thank"
    r"|(?:if|do|should|would) you (?:have|like|want|need)|please (?:consult|seek|talk|ask|note that this)"
    r"|have a \w+ day"
    r"|this is not medical advice|best (?:of luck|regards|wishes)|always consult|take care|good question"
    r"|great question",
    yes=r"yes",
    no=r"no",
    maybe=r"maybe|perhaps",
)

SPANISH = Words(
    head=r"(?:(?:la|las|mi|por tanto|bueno)[, ]+)*(?:respuestas?|solucion(?:es)?|opcion(?:es)?(?= correcta))"
    r"(?: (?:final(?:es)?|correctas?|definitivas?|es))*",
    subject=r"(?:respuestas?|solucion|soluciones)(?! (?:incorrect|erronea|falsa))(?: (?:finale?s?|correctas?"
    r"|definitivas?|adecuadas?))*"
    r"|(?:la opcion|las opciones)(?= (?:es|son|seria)\b)|(?:opcion|opciones|alternativas?"
    r"|letra)(?: (?:mas )?(?:correctas?|adecuadas?|probables?|verdaderas?|finale?s?))"
    r"|las? (?:correctas?|verdaderas?)|mi (?:eleccion|opcion)",
    is_=r"es|son|era|debe ser|tiene que ser|ha de ser|solo puede ser",
    is_not=r"(?:no|tampoco|nunca) (?:es|son|era|puede ser|debe ser|seria)",
    may_be=r"(?:puede|podria|pueden)(?: \w+)? ser",
    would_be=r"seria|serian",
    choose=r"elijo|escojo|selecciono|elegiria|escogeria|optaria por|opto por|me quedo con|me inclino por|marco"
    r"|marcaria|(?:yo )?diria(?: que)?(?: es)?|respondo|responderia",
    named=r"(?:es|son|seria|debe ser|como|(?:me )?parece(?: ser)?)(?:,? (?:por tanto|pues|claramente|entonces"
    r"|sin duda),?)? (?:las?|mi)? *"
    r"(?:(?:respuestas?|opcion(?:es)?|alternativas?)(?: (?:correctas?|adecuadas?|verdaderas?))?"
    r"|(?<=la )(?:correcta|verdadera)|(?<=las )(?:correctas|verdaderas))",
    held=r"(?:es|son) (?:correct[ao]s?|verdader[ao]s?|ciert[ao]s?)"
    r"|es (?:el|la)(?: \w+)? (?:mas (?:probable|adecuad[oa]|indicad[oa])|de eleccion)",
    right_is=r"(?:es|son) (?:correctas?|verdaderas?|ciertas?)|las? correctas? (?:es|son)",
    it_is=r"(?:^|(?<=[.;:,!] )|(?<=\n))(?:es|tiene que ser|debe ser|ha de ser)|\b(?:solo )?queda(?: solo)?",
    article=r"una?",
    filler=r"opcion|opciones|respuestas?|letra|alternativa|la|el|las|los|claramente|por tanto|por lo tanto|entonces"
    r"|pues|sin duda|probablemente|que|es|correcta|evidentemente",
    and_=r"y|e|asi como|mas",
    or_=r"o(?: (?:bien|quiza|quizas|tal vez|incluso))?|u",
    either=r"o|entre|o bien|bien|una de",
    not_=r"no|ni|nunca|tampoco|ningun[ao]?|descart\w+|dudo|exclu\w+|imposible",
    but=r"sino|pero",
    wrong=r"incorrect\w*|fals[ao]s?|descartad\w*",
    goes_on=r"porque|pues|ya|dado|puesto|que|aunque|pero|en|por|para|segun|sin|y|no|mientras|debido|frente|al|a|si",
    with_=r"con|junto con",
    if_=r"si|en caso|suponiendo|salvo|a menos",
    when=r"(?:pero )?(?:solo )?(?:si|cuando|salvo|en caso)|solo (?:en|con)",
    setting=r"(?:en|con|para|ante|durante) (?:un|una|el|la|ninos|adultos|mujeres|hombres|caso)\b",
    others=r"(?:algunos|muchos|otros|estudiantes|alumnos|uno|hay quien)\b[^.\n]{0,40}\b(?:dirian|dicen|piensan|creen"
    r"|elegirian|responderian)|a primera vista|por ejemplo|pregunta anterior|podria (?:pensarse|parecer|decirse)"
    r"|tentador\w*|por error|trampa"
    r"|del tipo|acabar con|terminar con|formato|de la forma",
    so=r"por tanto|por lo tanto|asi pues|en conclusion|en resumen|por consiguiente|luego|entonces",
    namely=r"es decir|o sea|que es",
    that=r"que",
    qualified=r"incorrect[ao]s?|fals[ao]|erronea|anterior|otra|posible|peor",
    retract=r"espera|esperen|un momento|me he equivocado|me equivoque|corrijo|rectifico|pensandolo mejor|mejor dicho"
    r"|eso no es|empiezo de nuevo|he leido mal",
    points=r"sugieren?|indican?|apuntan? (?:\w+ )?a|orientan? (?:\w+ )?(?:a|hacia)|(?:compatibles?|concuerdan?) con"
    r"|(?:tipic[ao]s?|patognomonic[ao]s?|especific[ao]s?|caracteristic[ao]s?|propi[ao]s?|sugestiv[ao]s?"
    r"|diagnostic[ao]s?) de(?:l)?|a favor de(?:l)?"
    r"|apoyan?"
    r"|confirman?|corresponden? (?:a|con)|(?:debe|deberia) (?:recibir|tomar|iniciar|darse|usarse|administrarse)"
    r"|hay que (?:dar|usar|administrar|iniciar)|necesita|requiere|precisa|recomiendo|recomendaria|se trata de(?:l)?",
    fits=r"(?:explica|encaja|justifica)(?: [\w'-]+){0,5}? mejor|es (?:lo|la|el) (?:indicad[oa]|recomendad[oa]"
    r"|preferid[oa])"
    r"|es (?:lo|la|el) que (?:queda|mejor \w+)|es (?:el|la) \w+ de eleccion|esta indicad[oa]",
    unsure=r"puede|pueden|podria|podrian|quizas?|tal vez|a veces|a menudo|suele|inicialmente|al principio|seria",
    because=r"porque|pues|ya que|dado|puesto que|por",
    here=r"aqui|ahora|de inmediato|en (?:este|esta)|para (?:este|esta)",
    contrast=r"sin embargo|pero|aunque|no obstante|salvo|en cambio|o|excepto",
    shunned=r"contraindic\w+|evitar\w*|elimin\w+",
    less=r"menos|peor|inferior|carece|solo|demasiado|segund[oa]",
    verdict=r"conclusion(?:es)?|veredicto|resumen|en resumen|en corto|respuesta (?:corta|breve)"
    r"|diagnostico(?: (?:final|mas probable|probable|correcto|principal))?"
    r"|decision"
    r"|correct[ao]s?|verdader[ao]s?|resultado|mi eleccion|eleccion",
    right=r"correct[ao]|verdader[ao]|ciert[ao]|si|indicad[ao]",
    also=r"tambien|ademas",
    farewell=r"espero (?:que|haber)|(?:si|¿?quieres|¿?tienes|¿?desea|¿?necesita)s? (?:que|tienes|quieres|necesitas"
    r"|alguna|mas)"
    r"|no dudes|avisame|(?:mucha )?suerte|gracias|consulte|un saludo|saludos",
    yes=r"si",
    no=r"no",
    maybe=r"quizas?|tal vez|puede ser|a lo mejor",
)

FRENCH = Words(
    head=r"(?:(?:la|les|ma|donc|bonnes?)[, ]+)*(?:reponses?|solutions?|choix)"
    r"(?: (?:finales?|correctes?|exactes?|definitives?))*",
    subject=r"(?:bonnes? )?(?:reponses?|solutions?)(?: (?:finales?|correctes?|exactes?|definitives?))*"
    r"|bonnes? (?:propositions?|options?)|(?:propositions?|options?) (?:les plus \w+|la plus \w+|correctes?|exactes?"
    r"|justes?|vraies?)|mon choix",
    is_=r"est|sont|etait|doit etre|reste|ne peut etre que",
    is_not=r"n'(?:est|etait|etaient) (?:pas|jamais)|ne (?:sont|seraient|serait|peut|peuvent)(?: pas)?(?: etre)?"
    r"(?: pas)?(?! que)",
    may_be=r"(?:peut|pourrait|peuvent)(?: \w+)? etre",
    would_be=r"serait|seraient",
    choose=r"je (?:choisis|retiens|selectionne|prends|coche|dirais|reponds|choisirais|penche pour|pencherais pour)"
    r"|on (?:choisit|retient|coche)"
    r"|j'opte pour"
    r"|j'opterais pour|mon choix se porte sur|il faut (?:donc )?(?:repondre|choisir|cocher)",
    named=r"(?:qui )?(?:est|sont|serait|doit etre|comme|(?:me )?(?:parait|semble)(?: etre)?)(?:,? (?:donc|bien"
    r"|clairement|alors),?)? "
    r"(?:(?:la|les) )?(?:(?:bonnes?|meilleures?) (?:reponses?|propositions?|options?)"
    r"|(?:reponses?|propositions?|options?)(?: (?:correctes?|exactes?|justes?))?|(?<=la )bonne)",
    held=r"(?:est|sont) (?:correctes?|exactes?|justes?|vraies?)"
    r"|est (?:le|la) \w+ (?:(?:le|la) plus (?:probable|appropriee?|adaptee?)|de choix)",
    right_is=r"sont (?:correctes|exactes|justes|vraies)",
    it_is=r"\bc'(?:est|etait|doit etre)|\bil (?:ne )?(?:s'agit|reste)(?: que)?",
    article=r"une?|d'une?",
    filler=r"de|d'|propositions?|options?|reponses?|lettre|la|le|les|l'|donc|clairement|alors|ainsi|bien|sans doute"
    r"|que|c'est"
    r"|probablement|evidemment|l'option",
    and_=r"et|ainsi que|plus",
    or_=r"ou(?: (?:bien|peut-etre|encore))?|soit",
    either=r"soit|entre|ou bien|l'un[e]? des?",
    not_=r"pas|ne|ni|jamais|aucun[e]?|non|ecarte[rz]?|exclu\w*|impossible|n'",
    but=r"mais|plutot",
    wrong=r"fausse?s?|incorrecte?s?|ecartee?",
    goes_on=r"car|parce|puisque|qui|que|mais|dans|chez|selon|bien|quoique|en|pour|sans|et|pas|non|alors|tandis|au|a|si",
    with_=r"avec",
    if_=r"si|en cas|sauf|a moins|supposons",
    when=r"(?:mais )?(?:seulement )?(?:si|quand|lorsque?|sauf|en cas)|seulement (?:chez|en)",
    setting=r"(?:chez|dans|pour|avec|en|pendant) (?:un|une|le|la|les|cas)\b",
    others=r"(?:certains|beaucoup|d'autres|etudiants|on|plusieurs)\b[^.\n]{0,40}\b(?:diraient|disent|pensent|croient"
    r"|croire"
    r"|penser|choisiraient|dire)|a premiere vue|par exemple|question precedente|tentant|par erreur|piege|du type"
    r"|finir par|terminer par|de la forme",
    so=r"donc|ainsi|par consequent|en conclusion|en resume|finalement|au total",
    namely=r"soit|c'est-a-dire|a savoir",
    that=r"que|qu",
    qualified=r"mauvaises?|fausses?|incorrectes?|autres?|precedente|possible|pire",
    retract=r"attendez|attends|un instant|en fait,? non|je me (?:suis )?tromp\w+|correction|je recommence"
    r"|a la reflexion|j'ai mal lu|ce n'est pas (?:juste|correct)",
    points=r"suggere(?:nt)?|indique(?:nt)?|evoque(?:nt)?|orientent?(?: \w+)? vers|oriente(?: \w+)? vers"
    r"|plaide(?:nt)?(?: \w+)? (?:pour|en faveur d[eu'])|(?:compatibles?|coherente?s?) avec"
    r"|(?:typiques?|pathognomoniques?|specifiques?|caracteristiques?|evocateurs?|evocatrices?) d[eu']"
    r"|en faveur d[eu']|confirme(?:nt)?"
    r"|correspond(?:ent)? a|doit (?:recevoir|prendre)|il faut (?:donner|prescrire|retenir)|necessite|je recommande"
    r"|s'agit(?: \w+)? d[eu']",
    fits=r"(?:explique|correspond)(?: [\w'-]+){0,5}? le mieux|est (?:donc )?(?:le|la) \w+ de choix"
    r"|est (?:donc )?(?:celle|celui|ce) (?:qu'il faut retenir|qui convient(?: le mieux)?|qui reste|a retenir)"
    r"|est (?:donc )?(?:indiquee?|recommandee?|a retenir|preferee?)|convient(?: le mieux)?",
    unsure=r"peut|peuvent|pourrait|pourraient|peut-etre|parfois|souvent|habituellement|initialement|d'abord|serait",
    because=r"car|parce que|puisque|par",
    here=r"ici|maintenant|d'emblee|chez (?:ce|cet|cette)|dans ce|pour (?:ce|cet|cette)",
    contrast=r"cependant|mais|toutefois|pourtant|neanmoins|bien que|sauf|en revanche|ou",
    shunned=r"contre-indi\w+|eviter|elimin\w+",
    less=r"moins|pire|inferieure?|manque|seulement|trop|second",
    verdict=r"conclusions?|verdict|resume|en resume|en bref|bref|reponse courte|diagnostic(?: (?:final"
    r"|le plus probable|probable|retenu|principal))?|decision|correctes?"
    r"|exactes?|juste|resultat|mon choix|choix",
    right=r"correcte?|exacte?|juste|vraie?|oui|indiquee?",
    also=r"aussi|egalement",
    farewell=r"j'espere|n'hesitez|n'hesite|bonne (?:chance|journee|continuation)|bon courage|merci|si (?:vous"
    r"|tu) (?:avez|voulez"
    r"|souhaitez|as|veux)|(?:voulez|souhaitez)-vous|consultez|cordialement",
    yes=r"oui",
    no=r"non",
    maybe=r"peut-etre",
)

GERMAN = Words(
    head=r"(?:(?:die|meine|also|endgultige|richtige|korrekte|finale|beste)[, ]+)*"
    r"(?:end)?(?:antwort(?:en)?|losung(?:en)?)",
    subject=r"(?:end)?(?:antwort(?:en)?|losung(?:en)?)"
    r"|(?:richtigen?|korrekten?|besten?|zutreffenden?|\w+sten?) (?:option(?:en)?|aussagen?|auswahl)|meine wahl",
    is_=r"ist|sind|lautet|lauten|war|muss",
    is_not=r"(?:ist|sind|lautet|kann|war|ware)(?: \w+)? (?:nicht|nie)|(?:ist|sind) (?:weder)",
    may_be=r"konnte|kann|konnten",
    would_be=r"ware|waren",
    inverted=r"ist|sind|lautet|lauten|ware|waren",
    choose=r"ich (?:wahle|nehme|antworte|sage|wurde(?: sagen)?|tippe auf|entscheide mich fur)|(?:die"
    r"|meine) wahl fallt(?: \w+)? auf",
    named=r"(?:(?:ist|sind|ware|als)(?: (?:also|somit|daher|eindeutig|damit))? )?(?:die )?"
    r"(?:(?:richtigen?|korrekten?|besten?|zutreffenden?) (?:antwort(?:en)?|option(?:en)?|losung(?:en)?|aussagen?)"
    r"|(?<=die )(?:antwort|losung|richtige))",
    held=r"(?:(?:ist|sind)(?: (?:also|somit|daher|eindeutig|damit))? )?(?:richtig|korrekt|zutreffend)(?!e)"
    r"|ist (?:die|der|das) (?:wahrscheinlichste|beste|geeignetste) \w+|(?:trifft|treffen) zu",
    right_is=r"(?:richtig|korrekt|zutreffend) (?:ist|sind|ware|waren)",
    it_is=r"\bes (?:ist|muss|kann nur)|\bmuss es|\bpasst (?:hier )?nur|\b(?:bleibt|verbleibt)(?: (?:somit|also|damit"
    r"|daher))?",
    article=r"ein\w?",
    filler=r"option|optionen|antwort|buchstabe|die|der|das|also|somit|daher|damit|eindeutig|klar|wohl|wahrscheinlich"
    r"|sicher|dass|es|folglich|nur|demnach",
    and_=r"und|sowie",
    or_=r"oder(?: (?:vielleicht|auch|eventuell))?",
    either=r"entweder|zwischen|ein[er]? von",
    not_=r"nicht|kein\w*|nie|weder|noch|ausgeschlossen|scheidet|nein|unmoglich",
    but=r"sondern|aber",
    wrong=r"falsch\w*|unrichtig|scheidet",
    goes_on=r"(?:ist|sind|lautet|wahlen|nehmen|ankreuzen|sagen|sein|hin)(?=\s*(?:[.,;!)]|$))|weil|denn|da|dass|obwohl"
    r"|aber|bei"
    r"|in|fur|nach|wegen|ohne|und|nicht|statt|wahrend|auch|wenn|als|die|der|das"
    r"|gegenuber",
    with_=r"mit",
    if_=r"wenn|falls|angenommen|sofern|ausser",
    when=r"(?:aber )?(?:nur )?(?:wenn|falls|sofern)|nur (?:bei|in)",
    setting=r"bei \w+|(?:in|fur|mit|im fall|wahrend) (?:ein\w*|der|dem|den|kindern|erwachsenen|frauen|mannern)\b",
    others=r"(?:manche|viele|einige|andere|studierende|man)\b[^.\n]{0,40}\b(?:sagen|meinen|denken|glauben|wahlen)"
    r"|auf den ersten blick|zum beispiel|vorigen frage|verlockend|falschlich\w*|irrtum\w*|falle\b|der form|format",
    so=r"also|somit|daher|folglich|damit|zusammengefasst|insgesamt|schliesslich|demnach",
    namely=r"d\. ?h\.|das heisst|namlich|genauer",
    that=r"dass|ob",
    qualified=r"falsche\w?|schlechte\w*|andere\w?|vorige\w?|vorherige\w?|mogliche\w?",
    retract=r"warte|moment|halt\b|ich (?:habe mich geirrt|irre)|korrektur|das (?:stimmt|war|ist) (?:nicht|falsch)"
    r"|von vorn|falsch gelesen|doch nicht",
    points=r"(?:spricht|sprechen)(?: \w+)? fur|(?:passt|passen)(?: \w+)? zu|deute[tn](?: \w+)? auf|weis(?:t"
    r"|en)(?: \w+)? auf"
    r"|hinweisend auf|(?:typisch|pathognomonisch|spezifisch|charakteristisch|beweisend) fur|vereinbar mit"
    r"|zugunsten von|entspricht"
    r"|(?:braucht|benotigt|erhalt)|sollte(?: \w+)? (?=\w+ (?:erhalten|bekommen|nehmen))|ich empfehle|ich bleibe bei"
    r"|es handelt sich(?: \w+)? um|am ehesten|dass (?:die|meine)(?: \w+)? (?:antwort|losung|option|diagnose)",
    fits=r"(?:passt|erklart)(?: [\w'-]+){0,5}? am besten|(?:ist (?:\w+ )?)?(?:das|die|der) \w+ der wahl"
    r"|ist (?:\w+ )?(?:indiziert|angezeigt|empfohlen|vorzuziehen)|bleibt (?:ubrig|als einzige\w*)",
    unsure=r"kann|konnen|konnte|konnten|vielleicht|moglicherweise|manchmal|oft|meist|anfangs|zuerst|zunachst|ware",
    because=r"weil|denn|da",
    here=r"(?:ist|sind|wahlen|nehmen|erhalten|bekommen|sein|hin)(?=\s*(?:[.,;!)]|$))|hier|jetzt|sofort|bei (?:dies\w*"
    r"|ihr|ihm)",
    contrast=r"jedoch|aber|doch|allerdings|dennoch|obwohl|ausser|hingegen|oder|dagegen",
    shunned=r"kontraindi\w+|vermeiden|gemieden|auszuschliessen",
    less=r"weniger|schlechter|unterlegen|als|fehl\w+|nur|zu|gegen",
    verdict=r"fazit|ergebnis|kurz gesagt|kurze antwort|zusammenfassung|zusammengefasst|(?:(?:wahrscheinlichste"
    r"|richtige|endgultige) )?diagnose|entscheidung"
    r"|richtig"
    r"|korrekt|zutreffend|meine wahl|auswahl",
    right=r"richtig|korrekt|zutreffend|ja|indiziert",
    also=r"auch|ebenfalls|zudem",
    farewell=r"ich hoffe|(?:bei|falls|wenn|haben sie|hast du) (?:weitere\w?|fragen|noch|sie|du)\b|gern|viel (?:erfolg"
    r"|gluck)"
    r"|danke|bitte (?:wenden|fragen|konsultieren)|sag mir|melde dich|mit freundlichen",
    yes=r"ja",
    no=r"nein",
    maybe=r"vielleicht|moglicherweise",
)

PORTUGUESE = Words(
    head=r"(?:(?:a|minha|entao|portanto)[, ]+)*(?:respostas?|gabarito|solucao"
    r"|(?:alternativa|opcao)(?= (?:corret|cert)))(?: (?:final|corretas?|certas?|definitiva))*",
    subject=r"(?:respostas?|gabarito|solucao)(?: (?:final|corretas?|certas?))*"
    r"|(?:alternativas?|opcao|opcoes|letra|afirmacao|afirmativa) (?:corretas?|certas?|verdadeiras?|(?:mais|melhor) \w+)"
    r"|melhor (?:alternativa|opcao|resposta)|minha escolha|(?:unica|correta) (?:alternativa|opcao)(?: correta)?"
    r"|(?<=a )corret[ao]",
    is_=r"e|sao|era|deve ser|so pode ser",
    is_not=r"nao (?:e|sao|era|seria|pode ser)",
    may_be=r"pode(?:ria)? ser",
    would_be=r"seria|seriam",
    choose=r"(?:eu )?(?:escolho|escolheria|fico com|opto por|opto pela|seleciono|marco|assinalo|respondo|voto na)",
    named=r"(?:e|sao|seria|deve ser|como) (?:(?:a|as|o) )?(?:unica )?(?:(?:respostas?|alternativas?|opcao|opcoes) "
    r"(?:corretas?|certas?|adequadas?)|melhor (?:resposta|alternativa|opcao)|(?<=a )(?:correta|certa|resposta))",
    held=r"(?:e|sao|esta|estao) (?:corret[ao]s?|cert[ao]s?|verdadeir[ao]s?)",
    right_is=r"(?:a|as|o) (?:corretas?|certas?) (?:e|sao)",
    it_is=r"\b(?:trata-se d[eao]|resta|sobra)|^[^\w\n]*e(?= [ao]? ?[a-j]\b)",
    article=r"um|uma",
    filler=r"[ao](?= (?:letra|alternativa|opcao|resposta|numero|[a-j]\b))|letra|alternativas?|opcao|opcoes|respostas?"
    r"|as|os|claramente|portanto|entao|assim|provavelmente|que|e(?= [ao]\b)",
    and_=r"e",
    or_=r"ou(?: (?:talvez|possivelmente))?",
    either=r"ou|entre|uma de",
    not_=r"nao|nem|nunca|nenhum[a]?|descart\w+|exclu\w+",
    but=r"mas(?: sim)?",
    wrong=r"incorret\w*|errad[ao]s?|fals[ao]s?|descartad[ao]s?",
    goes_on=r"porque|pois|ja|dado|que|embora|mas|em|por|para|segundo|sem|e|nao|enquanto|devido|se|visto",
    with_=r"com|junto com",
    if_=r"se|caso|supondo|a menos",
    when=r"(?:mas )?(?:apenas |so )?(?:se|quando|caso)",
    others=r"(?:alguns|muitos|outros|estudantes|alunos)\b[^.\n]{0,40}\b(?:diriam|dizem|pensam|escolheriam)"
    r"|a primeira vista|por exemplo|questao anterior|pegadinha|formato",
    so=r"portanto|logo|assim|entao|em conclusao|em resumo",
    namely=r"isto e|ou seja",
    that=r"que",
    qualified=r"incorret[ao]s?|errad[ao]s?|fals[ao]s?|anterior|outr[ao]|possivel|pior",
    retract=r"espera|espere|um momento|me enganei|corrigindo|pensando melhor|isso nao esta",
    contrast=r"porem|mas|contudo|entretanto|no entanto|embora|exceto",
    right=r"corret[ao]|cert[ao]|verdadeir[ao]|sim",
    also=r"tambem",
    farewell=r"espero|boa sorte|obrigad[ao]|se (?:tiver|precisar)",
    yes=r"sim",
    no=r"nao",
    maybe=r"talvez",
)

ITALIAN = Words(
    head=r"(?:(?:la|mia|quindi|dunque)[, ]+)*(?:rispost[ae]|soluzione)(?: (?:finale|corrett[ae]|giust[ae]|esatt[ae]))*",
    subject=r"(?:rispost[ae]|soluzione)(?: (?:finale|corrett[ae]|giust[ae]|esatt[ae]))*"
    r"|(?:opzion[ei]|alternativ[ae]|affermazion[ei]) (?:corrett[ae]|giust[ae]|esatt[ae]|ver[ae]|piu \w+)"
    r"|miglior (?:opzione|risposta|scelta)|la mia scelta|(?<=la )(?:corretta|giusta)",
    is_=r"e|sono|era|deve essere|puo essere solo|risulta",
    is_not=r"non (?:e|sono|era|sarebbe|puo essere)",
    may_be=r"potrebbe essere|puo essere",
    would_be=r"sarebbe|sarebbero",
    choose=r"(?:io )?(?:scelgo|sceglierei|opto per|seleziono|rispondo|direi)",
    named=r"(?:e|sono|sarebbe|deve essere|come)(?: quindi| dunque)? (?:(?:la|le|quell[ae]) )?(?:(?:rispost[ae]"
    r"|opzion[ei]|alternativ[ae]) (?:corrett[ae]|giust[ae]|esatt[ae])|miglior (?:risposta|opzione)"
    r"|(?<=la )(?:corretta|giusta|risposta)|(?<=quella )(?:corretta|giusta))",
    held=r"(?:e|sono) (?:corrett[aeio]|giust[aeio]|esatt[aeio]|ver[aeio])",
    right_is=r"(?:la|le) (?:corrett[ae]|giust[ae]) (?:e|sono)",
    it_is=r"\b(?:si tratta d[ei]|resta|rimane)|^[^\w\n]*e(?= (?:la )?[a-j]\b)",
    article=r"un|una|uno",
    filler=r"opzion[ei]|alternativ[ae]|rispost[ae]|lettera|la|le|il|lo|l'|chiaramente|quindi|dunque|pertanto"
    r"|probabilmente|che|numero",
    and_=r"e|ed",
    or_=r"o(?: (?:forse|anche))?|oppure",
    either=r"o|tra|una tra",
    not_=r"non|ne|mai|nessun[ao]?|esclu\w+|scart\w+",
    but=r"ma|bensi",
    wrong=r"sbagliat\w*|errat\w*|scorrett\w*|fals[ao]|esclus[ao]",
    goes_on=r"perche|poiche|in|dato|che|anche|ma|per|secondo|senza|e|non|mentre|se|visto|quando",
    with_=r"con|insieme",
    if_=r"se|supponendo|a meno",
    when=r"(?:ma )?(?:solo )?(?:se|quando|qualora)",
    others=r"(?:alcuni|molti|altri|studenti)\b[^.\n]{0,40}\b(?:direbbero|dicono|pensano|sceglierebbero)"
    r"|a prima vista|per esempio|domanda precedente|formato",
    so=r"quindi|dunque|pertanto|percio|in conclusione|in sintesi",
    namely=r"cioe|ossia",
    that=r"che",
    qualified=r"sbagliat[ae]|errat[ae]|precedente|altr[ae]|possibile|peggiore",
    retract=r"aspetta|un momento|mi sono sbagliat[oa]|correzione|ripensandoci",
    contrast=r"tuttavia|ma|pero|eppure|sebbene|tranne",
    right=r"corrett[ao]|giust[ao]|ver[ao]|si",
    also=r"anche",
    farewell=r"spero|buona fortuna|grazie|se (?:hai|ha|avete)",
    yes=r"si",
    no=r"no",
    maybe=r"forse",
)

LANGUAGES = {"en": ENGLISH, "es": SPANISH, "fr": FRENCH, "de": GERMAN, "pt": PORTUGUESE, "it": ITALIAN}

ANSWER_NOUNS = {
    "es": r"respuestas?|opcion|alternativa|correct[ao]s?|eli[jg]\w+|marco",
    "fr": r"reponses?|proposition|bonnes?|correctes?|exactes?|choisi\w*",
    "de": r"(?:end)?antwort(?:en)?|losung|richtig\w*|korrekt\w*|wahle",
    "pt": r"respostas?|alternativas?|opcao|opcoes|gabarito|letra|escolho|marco|corretas?|certas?",
    "it": r"rispost[ae]|opzion[ei]|alternativ[ae]|scelgo|corrett[ae]|giust[ae]",
}
"""Words by which an answer in another language than the question is recognised."""


@lru_cache
def words(lang: str) -> Words:
    """Return the words of a language and those of English; of English alone where the language has none here."""
    own = LANGUAGES.get(lang, ENGLISH)
    if own is ENGLISH:
        return ENGLISH
    joined = {field.name: f"{getattr(own, field.name)}|{getattr(ENGLISH, field.name)}" for field in fields(Words)}
    return Words(**joined)
