"""The words of stock sentences; a sentence with any other word has content of its own and is kept."""

from __future__ import annotations

COMMON = frozenset(
    "a about above again all also always am an and any anytime are as at available be been below but by can could do "
    "does for from had has have here i i'd i'll i'm i've if in is it it's its just kindly may me might more much my "
    "of on or our please shall should so some soon that the their them there these this those till to too up us very "
    "was we we'd we'll we're we've well were will with would you you'll you're you've your yours".split()
)

COURTESY = COMMON | frozenset(
    "able accept additional address advice afternoon agree ahead aide aider answer answered answering answers anymore "
    "anyone anything anyway appreciate appreciated appreciates ask asked asking assist assistance assisted attention "
    "ayudarle ayude back best better bien bienvenida bienvenido bless blessed bonjour bonne bring bringing buenas "
    "buenos care carefully caring case cases channel cheers choose choosing clarification clarifications clarified "
    "clarifies clarify clear clears click come comes coming comments concern concerned concerns confiance confianza "
    "confidence connect connecting consult consulta consulting contact contacted contacting cordial cordialement "
    "cordially cordialmente courtesy cualquier curious day dear decide decision delay delayed describe describing "
    "detail detailed detailing details difficult disposal disposición doctors doing doubt doubts duda días earlier "
    "earliest elaborate else enjoy enough entire espero estimada estimado evening everyone everything excellent "
    "experts explain explaining feel feeling feels fellow find fine follow-up follows followup forget forum forward "
    "free friend frustrating further future gave get getting give given glad gladly go god gone good gracias great "
    "greetings guidance guide happen happens happily happy having hcm health healthcare healthcaremagic healthy hear "
    "hearing hello help helped helpful helping helps here's hesitate hey hi history hola honest honour hope hopefully "
    "hoping icliniq imagine important info information informative informed input inquiry interest interested "
    "interesting introduce introduction it'll j'espère journey journée keep kind kindest kindness know late le leave "
    "let letter life like listen listening look looking looks lovely luck madam mail many matter meet member merci "
    "message moment morning must myself need needed needs newsletter nice no not note noted now offer online "
    "opportunity order other out outcome page part patience people pleasant pleased pleasure por possible post posted "
    "posting pour pray praying pregunta problem problems proceed professional provide provided que quedo queries query "
    "question questions quick quickly rate rating reach reached reaching read reader reading really reason recover "
    "recovery references regard regarding regards regret related relevant remain reply require requirements resolve "
    "resolved resolves respected response restful return revert review reviewed safe saludo saludos salut satisfied "
    "satisfies satisfy say see send sending service set share shared sharing shortly side sido sincerely sir sir/madam "
    "solve solved solves sorry speedy spend stay story su subscribe suggestion suggestions support supporting sure "
    "tardes team tell telling thank thankful thanks that's then therefore they things through time today todays touch "
    "tough trouble troubles truly trust trusted trusting try trying tu unclear understand understanding understood "
    "upset use used useful using via visiting votre vous warm warmest website week weekend welcome well-being "
    "wellbeing went what whenever whole why willing wish wishes wishing wonderful worried worries worrisome worry "
    "worrying write writing wrote year yourself à útil".split()
)

SELF_DESCRIPTION = COMMON | frozenset(
    "ability access advice ai answer answers anything apologize artificial assist assistance assistant based bear "
    "being beliefs bot can't cannot certified chatbot check clinic clinical clinician clinicians computer conditions "
    "consciousness decision decisions diagnose diagnoses diagnosis diagnostic doctor doctor's doctors don't "
    "educational emotions exam examination examine experience experiences feelings file files general give guidance "
    "health healthcare however human information instead intelligence judgement keep language large legal licence "
    "license licensed like machine make medical mind model no nor not note offer only opinion opinions own personal "
    "physical physically physician prescribe professional program provide providing purposes qualified real records "
    "rely remember replace same sensitive sorry specific suggest therefore trained treat treatment unable verify "
    "virtual way".split()
)

DISCLAIMER = COMMON | frozenset(
    "able accept accuracy accurate act acting advice advised affiliated aim answer answers anyone anything applicable "
    "apply arising article artículo assume assumes author authors avis aviso aware awareness basic basis bear because "
    "before beliefs best bot cannot care carers carácter caution ce ces cet cette changes chat chatbot check "
    "circumstances clinical clinician clinics come complete completeness con condition conditions conseil consejo "
    "considered constantly constitue constitute constitutes constituye construed consult consulta consultation "
    "contained content cover covers create created creates currency d damages date de deal decisions delay depends "
    "diagnose diagnosing diagnosis different directly disclaimer discuss discussed discussion disregard doctor "
    "doctor's doctor- doctor-patient doctors doesn't educate education educational el emergencies employer endorse "
    "endorsed endorsement endorses errors es esta establish establishes este esto et evaluated every everyone exact "
    "examination examine experience expert experts expressed expressly fact fda files final find fines first follow "
    "form forms found full fully gave general get give given gives giving good guarantee guaranteed guarantees "
    "guidance guideline guidelines harm health healthcare help her herein herself him himself his hold human idea "
    "immediately implied important include includes individual información informatif information informational "
    "informations informativa informative informativo informativos informed instead instructions intended internet "
    "isn't judgement judgment keep kind know knowledge knows l la las le leaflet legal les less liability liable "
    "licence license licensed limited line look los loss losses made make material matter mean means meant medical "
    "medicine mentioned merely message mind most must médecin médica médical médico médicos n nature ne need neither "
    "never ni no nor not nota note nothing notice now o offer offered omissions once online only opinion opinions "
    "organisation organization other others ou out over own page part pas patient patients person personal "
    "personalised personalized physical physician physician-patient physicians place plan plans point possible "
    "practitioner prescription presented problem problems profesional professional professionally professionals "
    "properly provide provided provider provider's providers public publisher purely purpose purposes put qualified "
    "question questions reach read reader readers really reason recommendations records reemplaza reference regarded "
    "regarding relationship reliance relied rely remember reminder remplace remplacent replace replacement reply "
    "report response responsibility responsible respuesta result resulting results reviewed réponse same say see "
    "seeing seek seeking self-diagnosis self-treatment service set shared show simply since site situation solely solo "
    "someone something son sort source speak specialist specialists specific start state statement statements still "
    "strictly su substitute substitutes such sure sustituye sustituyen sólo tailored taken taking talk tell text texte "
    "texto than thing things think through time titre told total treat treating treatment true trust truth try type un "
    "una une unless until use used user users valid vary view views visit visitors want warning warranties warranty "
    "way web website what when where whether while who whole whose why wish words work write writer written wrong y "
    "years à".split()
)

REFERENCE = COMMON | frozenset(
    "access accessed adapted additional address aquí article articles book browse check click consult consulte copy "
    "detail details download en enlace external find follow following found fuente full further go here's homepage "
    "http https ici info información information internet learn lien link linked links located look más next obtained "
    "online out page pages paper pdf read reading ref refer reference references resource resources retrieved see site "
    "sites source sources summary table text title topic url using ver via view viewed visit visite visited visiting "
    "voir véase web webpage website websites wikipedia www".split()
)
"""Words around an address, without names of publishers and subjects."""

DOCUMENTS = REFERENCE | frozenset(
    "brochure calculator calendar chart complete credit credits document documents factsheet faq faqs figure form "
    "guide guideline guidelines image images infographic last leaflet leaflets list map news newsletter photo picture "
    "portal post posts publication publications register registration report schedule section sheet study tool tools "
    "tutorial update updated updates version".split()
)
"""Words around an address that name the kind of document."""

DECLINING = COMMON | frozenset(
    "able accurate advice advise advising afraid against allowed answer answered answering answers anyone apologies "
    "apologise apologize appropriate area areas ask assist assistance authorised authorized being better beyond can't "
    "cannot case centre clinic clinical comfortable comment consult contact context couldn't data decline detail "
    "details discuss doctor doctor-patient don't else email enough ent equipped examination examine examining expert "
    "expertise fall falls feel field further get give giving go gp guidance guidelines health healthcare help helpful "
    "honest honestly inappropriate individual information instead insufficient irresponsible know knowledge lack lacks "
    "leave licensed local make medical must need needs no nobody not offer one only opinion order outside patient "
    "permitted person pharmacist physician policy position possible prefer professional programmed proper provide "
    "provided providing purpose qualifications qualified query question questions rather reach really recommendations "
    "refrain refuse regarding regret reliable reply request require requires respectfully respond responding response "
    "right safe safely say scope see seek sensible someone something sorry speak specialist specific speculate subject "
    "such sufficient suggest suitable surgeon talk tell that's then therefore think topic topics trained treating "
    "truly try unable unethical unfortunately unsure visit what who without won't yourself".split()
)
"""Words of a reply that declines and refers the reader to someone else without addressing the question."""
