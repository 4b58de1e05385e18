"""What stands before a person's name in English, Spanish and French: kin, labels, introductions, closings."""

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
    r"|m[ée]decin|enfant))"
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
    r"(?:primary|assistant|operating|referring|ordering|consulting|treating|admitting|family) (?:care )?(?:surgeon"
    r"|physician|doctor|provider)|"
    r"surgeon|anesthesiologist|resident|consultant|pcp|primary care provider|guardian|"
    r"nombre(?: y apellidos?| completo| del paciente| de la paciente)?|apellidos?(?: y nombres?)?|persona de contacto|"
    r"firmado(?: por)?|fdo\.?|m[ée]dico(?: (?:responsable|tratante|adjunto|remitente|solicitante|de cabecera"
    r"|de familia))|"
    r"cirujan[oa](?: principal)?|anestesista|facultativ[oa]|tutora?(?: legal)?|"
    r"nom(?: et pr[ée]nom| du patient| de famille)|pr[ée]nom|m[ée]decin traitant|personne [àa] contacter"
    r"|sign[ée](?: par)?)"
)
LIKELY_LABELS = (
    r"(?:patient|pt|name|client|contact|assistant|physician|doctor|provider|nurse|midwife|therapist|interviewer"
    r"|informant|caregiver|"
    r"mother|father|husband|wife|spouse|son|daughter|brother|sister|partner|re|attn|attention|cc|from|to|"
    r"paciente|m[ée]dic[oa]|enfermer[oa]|matrona|espos[oa]|marido|hij[oa]|madre|padre|herman[oa]|remitente|"
    r"informante|acompa[ñn]ante|familiar|patiente|nom|infirmi[èe]re?|m[ée]decin|[ée]poux|[ée]pouse)"
)
LABEL_SIGN = r"(?:[:=|]\**[ \t]*|(?<=[ \t])[–-]{1,2}[ \t]+)(?:(?:Mr|Mrs|Ms|Dr|Dra|Sr|Sra|Mme|D|D[ñn]a)\.?[ ])?[\"“]?"
"""From the sign after a label to the value: "Name: ", "| Name | ", "Contact - "."""
LABEL_END = r"[ \t]?(?:\([^)\n]{1,20}\))?\**[ \t]*"
INTRODUCTION = (
    r"(?:(?:my|his|her|their|patient[’']?s?|(?:son|daughter|baby|wife|husband|doctor|friend)[’']s)"
    r" (?:full |first |last )?name(?:[’']s| is| was)|me llamo|se llama|(?:mi|su) nombre es|je m[’']appelle"
    r"|s[’']appelle|mon nom est"
    r"|(?:man|woman|lady|gentleman|boy|girl|child|patient|baby|son|daughter|friend|doctor|nurse|mujer|hombre|se[ñn]ora?"
    r"|ni[ñn][oa]|paciente)[ ,]+(?:is )?(?:named|called|llamad[oa]|de nombre))"
)
CLOSING = (
    r"(?:thanks?(?: you)?(?: (?:so |very )?much| again| in advance| a lot)*|(?:(?:best|kind|kindest|warm"
    r"|with) )?(?:regards|wishes)"
    r"|(?:yours )?(?:sincerely|truly|faithfully)(?: yours)?|cheers|love"
    r"|(?:un )?(?:cordial )?saludos?(?: cordial(?:es)?)?"
    r"|atentamente|(?:muchas )?gracias(?: de antemano| por todo)?|cordialement|merci(?: d[’']avance)?)"
)
GREETING = (
    r"(?:hi|hello|hey|dear|good (?:morning|afternoon|evening)|hola|buenos d[ií]as|buenas (?:tardes|noches)"
    r"|estimad[oa]|querid[oa]"
    r"|bonjour|ch[eè]re?)"
)
CARE = (
    r"(?:(?:seen|examined|referred|accompanied|attended|cared for|signed|dictated|transcribed)(?: by| to)"
    r"|discussed with|under the care of|(?:atendid[oa]|derivad[oa]|valorad[oa]|acompa[ñn]ad[oa]|firmad[oa]"
    r"|explorad[oa]) por)"
)
CARE_OR_MEANS = r"(?:(?:evaluated|treated|followed|performed|interpreted|brought in)(?: by| to))"
"""What follows may be a drug, a device or a laboratory as well."""
PROFESSION = (
    r"(?:doctora?|nurse|midwife|[Ss]e[ñn]or(?:a|ita)?|enfermer[oa]|profesora?|matrona|infirmi[èe]re?|madame|monsieur)"
)
"""Lower case: "Ask your Doctor About" is a heading."""

AGE_BEFORE = (
    r"(?:\d{1,3}[- ]?(?:years?|yrs?|y)[-/ ]?(?:old|o)?|a[ñn]os|\d ans)"
    r"(?: (?:(?:old|black|white|african.american|hispanic) )?(?:man|woman|male|female|boy|girl|lady|gentleman"
    r"|patient|infant|[mf]))?"
    r"(?:,? (?:named|called|llamad[oa])|,)?"
)

# --- what stands after a name ---

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
BED_AFTER = r"[ ]?[.,–-][ ](?:[Bb]ed|[Rr]oom|[Rr]m|[Ww]ard|[Cc]ama|[Hh]ab(?:itaci[óo]n)?|[Ll]it|[Cc]hambre)[ .:]{1,2}\d"
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
"""States of the USA as well: "Silver Spring, MD"."""
CREDENTIAL_AFTER = r",? (?:M\.D\.|RN|R\.N\.|NP|PA-C|FACP|FACS|LPN|DPM|PharmD)(?![\w-])"
_CREDENTIAL = (
    r"(?:M\.?D\.?|D\.?O\.?|Ph\.?D\.?|Psy\.?D\.?|Ed\.?D\.?|MBBS|M\.?B\.?,? ?B\.?S\.?|MBChB|BMBS|BM"
    r"|MRC[A-Z]{1,4}|FRC[A-Z]{1,4}"
    r"|FRACP|FAC[A-Z]{1,4}|FAAP|FAAFP|DNB|DM|DCH|DGO|M\.?S\.?|M\.?A\.?|M\.?Sc\.?|B\.?Sc\.?|MPH|MBA|MHA|MSW|LCSW(?:-[A-Z])?"
    r"|LICSW|LMSW|LISW|LSW|LMHC|LMHP|LPC(?:-?[A-Z]{1,2})?|LCPC|LPCC|LCMHC|LMFT|MFT|LMT|LAC|NCC|CCMHC|RN|BSN|MSN|DNP|NP(?:-[CP])?"
    r"|[FAP]NP(?:-(?:C|BC))?|PMHNP(?:-BC)?|AGNP|APRN|ARNP|CRNP|CNM|CNS|CRNA|CNA|PA(?:-C)?|LPN|LVN|EMT(?:-P)?|DDS|DMD|DPM"
    r"|OD|DC|ND|DVM|PT|DPT|OT|OTR(?:/L)?|COTA|RD|RDN|LD|LDN|CCC-SLP|SLP|PharmD|RPh|BCPS|CADC|LCDC|LADC|CAC|QMHP|BCBA|CHES"
    r"|M\.?Ed\.?|Esq\.?|R\.N\.|N\.P\.|P\.A\.)(?![\w-])"
)
CREDENTIALS_AFTER = rf",?[ ]{_CREDENTIAL}(?:[,/]?[ ]?{_CREDENTIAL}){{0,5}}"
"""What a professional writes after a name, once or several times: ", MD, FACP"."""
CREDENTIALS_LINE = rf"{CREDENTIALS_AFTER}[ .]*(?:\n|$)"
CALLED = (
    r"(?:(?:please )?call me|(?:they|everyone|friends|people) calls? me|goes by|preferred name is|ll[áa]mame|me llaman"
    r"|appelez-moi)"
)
AUTHOR_AFTER = (
    r"[^\n]{0,60}(?:Universit|Institut|School|Department|Foundation|Clinic\b|said|says|director|[Pp]rofessor|author"
    r"|et al|M\.?P\.?H)"
)
