"""Log-likelihoods of options by a small model of random weights: batches, prompts read once, what does not fit."""

import shutil

import pytest
from click.testing import CliRunner
from evaluation_place import write_mirror

from pipelines.cli.commands import main
from pipelines.completions.budget import Spending
from pipelines.evaluate.evaluate_model import Evaluation, evaluate
from pipelines.evaluate.result_folder import read_results
from training.evaluation import option_likelihood
from training.evaluation.evaluation_record import Settings
from training.evaluation.option_likelihood import LikelihoodTeacher, likelihood_request, likelihoods

LETTERS = Settings(mode="loglikelihood", scoring="letters")


@pytest.fixture
def mirror(tmp_path):
    return write_mirror(tmp_path / "mirror")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from tiny_model import make

    return make(tmp_path_factory.mktemp("tiny"))


@pytest.mark.parametrize("at_once", [2, 9, 512])
def test_batches_and_shared_prompts_change_no_log_likelihood(tiny, monkeypatch, at_once):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    prompts = [
        "Question: Which?\nAnswer:",
        "Question: " + "A long question about a patient with fever? " * 9 + "\nAnswer:",
    ]
    continuations = [" A", " a longer continuation of several tokens", " yes", " scurvy and rickets"]
    requests = [likelihood_request(f"r{n}", "s", prompt, continuations) for n, prompt in enumerate(prompts)]
    monkeypatch.setattr(option_likelihood, "CONTINUED_TOKENS", at_once)
    found = dict(LikelihoodTeacher(model=str(tiny)).complete(requests))
    tokenizer, network = AutoTokenizer.from_pretrained(tiny), AutoModelForCausalLM.from_pretrained(tiny)
    for request in requests:
        completion = found[request]
        for text, value in zip(continuations, likelihoods(completion), strict=True):
            prompt = tokenizer(request.messages[0].content)["input_ids"]
            ids = tokenizer(request.messages[0].content + text)["input_ids"]
            with torch.inference_mode():
                logs = network(torch.tensor([ids])).logits[0].float().log_softmax(-1)
            expected = sum(float(logs[at - 1, ids[at]]) for at in range(len(prompt), len(ids)))
            assert value == pytest.approx(expected, abs=2e-4)
        assert completion.prompt_tokens == len(tokenizer(request.messages[0].content)["input_ids"])


def test_a_prompt_that_does_not_fit_fails_and_says_so(tiny, tmp_path, mirror):
    file = mirror / "medmcqa" / "data" / "dev.json"
    file.write_text(file.read_text().replace("Which value is 10?", "Which value? " * 2000))
    job = {"model": str(tiny), "benchmarks": ("medmcqa",), "settings": LETTERS, "store": tmp_path / "store"}
    record = evaluate(Evaluation(**job, out=tmp_path / "out", mirror=mirror), Spending())
    assert record.benchmarks[0].counts["failed"] == 1
    failed = next(one for one in read_results(tmp_path / "out").items if one.verdict == "failed")
    assert "the model holds 1024" in failed.how
    assert (failed.chosen, failed.score) == ((), None)


def test_a_model_without_a_chat_template_writes_no_answers_but_has_likelihoods(tiny, tmp_path, mirror):
    bare = tmp_path / "bare"
    shutil.copytree(tiny, bare)
    (bare / "chat_template.jinja").unlink()
    call = ["evaluate", str(bare), "--benchmark", "medmcqa", "--limit", "4", "--mirror", str(mirror)]
    call += ["--store", str(tmp_path / "store"), "--out", str(tmp_path / "out")]
    told = CliRunner().invoke(main, [*call, "--mode", "generate"])
    assert told.exit_code == 1
    assert "has no chat template" in told.output
    assert CliRunner().invoke(main, call).exit_code == 0
    assert read_results(tmp_path / "out").record.model.name == "bare"
