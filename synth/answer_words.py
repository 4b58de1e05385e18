"""How languages say that something is the answer: patterns for text in lower case without accents.

Every language is read together with English, in which models answer questions of any language.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache


@dataclass(frozen=True, kw_only=True)
class Words:
    """Patterns of one language, each an alternation without outer brackets.

    ``head`` is what stands before the colon of an answer line, ``subject`` what the answer of a sentence is called.
    ``is_``, ``is_not`` and ``may_be`` join it to the answer; ``would_be`` does so in earnest or in a hypothesis.
    ``inverted`` is a verb with its subject after it. ``choose`` is a choice in the first person. ``named`` comes after
    the answer and calls it the right option, ``held`` merely calls it right, and ``right_is`` says that before it;
    ``likeliest`` is the subject of a sentence that answers without the word. ``filler`` may stand between verb and
    answer. ``and_``, ``or_`` and ``either`` join several; ``not_``, ``but`` and ``wrong`` turn one down. ``goes_on``
    may follow an answer in its sentence, ``with_`` follows a letter only. ``if_``, ``setting`` open a hypothesis,
    ``when`` adds a condition to what was said, ``others`` an opinion that is not the writer's own, ``so`` a conclusion;
    ``retract`` takes back what was said.
    """

    head: str
    subject: str
    is_: str
    is_not: str
    may_be: str
    would_be: str
    inverted: str
    choose: str
    named: str
    held: str
    right_is: str
    likeliest: str
    filler: str
    and_: str
    or_: str
    either: str
    not_: str
    but: str
    wrong: str
    goes_on: str
    with_: str
    if_: str
    setting: str
    when: str
    others: str
    so: str
    retract: str
    yes: str
    no: str
    maybe: str


ENGLISH = Words(
    head=r"(?:(?:the|my|our|so|thus|hence|therefore|final|correct|right|best|single|short|most likely),? )*"
    r"(?:answers?|ans\b|solutions?|(?<=final )(?:choice|decision)|(?<=correct )(?:option|choice)s?"
    r"|(?<=best )(?:option|choice))"
    r"(?: (?:choice|letter|option))?(?: *\(s\))?",
    subject=r"answers?|solution|(?:my|final|chosen) (?:choice|pick|selection|option)"
    r"|(?:correct|right|best|true|accurate|valid|proper|(?:most|more) \w+|only \w+)(?: \w+)? "
    r"(?:options?|choices?|alternatives?|statements?|responses?)"
    r"|(?:option|choice|alternative) that [\w' -]{3,60}?",
    is_=r"is|are|was|were|must be|should be|has to be|have to be|will be|remains?|can only be|equals",
    is_not=r"(?:is|are|was|were|must|would|should|will|do|does)(?: not|n't)(?: be)?|can(?:not| not|'t|t) be"
    r"|(?:is|are) never|(?:is|are) neither",
    may_be=r"(?:could|might|may|can)(?: (?:also|well|possibly))? be",
    would_be=r"would (?:then )?be",
    inverted=r"(?!)",
    choose=r"(?:i|we)(?:'d|'ll|'m| am| will| would| must| can| shall| should| have to)*"
    r"(?: therefore| thus| hence| finally)* (?:go(?:ing)? (?:with|for)|choose|chose|pick|picked|select|selected"
    r"|opt(?:ed|ing)? for|answer|vote for"
    r"|settle (?:on|for)|say|conclude)(?: that)?(?: it(?:'s| is))?"
    r"|i (?:think|believe)(?: that)? it(?:'s| is)|let'?s go with|^[^\w\n]*going with",
    named=r"(?:is|are|as|was|must be|should be|has to be|remains?|would be)(?: (?:\w+ly|thus|indeed|then|hence))*"
    r" (?:(?:the|an?|my|our) )?(?:(?:single|only|most likely|most appropriate) )?"
    r"(?:(?:correct|right|best|true|appropriate|proper)(?: and \w+)?(?: \w+)?"
    r" (?:answers?|options?|choices?|ones?|response)"
    r"|(?<=the )(?:answers?|solution)|(?<=my )(?:answers?|choice|pick))",
    held=r"(?:is|are|must be|has to be)(?: (?:\w+ly|thus|indeed|then|hence|both|all))*(?: the)?"
    r" (?:correct|right|best|true)"
    r"(?! (?:that|in|about|to|only|if|but|for|when|(?:\w+ )?(?:answers?|options?|choices?|ones?)))"
    r"|is the (?:most (?:likely|probable|appropriate|suitable)|best|preferred)(?: [\w'-]+){1,3}",
    right_is=r"(?:correct|right) (?:is|are)",
    likeliest=r"(?:most (?:likely|probable|appropriate|common|suitable)|best|preferred)(?: [\w'-]+){1,8}?",
    filler=r"option|options|choice|choices|letter|answer|number|statement|the|clearly|therefore|thus|hence|then|so"
    r"|indeed|definitely|certainly|obviously|surely|probably|likely|most likely|only|just|that|simply|both|all|of",
    and_=r"and|as well as|plus",
    or_=r"or(?: (?:maybe|perhaps|possibly|even))?|versus|vs\.?",
    either=r"either|between|one of|any of|somewhere",
    not_=r"not|never|neither|nor|none|no|without|exclude[sd]?|rules? out|ruled out|doubt|unlikely|hardly|n't"
    r"|unlike|than|opposed",
    but=r"but rather|but|rather|instead",
    wrong=r"wrong|incorrect\w*|false|excluded|ruled out",
    goes_on=r"because|since|as|which|that|given|in|for|from|here|due|based|although|though|but|not|rather|over|instead"
    r"|according|and|while|whereas|by|on|at|so|then|if|when|unless|however",
    with_=r"with|together with",
    if_=r"if|unless|suppose|supposing|assuming|had (?:the|he|she|it|they)|were (?:the|he|she|it|they)",
    when=r"(?:but )?(?:only )?(?:if|when|unless|in case|provided)|only (?:in|for|with)",
    setting=r"(?:in|for|with|without|during|after|among) (?:an?|the|children|adults|men|women|patients|pregnan\w+)\b",
    others=r"(?:some|many|most|few|students?|people|others?|one|someone|textbooks?|readers?|candidates?|reader|colleagues?"
    r"|you)\b[^.\n]{0,40}\b(?:say|says|think|thinks|argue|argues|assume|believe|believes|choose|pick|picks|claim|claims"
    r"|answer|answers|expect|suggest)|tempting|at first|first (?:thought|impression)|mistaken\w*|wrongly|incorrectly"
    r"|common mistake|trap|format|form of|the form|must read|instruct\w*",
    so=r"so|thus|hence|therefore|consequently|in conclusion|in summary|overall|finally|accordingly|all in all",
    retract=r"wait|hold on|scratch that|on second thoughts?|let me (?:re\w+|check|start|think)|i (?:was|am) wrong"
    r"|i (?:have )?(?:made|misread)|that(?:'s| is| was| can(?:not|'t)|can't) *(?:be |not )?(?:wrong|right|a mistake"
    r"|incorrect|correct)|actually,? no\b|correction",
    yes=r"yes",
    no=r"no",
    maybe=r"maybe|perhaps",
)

SPANISH = Words(
    head=r"(?:(?:la|las|mi|por tanto|bueno)[, ]+)*(?:respuestas?|solucion(?:es)?|opcion(?:es)?(?= correcta))"
    r"(?: (?:final(?:es)?|correctas?|definitivas?|es))*",
    subject=r"(?:respuestas?|solucion|soluciones)(?: (?:finale?s?|correctas?|definitivas?|adecuadas?))*"
    r"|(?:opcion|opciones|alternativas?|letra)(?: (?:mas )?(?:correctas?|adecuadas?|probables?|verdaderas?|finale?s?))"
    r"|las? (?:correctas?|verdaderas?)|mi (?:eleccion|opcion)",
    is_=r"es|son|era|debe ser|tiene que ser|ha de ser|solo puede ser",
    is_not=r"(?:no|tampoco|nunca) (?:es|son|era|puede ser|debe ser|seria)",
    may_be=r"(?:puede|podria|pueden)(?: \w+)? ser",
    would_be=r"seria|serian",
    inverted=r"(?!)",
    choose=r"elijo|escojo|selecciono|elegiria|escogeria|optaria por|opto por|me quedo con|me inclino por|marco"
    r"|marcaria|(?:yo )?diria(?: que)?(?: es)?|respondo",
    named=r"(?:es|son|seria|debe ser|como)(?:,? (?:por tanto|pues|claramente|entonces|sin duda),?)? (?:las?|mi)? *"
    r"(?:(?:respuestas?|opcion(?:es)?|alternativas?)(?: (?:correctas?|adecuadas?|verdaderas?))?"
    r"|(?<=la )(?:correcta|verdadera)|(?<=las )(?:correctas|verdaderas))",
    held=r"(?:es|son) (?:correct[ao]s?|verdader[ao]s?|ciert[ao]s?)"
    r"|es (?:el|la) \w+ (?:mas (?:probable|adecuad[oa]|indicad[oa])|de eleccion)",
    right_is=r"(?:es|son) (?:correctas?|verdaderas?|ciertas?)",
    likeliest=r"(?:mas (?:probable|adecuad[oa]|frecuente|indicad[oa])|de eleccion|mejor)(?: [\w'-]+){0,8}?",
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
    r"|elegirian|responderian)|a primera vista|podria (?:pensarse|parecer|decirse)|tentador\w*|por error|trampa"
    r"|del tipo|acabar con|terminar con|formato|de la forma",
    so=r"por tanto|por lo tanto|asi pues|en conclusion|en resumen|por consiguiente|luego|entonces",
    retract=r"espera|esperen|un momento|me he equivocado|me equivoque|corrijo|rectifico|pensandolo mejor|mejor dicho"
    r"|eso no es|empiezo de nuevo|he leido mal",
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
    inverted=r"(?!)",
    choose=r"je (?:choisis|retiens|selectionne|prends|coche|dirais|reponds|choisirais|penche pour)|j'opte pour"
    r"|j'opterais pour|mon choix se porte sur",
    named=r"(?:qui )?(?:est|sont|serait|doit etre|comme)(?:,? (?:donc|bien|clairement|alors),?)? "
    r"(?:(?:la|les) )?(?:bonnes? (?:reponses?|propositions?|options?)"
    r"|(?:reponses?|propositions?|options?)(?: (?:correctes?|exactes?|justes?))?|(?<=la )bonne)",
    held=r"(?:est|sont) (?:correctes?|exactes?|justes?|vraies?)"
    r"|est (?:le|la) \w+ (?:(?:le|la) plus (?:probable|appropriee?|adaptee?)|de choix)",
    right_is=r"sont (?:correctes|exactes|justes|vraies)",
    likeliest=r"(?:plus (?:probable|approprie\w*|frequente?|adaptee?)|de choix|meilleure?)(?: [\w'-]+){0,8}?",
    filler=r"propositions?|options?|reponses?|lettre|la|le|les|l'|donc|clairement|alors|ainsi|bien|sans doute|que|c'est"
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
    others=r"(?:certains|beaucoup|d'autres|etudiants|on|plusieurs)\b[^.\n]{0,40}\b(?:diraient|disent|pensent|croient|croire"
    r"|penser|choisiraient|dire)|a premiere vue|tentant|par erreur|piege|du type|finir par|terminer par|de la forme",
    so=r"donc|ainsi|par consequent|en conclusion|en resume|finalement|au total",
    retract=r"attendez|attends|un instant|en fait,? non|je me (?:suis )?tromp\w+|correction|je recommence"
    r"|a la reflexion|j'ai mal lu|ce n'est pas (?:juste|correct)",
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
    choose=r"ich (?:wahle|nehme|antworte|sage|wurde sagen|tippe auf|entscheide mich fur)|meine wahl fallt auf",
    named=r"(?:(?:ist|sind|ware|als)(?: (?:also|somit|daher|eindeutig|damit))? )?(?:die )?"
    r"(?:(?:richtigen?|korrekten?|besten?|zutreffenden?) (?:antwort(?:en)?|option(?:en)?|losung(?:en)?|aussagen?)"
    r"|(?<=die )(?:antwort|losung|richtige))",
    held=r"(?:(?:ist|sind)(?: (?:also|somit|daher|eindeutig|damit))? )?(?:richtig|korrekt|zutreffend)(?!e)"
    r"|ist (?:die|der|das) (?:wahrscheinlichste|beste|geeignetste) \w+",
    right_is=r"(?:richtig|korrekt|zutreffend) (?:ist|sind)",
    likeliest=r"(?:wahrscheinlichste|haufigste|beste|geeignetste|sinnvollste)\w?(?: [\w'-]+){1,8}?",
    filler=r"option|optionen|antwort|buchstabe|die|der|das|also|somit|daher|damit|eindeutig|klar|wohl|wahrscheinlich"
    r"|sicher|dass|es|folglich|nur|demnach",
    and_=r"und|sowie",
    or_=r"oder(?: (?:vielleicht|auch|eventuell))?",
    either=r"entweder|zwischen|ein[er]? von",
    not_=r"nicht|kein\w*|nie|weder|noch|ausgeschlossen|scheidet|nein|unmoglich",
    but=r"sondern|aber",
    wrong=r"falsch\w*|unrichtig|scheidet",
    goes_on=r"weil|denn|da|dass|obwohl|aber|bei|in|fur|nach|wegen|ohne|und|nicht|statt|wahrend|auch|wenn|als|die|der|das"
    r"|gegenuber",
    with_=r"mit",
    if_=r"wenn|falls|angenommen|sofern|ausser",
    when=r"(?:aber )?(?:nur )?(?:wenn|falls|sofern)|nur (?:bei|in)",
    setting=r"(?:bei|in|fur|mit|im fall|wahrend) (?:ein\w*|der|dem|den|kindern|erwachsenen|frauen|mannern)\b",
    others=r"(?:manche|viele|einige|andere|studierende|man)\b[^.\n]{0,40}\b(?:sagen|meinen|denken|glauben|wahlen)"
    r"|auf den ersten blick|verlockend|falschlich\w*|irrtum\w*|falle\b|der form|format",
    so=r"also|somit|daher|folglich|damit|zusammengefasst|insgesamt|schliesslich|demnach",
    retract=r"warte|moment|halt\b|ich (?:habe mich geirrt|irre)|korrektur|das (?:stimmt|war|ist) (?:nicht|falsch)"
    r"|von vorn|falsch gelesen|doch nicht",
    yes=r"ja",
    no=r"nein",
    maybe=r"vielleicht|moglicherweise",
)

LANGUAGES = {"en": ENGLISH, "es": SPANISH, "fr": FRENCH, "de": GERMAN}


@lru_cache
def words(lang: str) -> Words:
    """Return the words of a language and those of English; of English alone where the language has none here."""
    own = LANGUAGES.get(lang, ENGLISH)
    if own is ENGLISH:
        return ENGLISH
    joined = {field.name: f"{getattr(own, field.name)}|{getattr(ENGLISH, field.name)}" for field in fields(Words)}
    return Words(**joined)
