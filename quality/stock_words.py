"""The words of which stock sentences are made; a sentence with any other word has content of its own and stays."""

from __future__ import annotations

COMMON = frozenset(
    "a about above again all also always am an and any anytime are as at available be been below but by can could do "
    "does for from had has have here i i'd i'll i'm i've if in is it it's its just kindly may me might more much my "
    "of on or our please shall should so some soon that the their them there these this those till to too up us very "
    "was we we'd we'll we're we've well were will with would you you'll you're you've your yours".split()
)

COURTESY = COMMON | frozenset(
    "able accept additional advice afternoon ahead answer answered answering answers any anymore anything appreciate "
    "appreciated ask asked asking assist assistance assisted back best better bless blessed care carefully caring "
    "case cases cheers choose choosing clarification clarifications clarified clarifies clarify clear clears come "
    "coming concern concerned concerns consult consulting contact contacted contacting day dear decide decision "
    "detail detailed details disposal doing doubt doubts else enough evening everything excellent feel feeling feels "
    "find fine follow-up followup forum forward free friend further future gave get getting give given glad gladly "
    "god gone good great greetings guidance guide happily happy have having hcm health healthcare healthcaremagic "
    "healthy hear hearing hello help helped helpful helping helps here's hesitate hey hi hope hopefully hoping "
    "icliniq info information informative informed kind kindest know leave let life like look looking lovely luck "
    "madam many message moment morning must need needed needs nice no noted now other out outcome page part patience "
    "pleased pleasure post posted posting problem problems proceed provide provided queries query question questions "
    "quick rate reach reaching read recover recovery regard regarding regards related remain reply require resolve "
    "resolved resolves respected response revert reviewed safe satisfied satisfies satisfy service sharing shortly "
    "side sincerely sir solve solved solves speedy stay suggestion suggestions sure team thank thankful thanks that's "
    "things through time today todays truly trust trusted trusting unclear understand understanding understood use "
    "used useful using via visiting warm warmest website weekend welcome well-being wellbeing went what whenever "
    "willing wish wishes wishing wonderful worries worry write writing wrote year yourself".split()
)

SELF_DESCRIPTION = COMMON | frozenset(
    "ability access advice ai an answer answers apologize artificial assist assistance assistant based being beliefs "
    "but can't cannot chatbot check consciousness could decision decisions diagnose diagnoses diagnosis diagnostic "
    "doctor don't educational emotions exam examination examine experience experiences feelings general give guidance "
    "have health healthcare however human i'm information intelligence just language large legal licensed like make "
    "medical model no nor not note offer only opinion opinions personal physical physically physician prescribe "
    "professional program provide providing purposes qualified real remember replace same sensitive sorry specific "
    "suggest therefore trained treat treatment unable verify way".split()
)

DISCLAIMER = COMMON | frozenset(
    "above accept advice always answer answers applicable apply article awareness because best cannot care check "
    "clinical condition conditions considered constitute constitutes construed consult consultation content create "
    "created creates delay diagnose diagnosing diagnosis disclaimer discussion disregard doctor doctor's doctor- "
    "doctor-patient doctors does doesn't educational establish establishes examination expert form forms general have "
    "health healthcare here i'm information informational instead intended is isn't judgement judgment just kindly "
    "legal liability liable licensed material meant medical medicine message nature neither no nor not note nothing "
    "notice offered online only opinion other own page patient personal physical physician physician-patient "
    "physicians place practitioner prescription professional professionally professionals provide provided provider "
    "provider's providers purpose purposes qualified question questions read reference regarded regarding "
    "relationship relied rely remember replace replacement reply response responsibility responsible reviewed seek "
    "seeking service should site situation solely something speak substitute taken talk text treat treating treatment "
    "use used visit way website".split()
)

REFERENCE = COMMON | frozenset(
    "access accessed adapted additional address aquí article articles book browse check click complete consult "
    "consulte copy credit credits detail details download en enlace external find follow following found fuente full "
    "further go here's homepage http https ici image images info información information internet last learn lien "
    "link linked links list located look more más next obtained online our out page pages paper pdf photo picture "
    "read reading ref refer reference references resource resources retrieved see site sites source sources summary "
    "table text the this title topic updated url using ver via view viewed visit visite visited visiting voir véase "
    "web webpage website websites wikipedia www".split()
)
"""Words around an address; the names of publishers and subjects are not among them."""

DECLINING = COMMON | frozenset(
    "able about above accurate advice advise advising afraid against allowed am answer answered answering answers "
    "anyone apologies apologise apologize appropriate area areas ask assist assistance authorised authorized be being "
    "better beyond but can can't cannot case centre clinic clinical comfortable comment consult contact context "
    "couldn't data decline detail details discuss do doctor doctor-patient don't else email enough ent equipped "
    "examination examine examining expert expertise fall falls feel field further get give giving go gp guidance "
    "guidelines health healthcare help helpful honest honestly i'd i'm inappropriate individual information instead "
    "insufficient irresponsible kindly know knowledge lack lacks leave licensed local make me medical more must need "
    "needs no nobody not of offer one only opinion order our outside patient permitted person pharmacist physician "
    "policy position possible prefer professional programmed proper provide provided providing purpose qualifications "
    "qualified query question questions rather reach really recommendations refrain refuse regarding regret reliable "
    "reply request require requires respectfully respond responding response right safe safely say scope see seek "
    "sensible someone something sorry speak specialist specific speculate subject such sufficient suggest suitable "
    "surgeon talk tell that's then there therefore think this to topic topics trained treating truly try unable "
    "unethical unfortunately unsure visit what who without won't your yourself".split()
)
"""Words of a reply that declines and sends the reader to someone else, without a word on the matter."""
