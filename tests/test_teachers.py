"""Teachers behind servers, through the real client: no request lost or repeated, every error reported."""

import gzip
import json
import socket
import sys
import threading
import time
from collections import Counter
from dataclasses import replace
from email.utils import formatdate
from itertools import pairwise

import pytest
from hostile_server import EVENTS, HANG, Cut, Endless, Reply, chat, failing, good, serving, stream

from pipelines.completions.warning_log import kept_notices
from sources.record import Message
from synth.teachers.chat_reply import BadReplyError, read_reply
from synth.teachers.concurrency import Pace
from synth.teachers.local_chat import prompt_text
from synth.teachers.openai_server import OpenAITeacher, _at_azure, _headers
from synth.teachers.options import Rates, TeacherOptions
from synth.teachers.request_errors import Kind, error_of_reply, error_of_status
from synth.teachers.specs import teacher
from synth.teachers.teacher import Completion, Failure, Request, Sampling, TeacherError
from synth.teachers.teacher_warnings import Notices

QUICK = TeacherOptions(backoff_s=0.002, timeout_s=5.0, max_tries=4, give_up_after_s=5.0)


def requests(n, **sampling):
    prompts = (f"Which vitamin is lacking in case {i}?" for i in range(n))
    return [
        Request(row=f"r:{i}", stage="cot", messages=(Message("user", prompt),), sampling=Sampling(**sampling))
        for i, prompt in enumerate(prompts)
    ]


def complete(server, batch, **options):
    client = teacher(f"openai:{server.url}#m", TeacherOptions(**{**vars(QUICK), **options}))
    return outcomes_by_request(batch, client.complete(batch))


def outcomes_by_request(batch, answered):
    """Return outcomes by (row, sample) after checking that each request has exactly one."""
    came = [((request.row, request.sample), outcome) for request, outcome in answered]
    assert Counter(name for name, _ in came) == Counter((request.row, request.sample) for request in batch)
    return dict(came)


def outcome_of(behaviour, **options):
    with serving(behaviour) as server:
        (outcome,) = complete(server, requests(1), **options).values()
    return outcome


def test_an_answer_comes_with_its_words_its_reason_and_its_tokens():
    batch = requests(3, seed=7)
    with serving() as server:
        answer = complete(server, batch)["r:2", 0]
    assert answer.text == f"Which vitamin is lacking in case 2? / {batch[2].seed}: Answer: B"
    assert (answer.finish_reason, answer.completion_tokens, answer.reasoning) == ("stop", 5, None)
    assert answer.prompt_tokens and answer.seconds > 0


def test_requests_are_spread_over_several_servers_of_one_model():
    with serving() as one, serving() as two:
        client = teacher(f"openai:{one.url}+{two.url}#m", QUICK)
        batch = requests(60)
        outcomes_by_request(batch, client.complete(batch))
        assert client.name == teacher(f"openai:{one.url}#m").name
        shares = [len(server.request_counts) for server in (one, two)]
    assert sum(shares) == 60
    assert min(shares) >= 20


@pytest.mark.parametrize("dead_first", [True, False])
def test_a_server_that_cannot_be_reached_leaves_its_share_to_the_others(dead_first):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        dead = f"http://127.0.0.1:{closed.getsockname()[1]}/v1"
        with serving() as server, kept_notices() as notices:
            urls = (dead, server.url) if dead_first else (server.url, dead)
            batch = requests(30)
            outcomes = outcomes_by_request(batch, teacher(f"openai:{'+'.join(urls)}#m", QUICK).complete(batch))
            assert len(server.request_counts) == 30
    assert all(isinstance(outcome, Completion) for outcome in outcomes.values())
    assert notices == []


def test_servers_none_of_which_can_be_reached_end_the_run():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        dead = f"http://127.0.0.1:{closed.getsockname()[1]}/v1"
        client = teacher(f"openai:{dead}+{dead}/again#m", replace(QUICK, give_up_after_s=0.2))
        with pytest.raises(TeacherError, match="unreachable"):
            list(client.complete(requests(3)))


def test_samples_of_one_prompt_are_requests_of_their_own_with_seeds_of_their_own():
    first, other = requests(2, seed=40)
    samples = [replace(first, sample=n) for n in range(3)]
    with serving() as server:
        answers = complete(server, samples)
        seeds = sorted(seed for _, seed in server.request_counts)
    assert seeds == sorted(sample.seed for sample in samples) and len(set(seeds)) == 3
    assert len({answer.text for answer in answers.values()}) == 3
    assert other.seed != first.seed, "another prompt with the same seed would sample alike"
    assert requests(1, seed=41)[0].seed == replace(first, sample=1).seed < 2**31


def test_what_is_asked_for_is_sent_and_nothing_else():
    bodies = []

    def behaviour(request):
        bodies.append(request.body)
        return good(request, text='{"letter": "B"}')

    schema = {"type": "object", "required": ["letter"]}
    with serving(behaviour) as server:
        complete(server, requests(1))
        complete(server, requests(1, stop=("\n\n",), json_schema=schema, temperature=0.0, max_tokens=9))
    plain, full = bodies
    assert set(plain) == {"model", "messages", "temperature", "max_tokens", "seed"}
    assert (full["stop"], full["temperature"], full["max_tokens"]) == (["\n\n"], 0.0, 9)
    assert full["response_format"]["json_schema"]["schema"] == schema


@pytest.mark.parametrize(
    "content, reasoning, text",
    [
        ("Answer: B", None, "Answer: B"),
        ("<think>\nIron is low.\n</think>\n\nAnswer: B", "Iron is low.", "Answer: B"),
        ("Iron is low.</think>Answer: B", "Iron is low.", "Answer: B"),  # the template opened it
        ("<think>one</think>A <think>two</think>B", "one\n\ntwo", "A B"),
        ("<think></think>Answer: B", "", "Answer: B"),
    ],
)
def test_thinking_is_separated_from_the_answer(content, reasoning, text):
    answer = outcome_of(lambda request: good(request, text=content))
    assert (answer.reasoning, answer.text, answer.finish_reason) == (reasoning, text, "stop")


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_thinking_that_a_server_has_separated_is_kept(name):
    message = {"role": "assistant", "content": None, name: "Iron is low, or"}
    choices = [{"index": 0, "message": message, "finish_reason": "length"}]
    answer = outcome_of(lambda request: good(request, choices=choices))
    assert (answer.reasoning, answer.text, answer.finish_reason) == ("Iron is low, or", "", "length")


@pytest.mark.parametrize(
    "word, ended",
    [
        ("stop", "stop"),
        ("eos_token", "stop"),
        ("STOP", "stop"),
        ("FINISH_REASON_STOP", "stop"),
        ("endTurn", "stop"),
        ("stop-sequence", "stop"),
        (None, "stop"),
        ("", "stop"),
        ({"type": "stop", "matched": 7}, "stop"),
        ("MAX_TOKENS", "length"),
        ("maxTokens", "length"),
        ({"type": "length", "length": 9}, "length"),
        ("model_context_window_exceeded", "length"),
        ("SAFETY", "filtered"),
        ("refusal", "filtered"),
        ("wobble", "unknown"),
    ],
)
def test_finish_reasons_of_all_servers_are_normalised(word, ended):
    choice = {"message": {"content": "Answer: B"}, "finish_reason": word}
    assert outcome_of(lambda request: good(request, choices=[choice])).ended == ended


def test_a_reply_without_a_reason_that_has_all_its_tokens_was_cut():
    choice = {"message": {"content": "Iron is low, or"}, "finish_reason": None}
    usage = {"prompt_tokens": 9, "completion_tokens": 1024}
    assert outcome_of(lambda request: good(request, choices=[choice], usage=usage)).ended == "length"


def warnings_in(caplog):
    return [record.getMessage() for record in caplog.records if record.name == "sabila.teacher"]


def test_a_reason_that_is_not_known_and_another_models_name_are_reported_once(caplog):
    choice = {"message": {"content": "Answer: B"}, "finish_reason": "wobble"}
    with serving(lambda request: good(request, choices=[choice], model="gemma-3-1b")) as server:
        complete(server, requests(5))
    model, reason = warnings_in(caplog)
    assert "answers as 'gemma-3-1b', expected 'm'" in model and "--teacher-revision" in model
    assert "finish reason 'wobble', which is not known here" in reason


@pytest.mark.parametrize("name", ["m", "M", "/models/m.gguf", "org/m", "m-2026-08-06", "m:latest", None])
def test_a_models_name_with_a_path_a_date_or_a_tag_is_the_same(name, caplog):
    outcome_of(lambda request: good(request, model=name))
    assert warnings_in(caplog) == []


def test_logprobs_hold_the_alternatives_and_the_token_itself():
    token = {"token": "C", "logprob": -4.0, "top_logprobs": [{"token": "B", "logprob": -0.1}]}
    choice = {"message": {"content": "C"}, "finish_reason": "stop", "logprobs": {"content": [token]}}
    with serving(lambda request: good(request, choices=[choice])) as server:
        (answer,) = complete(server, requests(1, logprobs=1)).values()
    assert answer.logprobs == ({"B": -0.1, "C": -4.0},)


# --- replies that do not fit the request ---------------------------------------------------------------------------

BROKEN_REPLIES = {
    "empty choices": (chat, {"choices": []}, "0 choices, expected 1"),
    "two choices": (chat, {"choices": [{}, {}]}, "2 choices, expected 1"),
    "no choices": (chat, {"choices": None}, "no list of choices"),
    "no message": (chat, {"choices": [{"finish_reason": "stop"}]}, "choices[0].message is None"),
    "no text": (chat, {"choices": [{"message": {"content": None}, "finish_reason": "stop"}]}, "content is None"),
}


@pytest.mark.parametrize("shape, changed, error", BROKEN_REPLIES.values(), ids=BROKEN_REPLIES)
def test_a_reply_of_another_shape_is_requested_again_then_reported_as_a_failure(shape, changed, error):
    attempts = Counter()

    def behaviour(request):
        attempts[request.times_seen] += 1
        return Reply(json.dumps(shape(request, **changed)).encode())

    outcome = outcome_of(behaviour)
    assert isinstance(outcome, Failure)
    assert error in outcome.error
    assert outcome.tries == len(attempts) == QUICK.max_tries


@pytest.mark.parametrize("content", [b"", b"<html>oh</html>", b'"text"', b'{"choices": ', b'{"text": "\\ud800"}'])
def test_a_reply_that_is_not_a_json_object_is_asked_again(content):
    outcome = outcome_of(lambda request: Reply(content) if request.times_seen < 2 else good(request, text="B"))
    assert outcome.text == "B"


def test_logprobs_that_were_ignored_fail_at_once_since_they_would_be_again():
    with serving() as server:
        (outcome,) = complete(server, requests(1, logprobs=5)).values()
    assert outcome == Failure(error="bad reply: reply has no logprobs, expected 5 for each token", tries=1)


@pytest.mark.parametrize(
    "text, error",
    [
        ("The answer is B.", "text is not JSON"),
        ('["B"]', "expected an object as the schema says"),
        ('{"lettre": "B"}', "JSON lacks letter"),
    ],
)
def test_a_schema_that_was_ignored_fails_at_once(text, error):
    schema = {"type": "object", "required": ["letter"]}
    with serving(lambda request: good(request, text=text)) as server:
        (outcome,) = complete(server, requests(1, json_schema=schema)).values()
    assert error in outcome.error and outcome.tries == 1


def test_json_cut_short_by_its_length_is_a_completion_that_says_so():
    choice = {"message": {"content": '{"letter": '}, "finish_reason": "length"}
    request = requests(1, json_schema={"type": "object"})[0]
    assert read_reply(json.dumps({"choices": [choice]}).encode(), request, 0.1).completion.ended == "length"
    with pytest.raises(BadReplyError, match="not JSON"):
        choice["finish_reason"] = "stop"
        read_reply(json.dumps({"choices": [choice]}).encode(), request, 0.1)


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": "9", "completion_tokens": -1}, "none"])
def test_tokens_that_a_server_does_not_count_are_unknown_and_not_none_at_all(usage):
    answer = outcome_of(lambda request: good(request, usage=usage))
    assert (answer.prompt_tokens, answer.completion_tokens) == (None, None)


# --- what a server takes -------------------------------------------------------------------------------------------

TALK = (Message("system", "You are a physician."), Message("user", "Is iron low?"))


def bodies(refuses, request=None, **options):
    """Return the bodies that were sent for one request to a server that refuses some; the last was answered."""
    seen = []

    def behaviour(request):
        seen.append(request.body)
        if refusal := refuses(request.body):
            return Reply(refusal[1].encode(), refusal[0])
        return good(request, "Answer: B")

    chat_request = request or Request(
        row="r", stage="cot", messages=TALK, sampling=Sampling(top_p=0.9, temperature=0.5)
    )
    with serving(behaviour) as server:
        (outcome,) = complete(server, [chat_request], **options).values()
    assert isinstance(outcome, Completion), outcome
    return seen


@pytest.mark.parametrize(
    "status, words",
    [
        (400, '{"message": "System role not supported"}'),
        (500, '{"error": "Jinja Exception: System role not supported"}'),
        (400, "Conversation roles must alternate user/assistant/user/assistant/..."),
        (400, "Developer instruction is not enabled for models/gemma-3-1b-it"),
        (422, "Input should be 'user' or 'assistant'"),
    ],
)
def test_a_system_message_that_is_refused_goes_before_the_first_of_the_user(status, words, caplog):
    first, second = bodies(lambda body: body["messages"][0]["role"] == "system" and (status, words))
    assert [one["role"] for one in first["messages"]] == ["system", "user"]
    assert second["messages"] == [{"role": "user", "content": "You are a physician.\n\nIs iron low?"}]
    assert len(warnings_in(caplog)) == 1


def test_what_a_server_refuses_once_is_not_sent_again():
    refusals = []

    def behaviour(request):
        if "max_tokens" in request.body:
            refusals.append(request)
            return Reply(b"'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.", 400)
        return good(request) if request.body["max_completion_tokens"] == 1024 else Reply(b"{}", 400)

    with serving(behaviour) as server:
        answers = complete(server, requests(10), concurrency=1)
    assert all(isinstance(answer, Completion) for answer in answers.values())
    assert len(refusals) == 1


def test_temperature_and_top_p_that_a_server_refuses_together_go_one_by_one():
    words = "`temperature` and `top_p` cannot both be specified for this model. Please use only one."
    first, second = bodies(lambda body: {"temperature", "top_p"} <= set(body) and (400, words))
    assert (first["top_p"], second["temperature"]) == (0.9, 0.5) and "top_p" not in second


def test_a_setting_leaves_fields_out():
    (sent,) = bodies(lambda body: None, leave_out=("temperature", "seed"))
    assert {"temperature", "seed"} & set(sent) == set() and "max_tokens" in sent


@pytest.mark.parametrize(
    "status, words",
    [
        (400, '{"error": {"message": "Unsupported parameter: \'response_format\'"}}'),
        (400, '{"error": "Failed to parse grammar"}'),
        (422, '{"detail": [{"loc": ["body", "response_format", "type"], "msg": "Input should be text"}]}'),
        (500, "structured outputs are not supported by this engine"),
    ],
)
def test_where_a_schema_is_refused_the_prompt_alone_gives_the_form_and_that_is_reported(status, words, caplog):
    schema = {"type": "object", "required": ["letter"]}
    sent = []

    def behaviour(request):
        sent.append(request.body)
        if "response_format" in request.body:
            return Reply(words.encode(), status)
        return good(request, text='{"letter": "B"}' if len(sent) < 4 else "It is B.")

    with serving(behaviour) as server:
        answers = complete(server, requests(3, json_schema=schema), concurrency=1)
    assert ["response_format" in body for body in sent] == [True, False, False, False]
    assert sorted(type(one).__name__ for one in answers.values()) == ["Completion", "Completion", "Failure"]
    assert [message for message in warnings_in(caplog) if "refuses response_format" in message]


def test_a_run_that_ends_of_a_refused_field_names_the_setting():
    words = b"Unsupported value: 'temperature' does not support 0.7 with this model."
    with serving(lambda request: Reply(words, 400)) as server:
        client = teacher(f"openai:{server.url}#m", QUICK)
        with pytest.raises(TeacherError, match="where it refuses temperature, --leave-out temperature sends none"):
            list(client.complete(requests(50)))


class Template:
    """A tokenizer whose chat template refuses system messages, or drops them silently."""

    def __init__(self, drops_silently):
        self.silent = drops_silently

    def apply_chat_template(self, messages, add_generation_prompt, tokenize):
        if messages[0]["role"] == "system" and not self.silent:
            raise ValueError("System role not supported")
        return "".join(f"<{m['role']}>{m['content']}" for m in messages if m["role"] != "system")


@pytest.mark.parametrize("drops_silently", [False, True])
def test_a_template_without_system_messages_gets_their_text_with_the_first_user_turn(drops_silently, caplog):
    request = Request(row="r", stage="cot", messages=TALK)
    notices = Notices("tiny")
    prompts = {prompt_text(Template(drops_silently), request, notices) for _ in range(2)}
    assert prompts == {"<user>You are a physician.\n\nIs iron low?"}
    assert warnings_in(caplog) == ["tiny: it takes no system message; its text is put before the first user message"]


# --- failing servers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reply, kind",
    [
        ({"error": {"code": 429, "message": "free-models-per-day"}}, Kind.BUSY),
        ({"error": {"code": "rate_limit_exceeded", "message": "slow down"}}, Kind.BUSY),
        ({"error": {"type": "insufficient_quota", "message": "pay first"}}, Kind.DENIED),
        ({"error": {"code": "invalid_api_key", "message": "no such key"}}, Kind.DENIED),
        ({"message": "Model not found", "code": "404"}, Kind.DENIED),
        ({"base_resp": {"status_code": 1002, "status_msg": "too many requests"}}, Kind.BUSY),
        ({"error": "CUDA out of memory"}, Kind.BROKEN),
        ({"message": {"role": "assistant", "content": "B"}, "done": True}, Kind.BROKEN),
    ],
)
def test_an_error_inside_a_200_is_what_its_code_or_words_say_and_costs_nothing(reply, kind):
    with pytest.raises(BadReplyError) as raised:
        read_reply(json.dumps(reply).encode(), requests(1)[0], 0.1)
    error = error_of_reply(raised.value)
    assert error.kind is kind
    assert error.usage is None or "no list of choices" in error.error


@pytest.mark.parametrize("status", [429, 503])
def test_a_storm_of_busy_replies_loses_nothing_however_long_it_takes(status):
    with serving(failing(status, times=QUICK.max_tries + 3)) as server:
        answers = complete(server, requests(60), give_up_after_s=120.0)
        assert set(server.request_counts.values()) == {QUICK.max_tries + 4}
    assert all(isinstance(answer, Completion) for answer in answers.values())


@pytest.mark.parametrize("header", [{"retry-after": "0.2"}, {"retry-after-ms": "200"}])
def test_the_wait_a_server_asks_for_is_kept(header):
    arrivals = []

    def behaviour(request):
        arrivals.append(time.monotonic())
        return failing(429, times=1, headers=header)(request)

    assert isinstance(outcome_of(behaviour), Completion)
    assert arrivals[1] - arrivals[0] >= 0.2


def test_a_wait_may_be_asked_for_as_a_date_and_nonsense_is_none():
    from synth.teachers.request_errors import retry_after

    assert 50 < retry_after({"retry-after": formatdate(time.time() + 60, usegmt=True)}) < 61
    assert retry_after({"retry-after": "soon"}) == retry_after({"retry-after": "-3"}) == retry_after({}) == 0.0


def test_server_errors_are_tried_again_up_to_the_limit():
    assert isinstance(outcome_of(failing(500, times=QUICK.max_tries - 1)), Completion)
    outcome = outcome_of(failing(500, times=QUICK.max_tries))
    assert outcome == Failure(error='HTTP 500: {"error": "no"}', tries=QUICK.max_tries)


def test_a_request_that_is_always_turned_away_fails_while_others_are_served():
    def behaviour(request):
        return Reply(b"{}", 429) if "case 3?" in request.prompt else Reply(good(request).content, delay_s=0.02)

    with serving(behaviour) as server:
        answers = complete(server, requests(60), give_up_after_s=0.1, timeout_s=0.5, concurrency=2)
    failed = {row: answer.error for (row, _), answer in answers.items() if isinstance(answer, Failure)}
    assert failed == {"r:3": "HTTP 429: {}"}


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_request_that_is_refused_is_not_asked_again(status):
    outcome = outcome_of(failing(status, times=99))
    assert outcome == Failure(error=f'HTTP {status}: {{"error": "no"}}', tries=1)


def test_a_hanging_request_ends_at_its_time_and_the_others_go_on():
    def behaviour(request):
        return HANG if "case 3?" in request.prompt else good(request)

    with serving(behaviour) as server:
        answers = complete(server, requests(20), timeout_s=0.2, max_tries=2)
    failed = {name: answer for name, answer in answers.items() if isinstance(answer, Failure)}
    assert failed == {("r:3", 0): Failure(error="no answer within 0.2 s", tries=2)}


def test_a_reply_that_trickles_is_no_answer_either():
    slow = Reply(b"", headers={"content-length": 500})  # promises bytes that never come
    assert outcome_of(lambda request: slow, timeout_s=0.2, max_tries=1).error == "no answer within 0.2 s"


def test_a_reply_without_an_end_is_cut_and_one_byte_at_a_time_is_out_of_time(monkeypatch):
    monkeypatch.setattr("synth.teachers.openai_server.LONGEST_REPLY", 1 << 20)
    assert outcome_of(lambda request: Endless(), max_tries=1).error == "bad reply: reply is longer than 1,048,576 bytes"
    drip = Endless(chunk=b" ", every_s=0.02)
    assert outcome_of(lambda request: drip, timeout_s=0.3, max_tries=1).error == "no answer within 0.3 s"
    bomb = Reply(gzip.compress(b" " * (4 << 20)), headers={"content-encoding": "gzip"})
    assert outcome_of(lambda request: bomb, max_tries=1).error == "bad reply: reply is longer than 1,048,576 bytes"


def test_a_server_with_one_place_loses_nothing_to_the_time_out():
    """Ten requests in flight would exceed the timeout: work would be discarded and requested again."""
    one_at_a_time = [0.0]

    def behaviour(request):
        one_at_a_time[0] = max(one_at_a_time[0], time.monotonic()) + 0.05
        return Reply(good(request).content, delay_s=one_at_a_time[0] - time.monotonic())

    with serving(behaviour) as server:
        answers = complete(server, requests(60), timeout_s=0.8)
        assert all(isinstance(answer, Completion) for answer in answers.values())
        assert server.requests == 60


def test_the_pace_grows_no_further_than_a_server_with_one_place_bears():
    assert max(rounds(Pace(most=256, timeout_s=5.0), 40, lambda limit: 0.6 * limit)) * 0.6 <= 2.5
    assert max(rounds(Pace(most=256, timeout_s=600), 40, lambda limit: 160.0)) == 256, "long answers alone are no sign"


@pytest.mark.parametrize("after", [0, 40, 150])
def test_a_connection_that_is_cut_is_tried_again(after):
    answer = outcome_of(lambda request: Cut(after) if request.times_seen < 2 else good(request, text="B"))
    assert answer.text == "B"
    outcome = outcome_of(lambda request: Cut(after))
    assert isinstance(outcome, Failure) and outcome.tries == QUICK.max_tries


def test_everything_at_once():
    """Every fourth request always fails, the others fail once before they are answered."""
    faults = [
        lambda request: Reply(b"{}", 429),
        lambda request: Reply(b"{}", 500),
        lambda request: Cut(30),
        lambda request: Reply(b"{"),
        lambda request: Reply(json.dumps(chat(request, choices=[])).encode()),
    ]

    def behaviour(request):
        case = int(request.prompt.split()[-1].rstrip("?"))
        if case % 4 == 0:
            return Reply(b"{}", 500) if case % 8 else Reply(b"{}", 400)
        return faults[case % len(faults)](request) if request.times_seen == 0 else good(request)

    batch = requests(200)
    with serving(behaviour) as server:
        answers = complete(server, batch)
    failed = {row for (row, _), answer in answers.items() if isinstance(answer, Failure)}
    assert failed == {f"r:{i}" for i in range(0, 200, 4)}
    right = [answers[one.row, 0].text.startswith(one.messages[0].content) for one in batch if one.row not in failed]
    assert len(right) == 150 and all(right)


def test_an_address_without_a_server_ends_the_run(monkeypatch):
    monkeypatch.setattr("synth.teachers.request_errors.UNREACHED_S", 0.2)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    with pytest.raises(TeacherError, match=rf"{url} is unreachable for .* 0 answers came before and are kept"):
        list(teacher(f"openai:{url}#m", QUICK).complete(requests(500)))


def test_a_server_that_goes_down_and_comes_back_costs_no_request():
    batch = requests(300)
    with serving() as first:
        port = int(first.url.split(":")[2].split("/")[0])
        stream = teacher(f"openai:{first.url}#m", TeacherOptions(**{**vars(QUICK), "concurrency": 4})).complete(batch)
        answered = [next(stream) for _ in range(40)]
    done = threading.Event()

    def again():
        with serving(port=port):
            done.wait(30)

    back = threading.Timer(0.3, again)
    back.start()
    answered += stream
    done.set()
    back.join()
    assert all(isinstance(answer, Completion) for answer in outcomes_by_request(batch, answered).values())


def test_a_server_that_went_down_for_good_ends_the_run_with_what_came_before():
    with serving() as server:
        client = teacher(f"openai:{server.url}#m", TeacherOptions(backoff_s=0.002, give_up_after_s=0.3, concurrency=4))
        stream = client.complete(requests(400))
        answered = [next(stream) for _ in range(40)]
    with pytest.raises(TeacherError, match=r"is unreachable for .*see to the server, then run again"):
        answered += stream
    assert 40 <= len(answered) < 400


def test_a_server_that_refuses_everything_ends_the_run_and_not_a_million_rows():
    with serving(failing(422, times=99)) as server:
        client = teacher(f"openai:{server.url}#m", QUICK)
        with pytest.raises(
            TeacherError, match="failed 20 of the first requests of cot, and all of them, last error HTTP 422"
        ):
            list(client.complete(requests(2000)))
        assert server.requests < 100


REJECTED = {
    401: "check the key in OPENAI_API_KEY",
    402: "its credit is used up",
    403: "check the key in OPENAI_API_KEY",
    404: "the model's name after #",
}


@pytest.mark.parametrize("answered", [0, 3])
@pytest.mark.parametrize("status", REJECTED)
def test_a_key_or_model_that_is_rejected_ends_the_run_at_once_also_after_answers(status, answered):
    def behaviour(request):
        return good(request) if server.requests <= answered else Reply(b'{"error": "no"}', status)

    with serving(behaviour) as server:
        client, answers = teacher(f"openai:{server.url}#m", replace(QUICK, concurrency=1)), []
        with pytest.raises(
            TeacherError, match=rf"rejected the request: HTTP {status}.*{REJECTED[status]}.*; {answered} answers"
        ):
            answers.extend(client.complete(requests(30)))
        assert (len(answers), server.requests) == (answered, answered + 1)


def test_refusals_after_an_answer_fail_only_their_own_requests():
    with serving(lambda request: good(request) if "case 0?" in request.prompt else Reply(b"{}", 400)) as server:
        answers = complete(server, requests(300), concurrency=1)
    assert sum(isinstance(answer, Failure) for answer in answers.values()) == 299


def test_a_server_that_breaks_down_after_answers_ends_the_run():
    def behaviour(request):
        return good(request) if "case 0?" in request.prompt else Reply(b"{}", 500)

    with serving(behaviour) as server, pytest.raises(TeacherError, match="failed 100 requests in a row"):
        complete(server, requests(300), concurrency=1, max_tries=1)


# --- pace ----------------------------------------------------------------------------------------------------------


def test_no_more_are_in_flight_than_allowed_and_a_busy_server_gets_fewer():
    def behaviour(request):
        return Reply(b"{}", 429) if server.at_work > 4 else Reply(good(request).content, delay_s=0.01)

    with serving(behaviour) as server:
        client = OpenAITeacher(url=server.url, model="m", options=TeacherOptions(**{**vars(QUICK), "concurrency": 32}))
        answered = list(client.complete(requests(200)))
    assert len(answered) == 200 and all(isinstance(answer, Completion) for _, answer in answered)
    assert server.most <= 32
    assert client.pace.limit < 16


def test_a_caller_who_leaves_early_ends_what_is_in_flight():
    with serving(lambda request: Reply(good(request).content, delay_s=0.01)) as server:
        stream = teacher(f"openai:{server.url}#m", QUICK).complete(requests(5000))
        next(stream)
        stream.close()
        seen = server.requests
        time.sleep(0.1)
        assert server.requests == seen < 1000
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("teacher")]


def test_requests_are_taken_as_they_are_needed_and_not_all_at_once():
    taken = []

    def source():
        for request in requests(5000):
            taken.append(request)
            yield request

    with serving() as server:
        stream = teacher(f"openai:{server.url}#m", QUICK).complete(source())
        next(stream)
        stream.close()
    assert len(taken) < 1000


def rounds(pace, count, delay):
    """Answer ``count`` rounds of as many requests as the pace allows; return the limit after each."""
    limits, now = [], 0.0
    for _ in range(count):
        since, now = now, now + delay(pace.limit)
        for _ in range(int(pace.limit)):
            pace.answered(since, now)
        limits.append(int(pace.limit))
    return limits


def test_the_pace_starts_with_one_request_and_doubles_while_that_costs_no_time_up_to_the_most():
    assert rounds(Pace(most=256, timeout_s=600), 10, lambda limit: 2.0) == [2, 4, 8, 16, 32, 64, 128, 256, 256, 256]


def test_the_pace_stops_doubling_where_more_at_a_time_only_take_longer():
    limits = rounds(Pace(most=256, timeout_s=600), 10, lambda limit: 1.0 if limit <= 32 else limit / 32)
    assert 32 <= max(limits) < 200
    assert all(after - before <= 16 + 1 for before, after in pairwise(limits[7:]))


def test_the_pace_takes_pushes_of_one_moment_for_one_and_comes_back():
    pace = Pace(most=64, timeout_s=600)
    rounds(pace, 8, lambda limit: 1.0)
    for _ in range(20):
        pace.pushed_back(since=8.5, now=9.0)
    assert pace.limit == 32
    pace.pushed_back(since=9.5, now=10.0)
    assert pace.limit == 16
    for n in range(20):
        pace.pushed_back(since=20.0 + n, now=20.5 + n)
    assert pace.limit == 1
    for n in range(200):
        pace.answered(since=50.0 + n, now=51.0 + n)
    assert pace.limit > 16


def test_the_pace_slows_when_answers_come_near_their_time():
    limits = rounds(Pace(most=64, timeout_s=10), 40, lambda limit: limit / 5)  # one at a time, five a second
    assert max(limits[-10:]) / 5 < 10 / 2


def test_the_pace_does_not_slow_for_a_few_requests_that_break_but_for_many():
    pace = Pace(most=64, timeout_s=600)
    rounds(pace, 4, lambda limit: 1.0)
    for n in range(200):
        (pace.broke if n % 20 == 0 else pace.answered)(since=10.0 + n, now=11.0 + n)
    assert pace.limit == 64
    for n in range(20):
        pace.broke(since=300.0 + n, now=301.0 + n)
    assert pace.limit < 8


# --- specs ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spec",
    ["", "gpt", "openai:", "openai:localhost:8000#m", "openai:http://localhost/v1", "openai:ftp://h/v1#m", "vllm:"],
)
def test_a_spec_that_names_no_teacher_says_what_was_expected(spec):
    with pytest.raises(TeacherError, match="expected openai:http://host:port/v1#model"):
        teacher(spec)


def test_the_address_is_not_part_of_a_teachers_name_but_its_model_is():
    near, far = teacher("openai:http://localhost:8000/v1#llama"), teacher("openai:https://gpu.example:9/v1#llama")
    assert near.name == far.name == "openai:llama"
    assert near.revision == "unpinned"
    assert teacher("openai:http://localhost:8000/v1#llama", TeacherOptions(revision="b1946ac9")).revision == "b1946ac9"


def test_the_embedded_teacher_learns_from_the_texts_it_is_given():
    embedded = teacher("embedded", texts=lambda: ["Iron is lacking in this case.", "Zinc heals the skin."])
    assert embedded.name == "embedded"
    with pytest.raises(TeacherError, match="none are given here; name another teacher"):
        teacher("embedded")


@pytest.mark.parametrize("kind, package", [("vllm", "vllm"), ("transformers", "torch")])
def test_a_model_in_this_process_says_which_packages_it_needs(kind, package, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, package, None)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(TeacherError, match=rf"{kind}:.* needs .*install sabila\["):
        list(teacher(f"{kind}:{tmp_path}").complete(requests(1)))


def test_a_model_in_a_folder_is_named_by_its_folder_and_pinned_by_its_files(tmp_path):
    for place in ("here", "there"):
        folder = tmp_path / place / "aloe-8b"
        folder.mkdir(parents=True)
        (folder / "config.json").write_text('{"layers": 2}')
        (folder / "model.safetensors").write_bytes(b"weights")
    here, there = (teacher(f"transformers:{tmp_path / place / 'aloe-8b'}") for place in ("here", "there"))
    assert (here.name, here.revision) == (there.name, there.revision) == ("transformers:aloe-8b", here.revision)
    (folder / "model.safetensors").write_bytes(b"other weights")
    assert teacher(f"vllm:{folder}").revision != here.revision
    (folder / "config.json").unlink()
    with pytest.raises(TeacherError, match=r"holds no config.json, expected the folder of a model"):
        _ = teacher(f"vllm:{folder}").revision


def test_a_model_of_the_hub_is_pinned_by_its_commit(monkeypatch):
    lookups = []

    def snapshot(model, revision, allow_patterns):
        lookups.append((model, revision))
        if model == "org/none":
            raise FileNotFoundError("no such model\nlong story")
        return f"/cache/models--org--aloe/snapshots/{'ab' * 20}"

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot)
    monkeypatch.setattr("synth.teachers.model_files._answers", lambda endpoint: True)
    assert teacher("vllm:org/aloe", TeacherOptions(revision="v2")).revision == "ab" * 20
    assert lookups == [("org/aloe", "v2")]
    with pytest.raises(
        TeacherError, match=r"'org/none' at revision main: neither a folder .*\(no such model\); expected"
    ):
        _ = teacher("transformers:org/none").revision


def test_the_price_of_tokens_is_that_of_a_million():
    assert Rates(prompt_price=2.0, completion_price=8.0).cost(500_000, 250_000) == 3.0


# --- streams, Azure, waits -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "text", "reasoning", "finish"),
    [
        ('data: {"choices":[{"delta":{"content":"Hi"}}]}\n\ndata: [DONE]\n\n', "Hi", None, "not given"),
        (
            'data: {"choices":[{"delta":{"reasoning_content":"Hm"}}]}\r\n\r\n'
            'data: {"choices":[{"delta":{"content":"A"},"finish_reason":"length"}]}\r\n\r\n',
            *("A", "Hm", "length"),
        ),
        ('event: x\nid: 1\ndata:{"choices":[{"message":{"content":"A"},"finish_reason":"stop"}]}', "A", None, "stop"),
        (
            'data: {"choices":[{"delta":{"content":"\\ud83d"}}]}\n\n'
            'data: {"choices":[{"delta":{"content":"\\ude00"},"finish_reason":"stop"}]}\n\n',
            *("\N{GRINNING FACE}", None, "stop"),
        ),
        (
            'data: {"choices":[{"delta":{"content":[{"type":"text","text":"A"}]}}]}\n'
            'data: {"choices":[{"delta":{"content":"B"},"finish_reason":"stop"}]}\n',
            *("AB", None, "stop"),
        ),
    ],
    ids=["done alone", "reasoning", "one message", "half pairs", "no empty lines"],
)
def test_a_stream_of_events_is_put_together(body, text, reasoning, finish):
    (request,) = requests(1)
    reply = read_reply(body.encode(), request, 0.1)
    assert (reply.completion.text, reply.completion.reasoning, reply.completion.finish_reason) == (
        text,
        reasoning,
        finish,
    )
    assert reply.streamed


def test_logprobs_of_a_stream_are_those_of_its_chunks():
    token = '{"token":"%s","logprob":-0.5,"top_logprobs":[{"token":"%s","logprob":-0.5}]}'
    chunk = 'data: {"choices":[{"delta":{"content":"A"},"logprobs":{"content":[%s]},"finish_reason":%s}]}\n\n'
    body = chunk % (token % ("A", "A"), "null") + chunk % (token % ("B", "B"), '"stop"')
    (request,) = requests(1, logprobs=2)
    assert read_reply(body.encode(), request, 0.1).completion.logprobs == ({"A": -0.5}, {"B": -0.5})


def test_a_server_that_streams_is_asked_for_streams_with_their_usage_from_then_on(caplog):
    sent = []

    def behaviour(request):
        sent.append(request.body)
        return Reply(stream(request, "Answer: B"), headers=EVENTS)

    with serving(behaviour) as server:
        answers = complete(server, requests(3), concurrency=1)
    assert [body.get("stream") for body in sent] == [None, True, True]
    assert [answer.completion_tokens for answer in answers.values()] == [None, 5, 5]
    assert caplog.text.count("it answers only in streams of events") == 1


AT_AZURE = "https://ward.openai.azure.com/openai/deployments/gpt-4o?api-version=2024-10-21"


@pytest.mark.parametrize(
    ("url", "azure"),
    [
        (AT_AZURE, True),
        ("https://ward.services.ai.azure.com/openai/v1", True),
        ("https://gate.example.org/llm?api-version=2024-06-01", True),
        ("https://api.openai.com/v1", False),
        ("https://openai.azure.com.example.org/v1", False),
    ],
)
def test_azures_key_goes_to_azure_alone(url, azure, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "key-of-openai")
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "key-of-azure")
    sent = _headers(url)
    assert (sent.get("api-key"), sent.get("authorization")) == (
        ("key-of-azure", None) if azure else (None, "Bearer key-of-openai")
    )


def test_the_api_version_stays_at_the_end_of_azures_address(monkeypatch):
    monkeypatch.delenv("AZURE_OPENAI_API_KEY", raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", "key-of-openai")
    heads = []

    def behaviour(request):
        heads.append(request.head)
        return good(request)

    with serving(behaviour) as server:
        place = server.url.removesuffix("/v1")
        spec = f"openai:{place}/openai/deployments/gpt-4o?api-version=2024-10-21#gpt-4o"
        outcomes_by_request(requests(1), teacher(spec, QUICK).complete(requests(1)))
    (head,) = heads
    assert head.startswith("post /openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21 http/1.1\r\n")
    assert "\r\napi-key: key-of-openai\r\n" in head and "authorization" not in head


def test_azures_refusals_say_what_to_do_there():
    refused = Reply(b'{"error": {"code": "404", "message": "Resource not found"}}', 404)
    with serving(lambda request: refused) as server:
        place = f"{server.url}?api-version=1"
        with pytest.raises(TeacherError, match="check the address"):
            list(teacher(f"openai:{place}#m", QUICK).complete(requests(1)))
    not_found = _at_azure(
        error_of_status(404, "Resource not found", {}), "https://ward.openai.azure.com/openai/deployments/x"
    )
    assert "ends in ?api-version=" in not_found.hint
    assert "AZURE_OPENAI_API_KEY" in _at_azure(error_of_status(401, "no", {}), AT_AZURE).hint


@pytest.mark.parametrize("behaviour", [failing(429, times=2), failing(503, times=2)])
def test_a_wait_is_reported_once_at_first(behaviour, caplog):
    caplog.set_level("INFO", logger="sabila.teacher")
    with serving(behaviour) as server:
        complete(server, requests(6))
    lines = [record.getMessage() for record in caplog.records if "turns requests away" in record.getMessage()]
    assert len(lines) == 1 and "(HTTP " in lines[0] and "s to the next try" in lines[0]


def test_a_wait_that_lasts_is_reported_ever_more_rarely(caplog):
    caplog.set_level("INFO", logger="sabila.teacher")
    notices = Notices("openai:m")
    for second in range(0, 3600, 5):
        notices.log_rarely("busy", f"turns requests away since {second} s", float(second))
    seconds_logged = [int(record.getMessage().split()[-2]) for record in caplog.records]
    assert seconds_logged == [0, 60, 180, 420, 900, 1500, 2100, 2700, 3300]


def test_a_wait_is_one_plain_line_where_stderr_is_no_terminal(capsys):
    with kept_notices() as kept, serving(failing(429, times=1)) as server:
        complete(server, requests(3))
    lines = [line for line in capsys.readouterr().err.splitlines() if "turns requests away" in line]
    assert len(lines) == 1 and lines[0].startswith("note: openai:m at http://127.0.0.1:")
    assert kept == [], "what is over is not repeated at the end"
