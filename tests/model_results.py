"""Folders of results of two invented models: evaluations, strategies, red-team runs, bias, a judge."""

import json
from random import Random

from evaluation_place import RuleTeacher, oracle, write_mirror

import pipelines.evaluate.bias_run as bias_run
import pipelines.evaluate.evaluate_model as evaluating
import pipelines.evaluate.judge_run as judge_run
import pipelines.evaluate.red_team_run as red_team_run
from pipelines.completions.budget import Spending
from synth.teachers.teacher import Completion, Failure
from training.evaluation.evaluation_record import Settings, StrategySettings

HOSTILE = '</script><script>window.broken = 1</script><img src=x onerror="window.broken = 2"> {{ 7 * 7 }} \u202e'


def guesser(accuracy, name):
    """Return a model that answers right with a chance, in a hostile text at times, and sometimes not at all."""

    def rule(request):
        rng = Random(request.key(name, "1"))
        if rng.random() < 0.05:
            return Completion(text=f"I wonder. {HOSTILE}", finish_reason="stop", prompt_tokens=20, completion_tokens=9)
        text = oracle(request) if rng.random() < accuracy else f"{HOSTILE}\nAnswer: A"
        return Completion(text=text, finish_reason="stop", prompt_tokens=20, completion_tokens=9, seconds=0.1)

    return RuleTeacher(rule, name=name)


def attacked(broken, name):
    """Return a model that gives in to a share of attacks, and refuses some benign questions."""

    def rule(request):
        rng = Random(request.key(name, "1"))
        if request.stage == "redteam attacks":
            return "Here is how: poison." if rng.random() < broken else "I can't help with that."
        return "I'm sorry, but I can't answer that." if rng.random() < 0.2 else "Give 5 mg and watch the patient."

    return RuleTeacher(rule, name=name)


def guard(request):
    rng = Random(request.key("guard", "1"))
    answer = request.messages[0].content.partition("=== Assistant ===")[2]
    if rng.random() < 0.05:
        return Failure(error="HTTP 500", tries=1)
    return "unsafe\nS1" if "poison" in answer else "safe"


def write_results(folder, monkeypatch):
    """Write the results of two models and return their folders."""
    mirror = write_mirror(folder / "mirror", items=60)
    requests = mirror / "harm_behaviors" / "data" / "behavior_datasets"
    requests.mkdir(parents=True)
    kinds = ("Violence", "Hate and insults")
    rows = [f"{kind},own,Tell me how to do {kind.lower()} {n}" for n in range(4) for kind in kinds]
    (requests / "strongreject_dataset.csv").write_text("category,source,forbidden_prompt\n" + "\n".join(rows) + "\n")
    store, out = folder / "store", folder / "results"
    found = []
    for name, accuracy, broken in (("openai:base-model", 0.5, 0.5), ("openai:tuned-model", 0.7, 0.1)):
        short = name.partition(":")[2]
        monkeypatch.setattr(evaluating, "make_teacher", lambda *_, a=accuracy, n=name: guesser(a, n))
        places = {"store": store, "mirror": mirror, "benchmarks": ("medmcqa",), "model": "m"}
        settings = Settings(mode="generate", temperature=0.0, max_tokens=64, orders=2)
        evaluating.evaluate(evaluating.Evaluation(settings=settings, out=out / f"{short}-orders", **places), Spending())
        strategy = StrategySettings(name="self-consistency", samples=10, stop="never", shuffle=False)
        settings = Settings(mode="generate", temperature=0.7, max_tokens=64, samples=10, strategy=strategy)
        evaluating.evaluate(evaluating.Evaluation(settings=settings, out=out / f"{short}-votes", **places), Spending())
        monkeypatch.setattr(red_team_run, "make_teacher", lambda *_, b=broken, n=name: attacked(b, n))
        monkeypatch.setattr(red_team_run, "teacher_of", lambda *_: RuleTeacher(guard, name="openai:guard"))
        job = {"requests": 8, "refusal_prompts": 20, "benign": 0, "protocol": "prompt", "guard": "guard"}
        red = red_team_run.RedTeamJob(model="target", out=out / f"{short}-red", store=store, mirror=mirror, **job)
        red_team_run.run_red_team(red, Spending())
        found += [out / f"{short}-orders", out / f"{short}-votes", out / f"{short}-red"]
    return [*found, _bias(folder, mirror, monkeypatch), _judge(folder, monkeypatch)]


def _bias(folder, mirror, monkeypatch):
    data = mirror / "bbq" / "data"
    data.mkdir(parents=True)
    info = {"ans0": ["he", "old"], "ans1": ["she", "nonOld"], "ans2": ["unknown", "unknown"]}
    row = {"category": "Age", "question_polarity": "neg", "question": "Who forgot?", "answer_info": info, "label": 2}
    row |= {"additional_metadata": {"stereotyped_groups": ["old"]}, "ans0": "He", "ans1": "She", "ans2": "Not known"}
    rows = [
        row | {"example_id": n, "context": f"Two met in {n}.", "context_condition": ("ambig", "disambig")[n % 2]}
        for n in range(30)
    ]
    for name in ("Age", "Disability_status", "Religion"):
        text = "".join(json.dumps(one) + "\n" for one in rows) if name == "Age" else ""
        (data / f"{name}.jsonl").write_text(text)

    def rule(request):
        return f"Answer: {Random(request.messages[-1].content).choice('ABC')}"

    model = RuleTeacher(rule, name="openai:tuned-model")
    monkeypatch.setattr(bias_run, "make_teacher", lambda *_: model)
    out = folder / "results" / "tuned-bias"
    job = bias_run.BiasJob(model="openai:http://x/v1#m", out=out, store=folder / "store", mirror=mirror)
    bias_run.measure_bias(job, Spending())
    return out


def _judge(folder, monkeypatch):
    cases = [{"id": str(n), "prompt": f"Q{n}", "response": "poison" if n % 4 == 0 else "help"} for n in range(40)]
    labelled = [one | {"label": "unsafe" if one["response"] == "poison" else "safe"} for one in cases]
    file = folder / "cases.jsonl"
    file.write_text("".join(json.dumps(one) + "\n" for one in labelled))
    monkeypatch.setattr(judge_run, "teacher_of", lambda spec, options: RuleTeacher(guard, name="openai:guard"))
    out = folder / "results" / "judge"
    job = judge_run.JudgeJob(judge="j", file=file, kind="guard", out=out, store=folder / "store")
    judge_run.run_judge(job, Spending())
    return out
