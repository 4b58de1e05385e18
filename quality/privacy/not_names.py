"""Capitalised words that follow a name's cue without being a name, lower case and without accents.

``NEVER_NAMES`` are none even after "Mr."; ``NOT_NAMES`` are none after a weaker cue; ``NOT_SURNAMES`` end a name.
``EPONYMS`` are surnames that medical texts mostly use for a disease, sign or instrument, so a weak cue does not make
a person of them. ``EPONYM_HEADS`` are the nouns that turn any surname before them into an eponym. Written for this
project from general knowledge.
"""

import re

_FUNCTION_WORDS = """
a about after again all also although always am an and any are as ask at be because been before being both but by can
could did do does doing down during each either else ever every everyone for from further gave get give given gives
go going good great had has have having he hello hence her here hers hi him his how however i if in instead into is it
its just kindly last later least less let like likely many may maybe me might mine more most much must my need needs
neither
never new next no none nor not nothing now of off often ok okay old on once one only or other our out over own per
perhaps
please possibly previous previously prior put quite rather really regarding said same saw says see seen several shall
she should
similarly since so some someone soon still such sure take takes taking tell than thank thanks that the their them then
there therefore these they this those though through thus to today together tomorrow too took two three four five six
seven eight nine ten under unless until up upon us use used uses using usually very via wait want wants was we welcome
well were what when where whereas whether which while who whom whose why will with within without would yes yesterday
yet you your yours ah aha alright bye cool gonna hm hmm huh mhm mm oh sorry uh um wow yeah yep yup
al algo algun alguna ante antes aqui asi aun aunque bajo bien buen buena buenas bueno buenos cada como con contra cual
cuando cuanto de del desde despues donde dos durante e el ella ellas ellos en entonces entre era es esa ese eso esta
estaba
estado estan estar este esto estoy etc fue gracias ha habia hace hacia han hasta hay he hola hoy la las le les lo los
luego
mas me mi mientras mis mucho muchas muchos muy nada ni no nos nuestra nuestro o otra otro para pero por porque pues
que
quien quiere se sea segun ser si sin sobre solo son soy su sus tal tambien tampoco tan tanto tengo tiene toda todas
todo
todos tras tres tu tus un una unas uno unos usted ustedes ya yo
alors apres au aucun aussi autre aux avant avec bonjour bonsoir car ce cela ces cet cette chez comme dans des donc du
elle
elles est et eux fait il ils j' je leur leurs lui ma mais merci meme mes moi mon ne nous ou oui par pas plus pour puis
qui
sa sans selon ses son sont sous sur ta tes toi ton tous tout tres une vos votre vous
"""

_TITLES_AND_ROLES = """
doktor doutor doutora dottore dottoressa kollege kollegen sekretariat pending
mr mrs ms miss mister mx officer officers reserve corps
sir sirs madam madame ma'am maam mam medlineplus medineplus webmd dr drs doctor doctors doc
prof professor sr sra srta don dona dna mme
mlle monsieur
md phd rn np pa do mph facp bsn lpn dds dvm esq jr ii iii
attending author caregiver child children client clinician colleague colleagues consultant consultants counsel
daughter
director editor editors everybody family father friend friends gp guest husband infant intern interviewer investigator
man manager
medico medica midwife mom mother mum nurse nurses nurseries officer operator parent parents partner patient patients
person pharmacist physician physicians practitioner practitioners provider providers reader resident secretary
sister son specialist specialists spouse staff student students surgeon surgeons surrogate team teams technician
therapist user users visitor
wife woman women men males females people boy girl baby adult adults
uomo homem mulher mann herr frau maschio femmina weiblich maennlich mannlich masculino feminino feminin masculin
bambino bambina crianca menino menina kind sexo sex maternidad weite
orthopaedics orthopedics surgery world control resources poison officer customer service services sociales social
adulto adulta caballero cirujano cirujana companero doctora doctores enfermera enfermero enfermeras equipo esposa
esposo
familiar familia hermana hermano hija hijo hombre madre mujer nina nino pacientes paciente padre persona senor senora
senorita senores tutor usuario usuaria varon
docteur enfant femme fille fils frere homme infirmiere infirmier mere medecin pere soeur
"""

_HEADINGS = """
abdomen abstract access account alexa fluor action address addresses admission admitted advance advice affairs age
agreement alert allergies
allergy alternative analysis anatomy answer answers appearance application appointment assessment assistance assistant
associated
assist association attention available award background balance basic benefit benefits best bio biopsy blank blood
board body
book brand breast business calendar call cancer cancers card cardiology care case cases cause causes cell cells center
centers centre certificate
chair chart charts chest chief choice claim class classification clinic clinical clinics code codes college comment
comments
committee common community company complaint complaints complete conclusion condition conditions confidential
confirmed
congress consent consult consultation contact control cost council counseling county course coverage cream criteria
culture current
custom daily data date day days death department description details device diagnoses diagnosis diagnostic diet
directive disability discharge discussion disease diseases disorder disorders district dose drug drugs ear education
elderly
emergency employee employer encounter end evaluation evening exam examination exercise experience eye face facility
fact
facts family-member fax fee female field file final findings first follow followup food form forms foundation free
full function
future gender general generic genetic genetics genital goal group groups guide guideline guidelines head health heart
help
high history home hospital hospitals hotline hour hours house human id identification illness imaging important
impression
incorporated index indication information initial injury institute institutes insurance internal international
internet interview
introduction issue issues item journal kidney knee lab laboratory language law left legal letter level library license
licensed life line link
list liver local location long low lung mail male management marital medical medicaid medicare medication medications
medicine meeting member members membership memory mental message method methods middle minutes mobile monday month
months morbid morning mortality mouth name names national neck negative neuro neurology neuropsych news night normal
note
notes notice number numbers nursing nutrition objective obstetrics occupation office online operative option options
oral order
organization outcome outcomes outpatient overview pain panel part past pathology payment pediatrics personal pharmacy
phone physical place plan
policy position positive post practice pregnancy pregnant presentation present prescription press prevention primary
privacy private
problem problems procedure procedures profession prognosis program progress protocol psychiatry public purpose
question questions race radiology
rate reason recommendation recommendations record records recovery reference referral region regards registration
registry relationship
reply report reports request research residence response result results review rheumatology right risk risks role room
sample
scale school score screening section self service services session severe severity sex short sign signature signs
simple site sites skin
social society source specialty speech standard state statement status step stomach study subject subjective suite
summary support
surgery surgical survey symptom symptoms system systems tablet tel telephone test testing tests therapy throat time
title tongue
total treatment treatments trial tubes type unit united university unknown update urgent vaccine vaccines value view
violence visit visits
vital vitals voice ward week weekend weight wellness wishes work worker workers year years
alergia alergias altas alta antecedentes anamnesis apellido apellidos atencion atenciones calle cabeza causa centro
cirugia
cita ciudad clinica clinico codigo completa completo conclusiones consulta consultas correo dato datos departamento
desconocida desconocido diagnostico direccion domicilio edad
enfermedad enfermedades equipos estudio examen exploracion familiares fecha formulario general gestor gestora grupo
hemograma historia hora hospitalaria informe
informes ingreso instituto juicio justificante laboratorio manana medicina medicacion medicamento medicamentos motivo
nacimiento
ninguna ninguno noche nombre nota numero observaciones orden peso plan planta policia primaria primera pregunta prueba
pruebas publica razon receta registro respuesta resultado resultados resumen revision sala salud sangre sector
seguimiento seguridad seguro servicio sexo sindrome sintomas social tarde tardes tarjeta telefono tension tratamiento
unidad
universidad universitario urgencias urgencia vacuna via
adresse antecedent antecedents bilan date dossier hopital maladie matin motif nom numero poids prenom question
reponse sante service soir telephone traitement urgences
"""

_CLINICAL_WORDS = """
abdominal abuse acetaminophen ache aches acid acne activities activity acute adhd adverse aged aids air alcohol
alcoholism alive alone amoxicillin anemia
ankle anorexia anterior antibiotic antibiotics antiviral anxiety aortic arm arms arrhythmia arthritis aspirin asthma
ataxia
atrial autism autoimmune autopsy back bacterial bilateral bipolar birth bladder bleeding bmi bone bowel bp brain
bronchitis calcium
cardiac cardiovascular carcinoma carotid cataract celiac central cervical cesarean cholesterol chronic cirrhosis cold
colon coma
compliance complications congenital congestive constipation contusion copd coronary cough covid covid-19 ct cyst
cystic deaf deceased decreased dementia
denies dental depression dermatitis diabetes diabetic diarrhea difficulty disabled divorced dizziness dyslipidemia
dyspnea eczema ekg elevated
embolism emphysema endocrine endoscopy enema epilepsy erythema excellent fatigue fatty fetal fever fibromyalgia
flu foot fracture fractures gallbladder gastric gastritis gastro gastrointestinal gi glasgow glaucoma gout gravid
habits hair hand headache
headaches hearing hematology hemoglobin hepatitis heredity hernia herpes hip hiv hpv hypercholesterolemia
hyperlipidemia
hypertension hypertensive hypothyroidism ibuprofen ii increased infection infectious infertility influenza inhaler
insomnia insulin iron irritable
jaundice joint keto laparoscopic lateral leg leukemia lipids living loss lower lumbar lupus lymph lymphoma malaria
malignant married
mass measles melanoma menopause menstrual metabolic metformin migraine migraines mild moderate motor mri multiple
mumps muscle
muscular myocardial nasal nausea neonatal nephrology neurological nervous nicotine nodule non-smoker noncontributory
nose obese obesity obsessive occasional
occupational oncology ophthalmology organ orthopedic osteoarthritis osteoporosis ovarian overweight pancreatic
pancreatitis paralysis
pelvic peptic peripheral plasma pneumonia poison polio poor posterior premature prostate protein psoriasis psychiatric
psychological pt
pulmonary pulse rash rectal rehabilitation renal respiratory retinal rheumatoid rheumatic seizure seizures senile
sepsis separated sexual shock shortness shoulder sickle single sinus sinusitis skull sleep slight smoker smoking sore
spinal spine spleen sputum
stable stent stones stool stroke sudden suicide swelling syncope systolic tb temperature testicular
thoracic thrombosis thyroid tobacco tonsillectomy topical trauma tuberculosis tumor twin twins ulcer ulcers ultrasound
unremarkable upper
urinary urine uterine uterus uti vaginal valve varicose vascular vein venous viral virus vision vitamin vomiting
weakness
wheezing widow widowed wound xray x-ray
aguda agudo anemia ansiedad artritis asma bronquitis cancer cefalea corazon cronica cronico depresion diabetes
diabetica diabetico diarrea disnea
dolor dolores embarazada embarazo epilepsia fiebre fractura gripe hepatitis hipertensa hipertenso hipertension infarto
infeccion
insuficiencia lesion migrana nauseas neumonia obesidad tos trastorno tumor ulcera vomitos
"""

_CALENDAR_AND_PEOPLES = """
monday tuesday wednesday thursday friday saturday sunday january february march april june july august september
october
november december jan feb mar apr jun jul aug sep sept oct nov dec lunes martes miercoles jueves viernes sabado enero
febrero marzo mayo junio julio septiembre octubre noviembre diciembre janvier fevrier mars avril mai juin juillet aout
septembre
christmas easter ramadan
african afro american americans asian australian black british canadian catholic caucasian chinese christian dutch
english
european filipino french german greek hebrew hindu hispanic hungarian indian indonesian iranian iraqi irish islamic
italian
japanese jewish korean latin latina latino mexican mormon muslim native norwegian pakistani polish portuguese romanian
russian
scottish spanish swedish swiss thai turkish vietnamese white
americana americano argentina argentino colombiana colombiano cubana cubano espanola espanol francesa frances mexicana
mexicano peruana peruano venezolana venezolano
africa america asia australia barcelona boston california canada chicago china cuba europe france germany india
ireland italy japan london madrid mexico paris russia spain texas
god lord allah covid internet google facebook whatsapp medline pubmed wikipedia amazon xanax tylenol advil
motrin zantac benadryl
"""

_STAND_INS = """
x xx xxx xxxx xy xyz y z abc abcd anonymous anonymized blank chat chatbot chatdoctor default foo lastname firstname
surname n/a na nil
none null redacted removed scholl scholls scholl's pepper google phil oz seuss spock strangelove who
"""

_SURNAMES_TOO = """
bell best black book brand caballero case chart field fields sample stone ward church cook day dean english feeling
france french german good hall hand head holland house ireland
law little london long love low major march may may miner monday paris page pope power price rice short small spain
sage
strong white wood young
"""

_GIVEN_NAMES_TOO = "will april august christian dolores ella frances jan julio june"

COMPANIES: frozenset[str] = frozenset(
    name.strip()
    for name in """
    eli lilly, merck sharp, merck sharp dohme, johnson johnson, mary kay, estee lauder, elizabeth arden, jack daniels
    calvin klein, ralph lauren, hugo boss, tommy hilfiger, christian dior, giorgio armani, louis vuitton, john deere
    harley davidson, wells fargo, henry schein, becton dickinson, boehringer ingelheim, bristol myers, johns hopkins
    kaiser permanente, charles river, carl zeiss, philip morris, procter gamble, martens, oetker, bronner, bronner's
    brown's, pepper, reddy's, reddys, scholl's, betty crocker, uncle ben, aunt jemima, ben jerry's, marie callender
    """.replace("\n", ",").split(",")
    if name.strip()
)
"""Companies and brands that look like people, in plain words."""

PLACES: frozenset[str] = frozenset(
    """
    adelaide alabama alexandria america asia athens atlanta austin berlin birmingham boston bristol britain brooklyn
    cairo
    california cambridge carolina chad chelsea cheyenne chicago china cleveland cuba dakota dallas delhi denver
detroit
    dublin edinburgh england florence florida france geneva georgia germany glasgow hamilton havana houston india iowa
    israel italy jamaica japan jordan kansas kenya kingston lima lisbon liverpool london lourdes lyon madison madrid
    manchester melbourne memphis mexico miami milan montana montreal nevada odessa ohio orlando oxford paris perth
    philadelphia phoenix roma rome salem santiago savannah scotland seattle seville siena spain sydney tennessee texas
    toledo toronto troy utah valencia verona vienna virginia wales washington wellington windsor york barcelona
sevilla
    """.split()
)
"""Places that are also given names: after a mere greeting they count as the place."""

MEDICAL_ENDING = re.compile(
    r"(?:itis|osis|[ae]mia|oma|opathy|algia|ectomy|plasty|uria|pnea|plegia|trophy|penia|philia|phobia|ation|tion"
    r"|sion|ing|ed|ic|al"
    r"|ous|ive|ment|ness|ary|ular|ant|ent|ance|ence|able|ible)s?$"
)
"""Endings of plain words that are a finding, a drug or an adjective, and no name."""

_EVERY = frozenset(
    (_FUNCTION_WORDS + _TITLES_AND_ROLES + _STAND_INS + _HEADINGS + _CLINICAL_WORDS + _CALENDAR_AND_PEOPLES).split()
)

NEVER_NAMES: frozenset[str] = frozenset((_FUNCTION_WORDS + _TITLES_AND_ROLES + _STAND_INS).split()) - frozenset(
    "ella good long may little son kind world".split()
)
"""Words that do not begin a name even after a title."""

NOT_NAMES: frozenset[str] = _EVERY - frozenset(_GIVEN_NAMES_TOO.split())
"""Words that do not begin a name after an uncertain cue."""

NOT_SURNAMES: frozenset[str] = _EVERY - frozenset(_SURNAMES_TOO.split())
"""Words that end a name already begun."""

EPONYMS: frozenset[str] = frozenset(
    """
    addison adson albright alport alzheimer apert apgar argyll arnold asherman asperger auer auspitz babinski baker
    barlow
    barr barre barrett bartholin bartter basedow battle becker beckwith behcet bell bence billroth blalock bloom
    boerhaave
    bowen bowman braun brenner broca brodie brown brudzinski brugada bruton budd buerger burkitt calve caplan caroli
    chadwick
    chagas charcot chediak chiari christmas churg chvostek claude cockayne colles conn coombs cooley courvoisier
cowden
    coxsackie creutzfeldt crigler crohn cullen cushing dandy darier dejerine dercum dressler duchenne dubin dupuytren
    duffy
    ebola ebstein edwards ehlers eisenmenger epstein erb ewing fabry fallot fanconi felty fitz foley fontan friedreich
    fuchs galeazzi gardner gaucher gehrig gerstmann gilbert gilles gitelman gleason golgi goodpasture gottron gowers
    graafian
    gram graves grawitz guillain gunther hailey ham hand hansen hartmann hartnup hashimoto heberden heimlich henoch
    hickman hirschsprung
    hodgkin hoffmann homans horner huntington hurler hutchinson jacob jakob johnson jones kallmann kaposi kartagener
    kawasaki
    kayser kearns kegel keller kernig kienbock klebsiella klinefelter klippel klumpke koch koebner koplik korsakoff
    krabbe krukenberg
    kussmaul lachman laennec lambert landau langerhans langhans leber legg leigh lennox leriche lesch levine lewy
    lhermitte libman
    li-fraumeni lisfranc loeffler lou ludwig lyme lynch mallory mantoux marburg marfan marie mcardle mcburney mcmurray
    meckel
    meigs menetrier meniere menkes merkel milroy mohs mondor monteggia morquio morton munchausen murphy nelson niemann
    noonan
    norwalk ogilvie ollier ormond osgood osler paget pancoast parkinson patau perthes peutz peyronie phalen
    pick plummer pompe pott potter prader prinzmetal queckenstedt quincke ramsay raynaud recklinghausen reed refsum
    reinke
    reiter rett reye ringer rinne romberg rorschach roth rotor rovsing sachs salmonella schatzki scheuermann schirmer
    schlatter
    schmidt schwann sezary sheehan shy simmonds sipple sjogren snellen sorbo stein stensen sternberg stevens still
    stokes sturge swan sweet
    sydenham takayasu tay thomas thompson thomsen tietze tinel todd tourette treacher trendelenburg trousseau turner
    valsalva vincent virchow
    volkmann waldenstrom wallenberg waterhouse weber wegener weil wenckebach werner wernicke werdnig whipple white
wilms
    wilson wiskott wolff wood zenker ziehl zollinger
    """.split()
)

_ALSO_COMMON = """
baker barlow barr becker bell bloom bowen bowman brown burton calve cooley cooper cowden dressler edwards fisher foley
gardner
gilbert graves hand hansen jacob johnson jones keller kelly koch lambert leigh lou lynch marie martin moore murphy
nelson
norton pick potter ramsay reed schmidt shy stein stevens still stokes swan sweet thomas thompson thomsen todd turner
vincent
weber werner white wilson wolff wood
"""

ONLY_EPONYMS: frozenset[str] = EPONYMS - frozenset(_ALSO_COMMON.split())
"""Eponyms that mean the discoverer even after "Dr."."""

EPONYM_HEADS = (
    r"(?:disease|syndrome|sign|signs|test|tests|reflex|lymphoma|tumou?r|sarcoma|carcinoma|cell|cells|body|bodies"
    r"|fracture|"
    r"palsy|chorea|ataxia|dystrophy|dementia|phenomenon|triad|tetrad|law|rule|score|scale|criteria|classification"
    r"|maneuver|"
    r"manoeuvre|procedure|operation|technique|method|stain|agar|node|nodes|nodules?|duct|gland|glands|canal|ligament"
    r"|fascia|"
    r"pouch|space|triangle|line|lines|point|angle|loop|island|islets?|tubes?|catheter|forceps|clamp|retractor|needle"
    r"|scissors|"
    r"splint|solution|ulcer|esophagus|oesophagus|hernia|diverticul\w+|contracture|thyroiditis|arteritis|purpura"
    r"|vasculitis|"
    r"encephalopathy|psychosis|anomaly|malformation|deformity|complex|disorder|effect|index|equation|curve|formula"
    r"|virus|"
    r"fever|bacillus|position|view|incision|rings?|spots?|plaques?|fistula|shunt|block|angina|murmur|pulse|breathing|"
    r"respiration|staging|grade|stage|protocol|trial|study|model|institute|hospital|university|foundation|clinic"
    r"|center|"
    r"centre|prize|award|diet|medal|enfermedad|s[ií]ndrome|signo|maladie)\b"
)
"""Pattern of the noun directly after a surname (and its ``'s``) that makes it an eponym or an institution."""
