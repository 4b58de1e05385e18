"""The catalog: every source and benchmark by name, in the order in which recipes read them.

To add a corpus, write its connector and add one line here.
"""
# ruff: noqa: F401, I001 (the imports are the catalog)

from sources.connectors.medmcqa_sample import MEDMCQA_SAMPLE, MEDMCQA_VALIDATION
from sources.connectors.medmcqa import MEDMCQA_DEV
from sources.connectors.medmcqa_hub import MEDMCQA_HUB, MEDMCQA_HUB_HELD_OUT
from sources.connectors.medqa import MEDQA, MEDQA_4_OPTIONS
from sources.connectors.medqa_hpai import MEDQA_HPAI
from sources.connectors.medqa_gbaker import MEDQA_GBAKER, MEDQA_GBAKER_TEST
from sources.connectors.medqa_gbaker_hf import MEDQA_GBAKER_HF, MEDQA_GBAKER_HF_HELD_OUT
from sources.connectors.medqa_openlifescience import MEDQA_OPENLIFESCIENCE, MEDQA_OPENLIFESCIENCE_HELD_OUT
from sources.connectors.medqa_bigbio import MEDQA_BIGBIO, MEDQA_BIGBIO_HELD_OUT
from sources.connectors.openmedqa import OPENMEDQA
from sources.connectors.healthbench import HEALTHBENCH, HEALTHBENCH_HARD, HEALTHBENCH_PROFESSIONAL
from sources.connectors.headqa import HEADQA_EN, HEADQA_ES, HEADQA_EN_HELD_OUT, HEADQA_ES_HELD_OUT
from sources.connectors.headqa_hub import HEADQA_HUB_EN, HEADQA_HUB_ES, HEADQA_HUB_EN_HELD_OUT, HEADQA_HUB_ES_HELD_OUT
from sources.connectors.headqa_openlifescience import HEADQA_OPENLIFESCIENCE, HEADQA_OPENLIFESCIENCE_HELD_OUT
from sources.connectors.careqa import CAREQA
from sources.connectors.careqa_hub import CAREQA_HUB_EN, CAREQA_HUB_ES, CAREQA_HUB_OPEN
from sources.connectors.mmlu import MMLU
from sources.connectors.mmlu_medical import MMLU_MEDICAL
from sources.connectors.mmlu_hub import MMLU_AUXILIARY, MMLU_HUB
from sources.connectors.frenchmedmcqa import FRENCHMEDMCQA, FRENCHMEDMCQA_HELD_OUT
from sources.connectors.frenchmedmcqa_hub import FRENCHMEDMCQA_HUB, FRENCHMEDMCQA_HUB_HELD_OUT
from sources.connectors.medquad import MEDQUAD
from sources.connectors.medquad_keivalya import MEDQUAD_KEIVALYA
from sources.connectors.medquad_lavita import MEDQUAD_LAVITA
from sources.connectors.pubmedqa import PUBMEDQA, PUBMEDQA_TEST
from sources.connectors.pubmedqa_hpai import PUBMEDQA_HPAI, PUBMEDQA_HPAI_HELD_OUT
from sources.connectors.pubmedqa_labelled import PUBMEDQA_LABELLED, PUBMEDQA_LABELLED_TEST
from sources.connectors.pubmedqa_artificial import PUBMEDQA_ARTIFICIAL, PUBMEDQA_UNLABELLED
from sources.connectors.covid_qa import COVID_QA
from sources.connectors.covid_qa_hub import COVID_QA_HUB
from sources.connectors.covid_faq import COVID_FAQ
from sources.connectors.covid_question_pairs import COVID_QUESTION_PAIRS
from sources.connectors.meqsum import MEQSUM
from sources.connectors.rqe import RQE, RQE_TEST
from sources.connectors.genmedgpt5k import GENMEDGPT5K
from sources.connectors.genmedgpt_diseases import GENMEDGPT_DISEASES
from sources.connectors.wikidoc_patient_information import WIKIDOC_PATIENT_INFORMATION
from sources.connectors.wikidoc_patient_information_hub import WIKIDOC_PATIENT_INFORMATION_HUB
from sources.connectors.medinstruct_seed import MEDINSTRUCT_SEED
from sources.connectors.medinstruct_test import MEDINSTRUCT_TEST
from sources.connectors.icliniq_answers import ICLINIQ_ANSWERS
from sources.connectors.mts_dialog import MTS_DIALOG, MTS_DIALOG_HELD_OUT
from sources.connectors.aci_bench import ACI_BENCH, ACI_BENCH_HELD_OUT
from sources.connectors.ultramedical import ULTRAMEDICAL_EXAMPLES, ULTRAMEDICAL
from sources.connectors.gsm8k import GSM8K, GSM8K_TEST
from sources.connectors.self_instruct import SELF_INSTRUCT_SEED, USER_ORIENTED_INSTRUCTIONS
from sources.connectors.hh_rlhf import HH_RLHF, HH_RLHF_TEST
from sources.connectors.medsafetybench import MEDSAFETYBENCH, MEDSAFETYBENCH_TEST
from sources.connectors.aart import AART
from sources.connectors.jailbreak_llms import JAILBREAK_PROMPTS, FORBIDDEN_QUESTIONS
from sources.connectors.do_not_answer import DO_NOT_ANSWER
from sources.connectors.aloe_beta import ALOE_BETA_MEDICAL, ALOE_BETA_DPO
from sources.connectors.aloe_beta_general import ALOE_BETA_GENERAL
from sources.connectors.hpai_cot import MEDMCQA_COT, MEDQA_COT, HEADQA_COT, PUBMEDQA_COT, MMLU_MEDICAL_COT, POLYMED_QA
from sources.connectors.hpai_curated import MEDS_INS_HPAI, CHAIN_OF_DIAGNOSIS, ULTRAMEDICAL_HPAI
from sources.connectors.xstest import XSTEST
from sources.connectors.harm_behaviors import HARMBENCH, STRONGREJECT
from sources.connectors.bbq import BBQ
from sources.connectors.truthfulqa import TRUTHFULQA
from sources.connectors.crows_pairs import CROWS_PAIRS
from sources.connectors.ethics import ETHICS
from sources.connectors.toxigen import TOXIGEN
from sources.connectors.egida import EGIDA, EGIDA_TEST
from sources.connectors.meds_ins import MEDS_INS
from sources.connectors.alpacare import ALPACARE_MEDINSTRUCT
from sources.connectors.chatdoctor import CHATDOCTOR_ICLINIQ, CHATDOCTOR_HEALTHCAREMAGIC
from sources.connectors.medical_qa_datasets import MEDICAL_QA_DATASETS
from sources.connectors.mash_qa import MASH_QA, MASH_QA_HELD_OUT
from sources.connectors.know_medical_dialogue import KNOW_MEDICAL_DIALOGUE
from sources.connectors.wiki_medical_terms import WIKI_MEDICAL_TERMS
from sources.connectors.medtext import MEDTEXT
from sources.connectors.soap_summary import SOAP_SUMMARY, SOAP_SUMMARY_HELD_OUT
from sources.connectors.mental_health_conversational import MENTAL_HEALTH_CONVERSATIONAL
from sources.connectors.bioasq import BIOASQ, BIOASQ_BIGBIO
from sources.connectors.liveqa import LIVEQA
from sources.connectors.liveqa_trec import LIVEQA_TEST
from sources.connectors.ultramedical_preference import ULTRAMEDICAL_PREFERENCE, ULTRAMEDICAL_PREFERENCE_HELD_OUT
from sources.connectors.infinity_preference import INFINITY_PREFERENCE, INFINITY_PREFERENCE_TEST
from sources.connectors.skywork_preference import SKYWORK_PREFERENCE
from sources.connectors.aligner import ALIGNER
from sources.connectors.medical_meadow import MEDICAL_MEADOW_WIKIDOC, MEDICAL_MEADOW_FLASHCARDS
from sources.connectors.pmc_llama_instructions import PMC_LLAMA_INSTRUCTIONS
from sources.connectors.medical_o1 import MEDICAL_O1
from sources.connectors.ultrafeedback import ULTRAFEEDBACK, ULTRAFEEDBACK_TEST
from sources.connectors.aegis_1 import AEGIS_1, AEGIS_1_TEST
from sources.connectors.aegis_2 import AEGIS_2, AEGIS_2_HELD_OUT
from sources.connectors.meddialog import MEDDIALOG
from sources.connectors.med_dialog import MED_DIALOG, MED_DIALOG_HELD_OUT
from sources.connectors.finetome import FINETOME
from sources.connectors.magpie import MAGPIE_ULTRA, MAGPIE_PRO_MT
from sources.connectors.hermes_function_calling import HERMES_FUNCTION_CALLING
from sources.connectors.agent_instruct import AGENT_INSTRUCT
from sources.connectors.xlam_function_calling import XLAM_FUNCTION_CALLING
from sources.connectors.long_context import LONG_ALIGN, LONG_CITE, LONG_WRITER
from sources.connectors.medxpertqa import MEDXPERTQA
from sources.connectors.metamedqa import METAMEDQA
from sources.connectors.med_halt import MED_HALT
from sources.connectors.medhallu import MEDHALLU
from sources.connectors.medec import MEDEC, MEDEC_HUB, MEDEC_HUB_TRAIN, MEDEC_TRAIN
from sources.connectors.medcalc_bench import MEDCALC_BENCH, MEDCALC_BENCH_TRAIN
from sources.connectors.afrimedqa import AFRIMEDQA, AFRIMEDQA_OPEN
from sources.connectors.medcasereasoning import MEDCASEREASONING, MEDCASEREASONING_TRAIN
from sources.connectors.mmlu_pro import MMLU_PRO_HEALTH
from sources.connectors.supergpqa import SUPERGPQA_MEDICINE
from sources.connectors.longhealth import LONGHEALTH, LONGHEALTH_AMONG_OTHERS, LONGHEALTH_UNANSWERABLE
from sources.connectors.pubhealthbench import PUBHEALTHBENCH
from sources.connectors.medbullets import MEDBULLETS, MEDBULLETS_4
from sources.connectors.medmisbench import MEDMISBENCH, MEDMISBENCH_PLAIN
from sources.connectors.livemedbench import LIVEMEDBENCH
from sources.connectors.headqa_v2 import HEADQA_V2_EN, HEADQA_V2_ES
from sources.connectors.cares import CARES, CARES_TEST
from sources.connectors.fully_open_meditron import FULLY_OPEN_MEDITRON
from sources.connectors.reasonmed import REASONMED
from sources.connectors.medical_o1_verifiable import MEDICAL_O1_VERIFIABLE
from sources.connectors.medreason import MEDREASON
from sources.connectors.miriad import MIRIAD
from sources.connectors.medical_r1_distill import MEDICAL_R1_DISTILL
from sources.connectors.m23k import M23K
from sources.connectors.openmed_reasoning import OPENMED_REASONING
from sources.connectors.ii_medical import II_MEDICAL
from sources.source import Benchmark, Source

SOURCES: dict[str, Source] = {each.name: each for each in list(globals().values()) if isinstance(each, Source)}
BENCHMARKS: dict[str, Benchmark] = {each.name: each for each in list(globals().values()) if isinstance(each, Benchmark)}

HELD_OUT: dict[str, Benchmark] = {name: each for name, each in BENCHMARKS.items() if each.variant_of is None}
"""The benchmarks that rows are compared with: all but those that ask the questions of another one in another way."""
