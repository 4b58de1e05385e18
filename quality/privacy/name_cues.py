"""Cues before a person's name in English, Spanish and French: kin, labels, introductions, closings."""

KIN = (
    r"(?:(?:my|his|her|our|their|your|the patient[’']s)(?: [A-Za-z-]+)? (?:son|daughter|wife|husband|mother|father"
    r"|mom|mum|dad|"
    r"brother|sister|grandmother|grandfather|grandson|granddaughter|aunt|uncle|niece|nephew|cousin|friend|boyfriend"
    r"|girlfriend|"
    r"partner|fianc[eé]e?|baby|child|kid|boy|girl|twins?|neighbou?r|roommate|doctor|gp|physician|nurse|midwife"
    r"|surgeon|dentist|"
    r"therapist|psychiatrist|cardiologist|neurologist|oncologist|p[a]?ediatrician|dermatologist|gyn[a]?ecologist"
    r"|caregiver)"
    r"|(?:mi|su|nuestr[oa]) (?:hij[oa]|espos[oa]|mujer|marido|madre|padre|mam[áa]|pap[áa]|herman[oa]|abuel[oa]"
    r"|niet[oa]|t[íi][oa]|"
    r"sobrin[oa]|prim[oa]|amig[oa]|novi[oa]|pareja|beb[ée]|ni[ñn][oa]|vecin[oa]|m[ée]dic[oa]|doctora?|enfermer[oa]|"
    r"ginec[óo]log[oa]|pediatra|dentista|compa[ñn]er[oa])"
    r"|(?:mon|ma|son|sa) (?:fils|fille|femme|mari|m[èe]re|p[èe]re|fr[èe]re|s(?:œ|oe)ur|amie?|copine?|b[ée]b[ée]"
    r"|m[ée]decin|enfant)"
    r"|(?:mi[ao]|su[ao]|nostr[ao]) (?:figli[oa]|marito|moglie|madre|padre|fratello|sorella|nonn[oa]|zi[oa]|compagn[oa]"
    r"|amic[oa]|nipote|mamma|pap[àa]|bambin[oa])"
    r"|(?:meu|minha|seu|sua|nosso|nossa) (?:filh[oa]|espos[oa]|marido|mulher|m[ãa]e|pai|irm[ãa]o?|av[óôo]"
    r"|net[oa]|ti[oa]"
    r"|prim[oa]|amig[oa]|namorad[oa]|beb[êé])"
    r"|(?:mein|sein|ihr|unser)(?:e[rnms]?)? (?:sohn|tochter|mann|frau|ehemann|ehefrau|mutter|vater|bruder|schwester|oma"
    r"|opa|gro(?:ß|ss)(?:mutter|vater)|enkel(?:in)?|freund(?:in)?|partner(?:in)?|tante|onkel))"
)
_KIN_WORDS = (
    r"(?:husband|wife|spouse|son|daughter|mother|father|mom|mum|dad|brother|sister|partner|niece|nephew|grandson"
    r"|granddaughter"
    r"|caregiver|guardian|friend|espos[oa]|marido|mujer|hij[oa]|madre|padre|herman[oa]|pareja|niet[oa]|sobrin[oa]"
    r"|cuidadora?"
    r"|amig[oa]|vecin[oa]|mari|femme|fils|fille|m[èe]re|p[èe]re|fr[èe]re|s(?:œ|oe)ur)"
)
BARE_KIN = (
    r"(?:[Hh]usband|[Ww]ife|[Ss]on|[Dd]aughter|[Mm]other|[Ff]ather|[Bb]rother|[Ss]ister|[Pp]artner|[Pp]atiente?"
    r"|[Pp]aciente|[Cc]lient"
    r"|[Hh]ij[oa]|[Ee]spos[oa]|[Mm]arido|[Hh]erman[oa]|[Mm]adre|[Pp]adre|[Aa]visar a|[Ss]poke (?:with|to)|[Cc]/o)"
)
"""Weak cues: "daughter cells", "patient education"."""
SURE_LABELS = (
    r"(?:(?:patient|pt|client|subject|member|insured|policy ?holder)(?:['’]s)?[ ]?(?:full )?name"
    r"|name of (?:the )?patient|full name|"
    r"(?:first|last|given|family|maiden) ?name|surname|next of kin|emergency contact(?: person)?|contact person|"
    r"(?:electronically )?signed(?: by)?|dictated(?: by)?|transcribed(?: by)?|attending(?: (?:physician|surgeon"
    r"|doctor|md))?|"
    r"(?:primary|assistant|operating|referring|ordering|requesting|consulting|treating|admitting|discharging"
    r"|supervising"
    r"|responsible|family|on-?call) (?:care )?(?:surgeon|physician|doctor|provider|clinician|consultant|gp|nurse)|"
    r"(?:seen|examined|assessed|interviewed|authored|prepared|reported|verified|approved|completed|witnessed|recorded"
    r"|performed|requested|referred|accompanied|prescribed|administered|collected|checked|discussed) (?:by|with)|"
    r"nok|relative|parent|print(?:ed)? name|an[a]?esthetist|scrub nurse|nurse in charge|charge nurse|key ?worker"
    r"|case manager|"
    r"social worker|health visitor|carer|witness|trainee|registrar|interpreter|"
    r"(?:remitid|atendid|valorad|informad|solicitad|derivad|explorad|acompañad|redactad"
    r"|visad)[oa] por|"
    r"(?:familiar|contacto|responsable|titular|ayudante|instrumentista|residente|acompañante|cuidadora?)"
    r"(?: de contacto| principal| del paciente)?|"
    r"(?:1\.?(?:er|º)?|2\.?(?:º|do)?|primer|segundo) ayudante|nombre de (?:la madre|el padre)|"
    r"nom de (?:naissance|jeune fille)|adress[ée]e? par|r[ée]dig[ée] par|chirurgien|"
    r"patientin|vorname|nachname|familienname|hausarzt|haus[äa]rztin|(?:be)?handelnder arzt|arzt|[äa]rztin"
    r"|[üu]berwiesen (?:von|durch)|unterschrift|gez\.?|angeh[öo]rige[r]?|"
    r"nome completo|nome e cognome|cognome(?: e nome)?|apelidos?|sobrenome|doente|utente|m[ée]dico assistente"
    r"|assinado(?: por)?|acompanhante|paziente|medico (?:curante|di base)|firmato(?: da)?|inviato da|"
    r"surgeon|anesthesiologist|resident|consultant|pcp|primary care provider|guardian|"
    r"nombre(?: y apellidos?| completo| del paciente| de la paciente)?|apellidos?(?: y nombres?)?|persona de contacto|"
    r"firmado(?: por)?|fdo\.?|m[ée]dico(?: (?:responsable|tratante|adjunto|remitente|solicitante|de cabecera"
    r"|de familia))|"
    r"cirujan[oa](?: principal)?|anestesista|facultativ[oa]|tutora?(?: legal)?|"
    r"nom(?: et pr[ée]nom| du patient| de famille)|pr[ée]nom|m[ée]decin traitant|personne [àa] contacter"
    r"|sign[ée](?: par)?)"
)
LIKELY_LABELS = (
    r"(?:client|contact|assistant|physician|doctor|provider|nurse|midwife|therapist|interviewer"
    r"|informant|caregiver|"
    r"mother|father|husband|wife|spouse|son|daughter|brother|sister|partner|attn|attention|cc|from|to|"
    r"m[ée]dic[oa]|enfermer[oa]|matrona|espos[oa]|marido|hij[oa]|madre|padre|herman[oa]|remitente|"
    r"informante|acompa[ñn]ante|familiar|infirmi[èe]re?|m[ée]decin|[ée]poux|[ée]pouse)"
)
FORM_LABELS = r"(?:patient|pt|name|re|paciente|pacient|patiente|nom|nome|nom i cognoms)"
"""Labels of a form whose value may be "Surname, Given"; in a dialogue "Patient:" is the speaker."""
LABEL_SIGN = r"(?:[:=|]\**[ \t]*|(?<=[ \t])[–-]{1,2}[ \t]+)(?:(?:Mr|Mrs|Ms|Dr|Dra|Sr|Sra|Mme|D|D[ñn]a)\.?[ ])?[\"“]?"
"""From the sign after a label to the value: "Name: ", "| Name | ", "Contact - "."""
LABEL_END = r"[ \t]?(?:\([^)\n]{1,20}\))?\**[ \t]*"
INTRODUCTION = (
    r"(?:(?:my|his|her|their|patient[’']?s?|(?:son|daughter|baby|wife|husband|doctor|friend)[’']s)"
    r" (?:full |first |last )?name(?:[’']s| is| was)|me llamo|se llama|(?:mi|su) nombre es|je m[’']appelle"
    r"|s[’']appelle|mon nom est"
    r"|ich hei(?:ß|ss)e|mein name ist|meu nome [ée]|(?:me chamo|chamo-me)|mi chiamo|em dic|mam na imi[ęe]"
    r"|(?:il mio|suo) nome [èe]"
    r"|er hei(?:ß|ss)t|sie hei(?:ß|ss)t|si chiama"
    r"|(?:man|woman|lady|gentleman|boy|girl|child|patient|baby|son|daughter|friend|doctor|nurse|mujer|hombre|se[ñn]ora?"
    r"|ni[ñn][oa]|paciente)[ ,]+(?:is )?(?:named|called|llamad[oa]|de nombre))"
)
CLOSING = (
    r"(?:(?:many )?thanks?(?: you)?(?: (?:so |very )?much| again| in advance| a lot)*|(?:(?:best|kind|kindest|warm"
    r"|with) )?(?:regards|wishes)"
    r"|(?:yours )?(?:sincerely|truly|faithfully)(?: yours)?|cheers|love|warmly|respectfully(?: submitted| yours)?"
    r"|take care|best(?=,)"
    r"|(?:mit )?(?:freundlichen?|viele[n]?|besten?|lieben?|herzlichen?) gr[üu](?:ß|ss)en?|mfg|hochachtungsvoll"
    r"|(?:com os )?(?:melhores )?cumprimentos|atenciosamente|obrigad[oa]|(?:cordiali|distinti) saluti|grazie"
    r"|bien [àa] vous|(?:sinc[èe]res )?salutations|bien cordialement"
    r"|(?:un )?(?:cordial )?saludos?(?: cordial(?:es)?)?"
    r"|atentamente|(?:muchas )?gracias(?: de antemano| por todo)?|cordialement|pozdrawiam"
    r"|salutacions(?: cordials)?|merci(?: d[’']avance)?)"
)
GREETING = (
    r"(?:hi|hello|hey|dear|good (?:morning|afternoon|evening)|hola|buenos d[ií]as|buenas (?:tardes|noches)"
    r"|estimad[oa]|querid[oa]"
    r"|bonjour|bonsoir|ch[eè]re?|sehr geehrte[rs]?|liebe[rs]?|guten (?:tag|morgen|abend)|gentil[ei](?:ssim[oa])?"
    r"|egregio"
    r"|buongiorno|buonasera|prezad[oa]|ol[áa]|bom dia|boa (?:tarde|noite))"
)
CARE = (
    r"(?:(?:seen|examined|referred|accompanied|attended|cared for|signed|dictated|transcribed|assessed|interviewed"
    r"|authored|prepared by|admitted by|counsel?led|reviewed)(?: by| to)"
    r"|(?:discussed|spoke|spoken|speaking) with|spoke to|under the care of"
    r"|thank you for (?:referring|seeing|asking (?:me|us) to see|your referral of)"
    r"|informe (?:realizado|elaborado|redactado) por|(?:pleasure|privilege|opportunity) (?:of|to) (?:seeing|meeting"
    r"|reviewing|see|meet|review)"
    r"|i (?:saw|met|examined|visited|phoned)|fdo[.:]{0,2}|firmado[.:]?|signed,|gez\.|adress[ée]e? par|inviat[oa] da"
    r"|[üu]berwiesen (?:von|durch)|encaminhad[oa] por|(?:habl[óoée]|hablado|comentado) con|avis(?:ar|a|ado) a"
    r"|(?:remitid|informad|solicitad|vist|acompañad|entrevistad)[oa] por|(?:atendid[oa]"
    r"|derivad[oa]|valorad[oa]|acompa[ñn]ad[oa]|firmad[oa]"
    r"|explorad[oa]) por)"
)
CARE_OR_MEANS = r"(?:(?:evaluated|treated|followed|performed|interpreted|brought in)(?: by| to))"
"""Cues that may also precede a drug, a device or a laboratory."""
SPOKEN_OF = (
    r"(?:(?:i|we) (?:reviewed|assessed|called|saw|met|discharged)|(?:the )?(?:family|relatives|parents|son|wife) of"
    r"|(?:taken|obtained|drawn|collected) from|(?:sample|samples|specimen|bloods?) (?:of|from|labell?ed)"
    r"|plan for|(?:please )?(?:call|ring|phone|contact|remind|inform|notify)|on behalf of|in respect of|concerning"
    r"|handover:"
    r"|se (?:informa|avisa|llama|cita|explica) a|(?:la )?muestra de|(?:la )?familia de|(?:los )?familiares de"
    r"|(?:el )?caso de|citar a|llamar a)"
)
"""Cues that may precede anything."""
ROLE = (
    r"(?:[Aa]ttending(?: physician)?|[Cc]onsultant|[Rr]egistrar|[Rr]esident|[Cc]arer|[Hh]ouse officer"
    r"|[Ss]ocial worker|[Cc]harge nurse|[Mm]édico adjunto|[Rr]esidente|[Cc]uidadora?|[Tt]he patient,"
    r"|(?:[Ee]l|[Ll]a) paciente)"
)
DAY = (
    r"(?:This (?:morning|afternoon|evening)|Today|Yesterday|Tonight|Tomorrow|Overnight|Last night|On (?:ward )?rounds?"
    r"|Currently|At (?:noon|midnight)|Ayer|Hoy|Anoche|Mañana|Esta (?:mañana|tarde|noche)|A mediodía|De madrugada)"
)
PROFESSION = (
    r"(?:doctora?|nurse|midwife|[Ss]e[ñn]or(?:a|ita)?|enfermer[oa]|profesora?|matrona|infirmi[èe]re?|madame|monsieur)"
)
"""Lower case only: "Ask your Doctor About" is a heading."""

AGE_BEFORE = (
    r"(?:\d{1,3}[- ]?(?:years?|yrs?|y)[-/ ]?(?:old|o)?|a[ñn]os|\d ans)"
    r"(?: (?:(?:old|black|white|african.american|hispanic) )?(?:man|woman|male|female|boy|girl|lady|gentleman"
    r"|patient|infant|[mf]))?"
    r"(?:,? (?:named|called|llamad[oa])|,)?"
)

# --- what follows a name ---

CITED_AFTER = (
    r"(?:[’']s?)?[ ,]*(?:et al|and (?:his |her )?(?:colleagues|co-?workers|team|associates)|y (?:sus )?col(?:s\."
    r"|aboradores|egas)"
    r"|et coll|\(?(?:1[5-9]\d\d|20\d\d)\)|of (?:the )?[^.\n]{0,40}\b(?:Institute|University|Foundation|Service)"
    r"|[^.\n]{0,60}\b(?:in|en|of|around|since|during|de) (?:1[5-8]\d\d|19[0-8]\d)\b"
    r"|[^.\n]{0,40}\b(?:published|invented|discovered|pioneered|coined|Nobel|reported in|wrote in|writes in"
    r"|reports? owning"
    r"|public[óo]|descubri[óo]|invent[óo])\b"
    r"|,? who (?:first )?(?:described|reported|identified|discovered|recogni[sz]ed)\b"
    r"|[’']s? (?:first|original|classic(?:al)?|seminal|famous) [a-z]"
    r"|[’']s? (?:[a-z]+ ){0,2}(?:study|studies|trial|research|book|theory|diet|method|work|paper|group"
    r"|laborator|lab\b|team))"
)
CITED_BEFORE = (
    r"(?:(?:named|called) (?:after|for|in honou?r of)"
    r"|(?:described|discovered|invented|developed|published|written|authored|edited|introduced|proposed|pioneered"
    r"|headed|led"
    r"|kindly provided|originally used|descrit[oa]|descubiert[oa]|publicad[oa])(?: in \d{4})? (?:by|por(?: el| la)?)"
    r"|(?:reviewed|updated|authors?|editors?|edited|written|courtesy|credit|source)(?: by)?:"
    r"|personal communication,?|\bwe (?:also )?(?:wish to |would like to )?thank|gift (?:from|of)|grateful to"
    r"|\b(?:laborator(?:y|ies)|work|research|team) of)\s*$"
)
AGE_AFTER = (
    r"(?:(?:(?:,? (?:is|was|es)|,)(?: (?:an?|the|una?|un))?|,? an?)(?: [a-z-]+){0,3}? \d{1,3}[ -]{0,2}(?:years?|yrs?"
    r"|y/?o\b|y\.o\.|months?|weeks?|days?)"
    r"|,? (?:tiene|de) \d{1,3} (?:a[ñn]os|meses|d[íi]as)|, (?:de )?\d{1,3} (?:a[ñn]os|ans|meses)|, [âa]g[ée]e? de \d)"
)
NUMBER_AFTER = r"(?:, \d{1,3}(?:,| ?[MF]\b)| \d{1,3} ?(?:[MF]\b|y/?o\b)| \(\d{1,3}(?: ?[MF]| ?y/?o)?\)|, aged? \d)"
KIN_AFTER = rf",? \((?:(?:his|her|patient[’']s|su|sa|son) )?{_KIN_WORDS}\b"
IDENTIFIER_AFTER = (
    r",? ?[(<]?(?:D\.?O\.?B\.?|[Dd]ate of [Bb]irth|MRN|SSN|NHS|DNI|NIE|NHC|[Nn]acid[oa] |née? le"
    r"|(?:[Tt]el|[Pp]hone|[Pp]h|[Cc]ell|[Mm]obile|[Mm][óo]vil|[Tt]lf|[Tt]fno|[Tt]f)\b[.:]?[ ]?[+(]?\d"
    r"|[Tt]el\.?:|[Pp]hone:"
    r"|[\w.+-]+@\w+)(?:[^A-Za-z]|$)"
)
BED_AFTER = (
    r"(?:[ ]?[.,;:/|–-][ ]|[ ]?\n|[ ]\(|[ ](?:in|from|en(?: la)?) )(?:[Bb]ed|[Bb]ay|[Rr]oom|[Rr]m|[Ww]ard|[Cc]ubicle"
    r"|[Cc]ama|[Bb]ox|[Ss]ala|[Hh]ab(?:itaci[óo]n)?|[Ll]it"
    r"|[Cc]hambre|[Zz]immer|[Bb]ett)[ .:]{1,2}(?:\d|[A-Z](?!\w))"
    r"|[ ]?[:;–-][ ](?:pendiente de|pending|for discharge|for theatre|NPO|nil by mouth|ayunas|alta)\b"
)
PATIENT_VERB_AFTER = (
    r",? (?:slept|ate|walked|ambulated|drank|vomited|felt|feels|cried|smiled|fell|sat up|asked (?:for|to|if)"
    r"|refused|consented|woke|mobili[sz]ed|passed (?:flatus|urine|stool)"
    r"|(?:was|is|remains|remained) (?:alert|awake|drowsy|comfortable|afebrile|febrile|oriented|sedated|informed|weaned"
    r"|resting|sleeping|stable|nil by mouth|NPO|tearful|anxious|confused|on oxygen|going home)"
    r"|has (?:been (?:transferred|admitted|discharged|seen|moved|informed)|gone|had (?:no|a|his|her)|improved|asked)"
    r"|needs (?:an?|new|his|her|help)|will (?:have|need|be (?:seen|discharged|reviewed)|go|return)|can go home"
    r"|ha (?:dormido|comido|pasado|tolerado|presentado|pedido|mejorado)|camin[óo]|cen[óo]|desayun[óo]|comi[óo]"
    r"|durmi[óo]"
    r"|vomit[óo]|pas[óo] (?:buena|mala|la) noche|(?:está|sigue|continúa|permanece) (?:afebril|estable|consciente"
    r"|despiert[oa]|mejor|asintom[áa]tic[oa]|sin fiebre)|pide|solicita|fue (?:operad|intervenid|extubad"
    r"|informad)[oa])\b"
)
PERSON_VERB_AFTER = (
    r",? (?:was (?:admitted|seen|discharged|brought|transferred|moved (?:to|from)|in my care|intubated"
    r"|extubated)|denies|denied|complains|complained|lives (?:with"
    r"|alone)"
    r"|ingres[óo] en|acude|niega|fue (?:dad[oa] de alta|ingresad[oa]|atendid[oa]|derivad[oa]|trasladad[oa]))\b"
)
VERB_AFTER = (
    r",? (?:presented (?:to|with|for|at|in)|presents|was (?:referred|diagnosed|evaluated|treated)"
    r"|is (?:here|seen|brought|followed)|comes? in|came in|reports (?:that|no|having|feeling|\w+ing)|states"
    r"|returns (?:to|for)"
    r"|tolerated|underwent|lives (?:in|at)|called (?:today|the|about)|ingres[aóo]|refiere|presenta|consulta por"
    r"|fue (?:valorad[oa]|diagnosticad[oa])|consulte|se plaint)\b"
)
DEGREE_AFTER = r",? (?:MD|DO|D\.O\.|PA)(?![\w-])"
"""Degrees that are also states of the USA: "Silver Spring, MD"."""
CREDENTIAL_AFTER = r",? (?:M\.D\.|RN|R\.N\.|NP|PA-C|FACP|FACS|LPN|DPM|PharmD)(?![\w-])"
_CREDENTIAL = (
    r"(?:M\.?D\.?|D\.?O\.?|Ph\.?D\.?|Psy\.?D\.?|Ed\.?D\.?|MBBS|M\.?B\.?,? ?B\.?S\.?|MBChB|BMBS|BM"
    r"|MRC[A-Z]{1,4}|FRC[A-Z]{1,4}"
    r"|FRACP|FAC[A-Z]{1,4}|FAAP|FAAFP|DNB|DM|DCH|DGO|M\.?S\.?|M\.?A\.?|M\.?Sc\.?|B\.?Sc\.?|MPH|MBA|MHA|MSW"
    r"|LCSW(?:-[A-Z])?"
    r"|LICSW|LMSW|LISW|LSW|LMHC|LMHP|LPC(?:-?[A-Z]{1,2})?|LCPC|LPCC|LCMHC|LMFT|MFT|LMT|LAC|NCC|CCMHC|RN|BSN|MSN|DNP"
    r"|NP(?:-[CP])?"
    r"|[FAP]NP(?:-(?:C|BC))?|PMHNP(?:-BC)?|AGNP|APRN|ARNP|CRNP|CNM|CNS|CRNA|CNA|PA(?:-C)?|LPN|LVN|EMT(?:-P)?|DDS|DMD"
    r"|DPM"
    r"|OD|DC|ND|DVM|PT|DPT|OT|OTR(?:/L)?|COTA|RD|RDN|LD|LDN|CCC-SLP|SLP|PharmD|RPh|BCPS|CADC|LCDC|LADC|CAC|QMHP|BCBA"
    r"|CHES"
    r"|M\.?Ed\.?|Esq\.?|R\.N\.|N\.P\.|P\.A\.)(?![\w-])"
)
CREDENTIALS_AFTER = rf",?[ ]{_CREDENTIAL}(?:[,/]?[ ]?{_CREDENTIAL}){{0,5}}"
"""Credentials after a name, once or several times: ", MD, FACP"."""
CREDENTIALS_LINE = rf"{CREDENTIALS_AFTER}[ .]*(?:\n|$)"
CALLED = (
    r"(?:(?:please )?call me|(?:they|everyone|friends|people) calls? me|goes by|preferred name is|ll[áa]mame|me llaman"
    r"|appelez-moi)"
)
AUTHOR_AFTER = (
    r"[^\n]{0,60}(?:Universit|Institut|School|Department|Foundation|Clinic\b|said|says|director|[Pp]rofessor|author"
    r"|et al|M\.?P\.?H)"
)
