"""The words of which stock sentences are made; a sentence with any other word has content of its own and stays."""

from __future__ import annotations

COMMON = frozenset(
    "a about above again all also always am an and any anytime are as at available be been below but by can could do "
    "does for from had has have here i i'd i'll i'm i've if in is it it's its just kindly may me might more much my "
    "of on or our please shall should so some soon that the their them there these this those till to too up us very "
    "was we we'd we'll we're we've well were will with would you you'll you're you've your yours".split()
)

COURTESY = COMMON | frozenset(
    "able additional advice afternoon ahead answer answered answering answers any anymore anything appreciate "
    "appreciated ask asked asking assist assistance assisted back best better bless blessed care carefully caring "
    "case cases cheers choose choosing clarification clarifications clarified clarifies clarify clear clears come "
    "coming concern concerned concerns consult consulting contact contacted contacting day dear decide decision "
    "detail detailed details doubt doubts else enough evening excellent feel feeling feels find follow-up followup "
    "forum free friend further future gave get getting give given glad gladly god gone good great greetings guidance "
    "guide happily happy have having hcm health healthcare healthcaremagic healthy hear hello help helped helpful "
    "helping helps here's hesitate hey hi hope hopefully hoping icliniq info information informative informed kind "
    "kindest know leave let life like look looking lovely luck madam many message moment morning must need needed "
    "needs nice now other out outcome page patience pleased pleasure post posted posting problem problems proceed "
    "provide provided queries query question questions quick reach reaching read recover recovery regard regarding "
    "regards related remain reply resolve resolved resolves respected response revert safe satisfied satisfies "
    "satisfy service sharing shortly sincerely sir solve solved solves speedy stay suggestion suggestions sure team "
    "thank thankful thanks that's through time today todays truly trust trusted trusting unclear understand "
    "understanding use used useful using via visiting warm warmest website weekend welcome well-being wellbeing went "
    "what whenever willing wish wishes wishing wonderful worries worry write writing wrote year yourself".split()
)

SELF_DESCRIPTION = COMMON | frozenset(
    "ability access advice ai an answer answers apologize artificial assist assistance assistant based being beliefs "
    "but can't cannot chatbot consciousness could decision decisions diagnose diagnoses diagnosis diagnostic doctor "
    "don't educational emotions exam examination examine experience experiences feelings general give guidance have "
    "health healthcare however human i'm information intelligence language large legal licensed like make medical "
    "model no nor not note offer only opinion opinions personal physical physically physician prescribe professional "
    "program provide providing purposes qualified real replace same sensitive sorry specific suggest therefore "
    "trained treat treatment unable way".split()
)

DISCLAIMER = COMMON | frozenset(
    "above advice answer answers article because care clinical condition conditions considered constitute constitutes "
    "consultation content create creates delay diagnosis disclaimer discussion disregard doctor doctor-patient does "
    "doesn't educational establish establishes expert form forms general have health healthcare information "
    "informational instead intended is isn't judgement judgment licensed material meant medical medicine neither no "
    "nor not note only other own page patient personal physician physician-patient physicians place practitioner "
    "professional professionals provide provided provider provider's providers purpose purposes qualified question "
    "questions read reference regarded regarding relationship relied replace replacement response seek seeking site "
    "solely something substitute taken text treating treatment used visit way website".split()
)

REFERENCE = COMMON | frozenset(
    "access accessed adapted additional address aquí article articles book browse check click consult consulte copy "
    "detail details download en enlace external find follow following found fuente full further go here's homepage "
    "http https ici info información information internet learn lien link linked links located look more más next "
    "obtained online our out page pages paper pdf read reading ref refer reference references resource resources "
    "retrieved see site sites source sources summary table text the this title topic url using ver via view viewed "
    "visit visite visited visiting voir véase web webpage website websites wikipedia www".split()
)
"""Words around an address; the names of publishers and subjects are not among them."""
