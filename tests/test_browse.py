"""The page over all rows: it finds what a query over the files finds, and serves nothing without its secret token."""

import http.client
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from urllib.parse import urlencode

import duckdb
import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner
from page_checks import (
    ACTIVE_CONTENT,
    HOSTILE,
    LOW_CONTRAST,
    UNNAMED,
    choose,
    dark,
    ids,
    rows_shown,
    search,
    search_and_wait,
    tabbed,
)

from pipelines.cli.commands import main
from pipelines.report.all_rows import open_view
from pipelines.report.browse import BrowseApp, question
from pipelines.report.row_queries import Index, Question, QuestionError
from pipelines.report.server import Server, serve
from pipelines.report.text_search import REMEMBERED, Texts


@pytest.fixture(scope="module")
def site(demo_store):
    return BrowseApp.of(open_view(demo_store / "releases/demo/1"))


@pytest.fixture(scope="module")
def served(site):
    """A server of the demo, on a port of its own."""
    server = Server(site, 0)
    thread = threading.Thread(target=serve, args=(server,))
    thread.start()
    yield server
    server.shutdown()
    thread.join(10)


@pytest.fixture(scope="module")
def truth(demo_store):
    """Every row of the release and of the steps' dropped rows, read from the files by DuckDB."""
    release = demo_store / "releases/demo/1"
    run = duckdb.connect()
    run.execute(
        "CREATE TABLE truth AS SELECT id, 'kept' AS status, source, task, lang, license, NULL::VARCHAR AS reason,"
        " list_sum(list_transform(messages, lambda m: length(m.content))) AS chars,"
        " lower(id || array_to_string(list_transform(messages, lambda m: m.content), ' ')) AS full_text"
        f" FROM read_parquet('{release}/data/*/*/*.parquet')"
    )
    steps = {step["folder"] for step in json.loads((release / "manifest.json").read_text(encoding="utf-8"))["steps"]}
    for path in sorted((demo_store / "steps").glob("*/dropped/*.parquet")):
        if path.parent.parent.name in steps:
            run.execute(
                "INSERT INTO truth SELECT id, 'dropped', source, task, lang, license, reason, list_sum(list_transform("
                "messages, lambda m: length(m.content))) + coalesce(length(response), 0), lower(id || array_to_string("
                f"list_transform(messages, lambda m: m.content), ' ')) FROM read_parquet('{path}')"
            )
    return run


QUESTIONS = [
    {},
    {"status": "kept"},
    {"status": "dropped"},
    {"source": "medquad", "status": "kept"},
    {"task": "mcqa"},
    {"license": "CC-BY-4.0"},
    {"reason": "near_duplicate"},
    {"source": "headqa_en", "reason": "leak:exact"},
    {"source": "nothing"},
    {"lang": "en", "status": "dropped"},
]


@pytest.mark.parametrize("by", QUESTIONS, ids=lambda by: "+".join(by.values()) or "all")
def test_filters_find_what_a_query_over_the_files_finds(site, truth, by):
    where = " AND ".join([f"{name} = ?" for name in by] or ["true"])
    expected = truth.execute(f"SELECT id FROM truth WHERE {where} ORDER BY id", list(by.values())).fetchall()
    rows, total = site.index.rows(Question(filters=by, size=500, sort="id"))
    row_ids = [row["id"] for row in rows if row["status"] != "quarantined"]
    assert row_ids == [id for (id,) in expected]
    assert total == len(rows)


@pytest.mark.parametrize("by", [by for by in QUESTIONS if "nothing" not in by.values()], ids=str)
@pytest.mark.parametrize("more", [{}, {"text": "asthma"}, {"shortest": 250, "longest": 700}], ids=str)
def test_every_option_says_how_many_rows_it_would_show_under_the_other_filters(site, by, more):
    for name, counts in site.index.values(Question(filters=by, **more)).items():
        for value, rows in counts:
            assert rows == site.index.rows(Question(filters={**by, name: value}, **more))[1], (name, value)


@pytest.mark.parametrize(("shortest", "longest"), [(400, None), (None, 200), (250, 300), (10**8, None)])
def test_lengths_choose_rows(site, truth, shortest, longest):
    expected = truth.execute(
        "SELECT id FROM truth WHERE chars >= ? AND chars <= ? ORDER BY chars DESC", [shortest or 0, longest or 10**9]
    ).fetchall()
    rows, _ = site.index.rows(Question(shortest=shortest, longest=longest, sort="long", size=500))
    assert {row["id"] for row in rows if row["status"] != "quarantined"} == {id for (id,) in expected}
    sizes = [row["prompt_chars"] + (row["response_chars"] or 0) for row in rows]
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize("text", ["asthma", "THYROID", "train-1", "which of the", "%", "_", "' OR 1=1 --", "zzz none"])
def test_search_finds_every_row_that_contains_the_text(site, truth, text):
    expected = truth.execute("SELECT id FROM truth WHERE contains(full_text, lower(?)) ORDER BY id", [text]).fetchall()
    rows, total = site.index.rows(Question(text=text, size=500, sort="id"))
    row_ids = [row["id"] for row in rows if row["status"] != "quarantined"]
    assert set(row_ids) >= {id for (id,) in expected}
    further_ids = set(row_ids) - {id for (id,) in expected}
    text_by_id = {text.partition("\n")[0]: text for text in site.index.texts.column}
    # further rows match in their source's answer, which the query does not search
    assert all(text.lower() in text_by_id[id.lower()] for id in further_ids)
    assert total == len(rows)


def test_search_and_filters_together(site):
    alone = site.index.rows(Question(text="asthma", size=500))[0]
    both = site.index.rows(Question(text="asthma", filters={"status": "kept"}, size=500))[0]
    assert [row["id"] for row in alone if row["status"] == "kept"] == [row["id"] for row in both]
    assert 0 < len(both) < len(alone)


def test_a_search_typed_letter_by_letter_finds_the_same_rows():
    texts = Texts(column=pl.Series([f"row {n:b} {'even' if n % 2 == 0 else 'odd'}" for n in range(200)]))
    texts_list = texts.column.to_list()
    all_rows = np.arange(200, dtype=np.int32)
    for text in ("111", "1110", "1110 e", "even", "no such", "111", "row", ""):
        expected = [n for n in range(200) if text in texts_list[n]]
        assert texts.containing(text, all_rows).tolist() == expected
        some_rows = all_rows[::9]
        assert texts.containing(text + " ", some_rows).tolist() == [n for n in some_rows if f"{text} " in texts_list[n]]


def test_no_more_than_the_last_searches_are_kept():
    texts = Texts(column=pl.Series(["a", "b"]))
    for n in range(100):
        texts.containing(str(n), np.arange(2, dtype=np.int32))
    assert len(texts.hits) == REMEMBERED
    assert "99" in texts.hits


def test_missing_files_are_reported(demo_store, tmp_path):
    shutil.copytree(demo_store / "releases/demo/1", tmp_path / "alone")
    server = Server(BrowseApp.of(open_view(tmp_path / "alone")), 0)
    thread = threading.Thread(target=serve, args=(server,))
    thread.start()
    try:
        shutil.rmtree(tmp_path / "alone" / "ledger")
        status, _, body = ask(server, path=f"/{server.site.token}/row?n=1")
        assert (status, "cannot be read now" in json.loads(body)["error"]) == (500, True)
    finally:
        server.shutdown()
        thread.join(10)


def test_pages_hold_every_row_once(site):
    pages = [site.index.rows(Question(page=n, size=100, sort="id"))[0] for n in range(4)]
    every = [row["id"] for page in pages for row in page]
    assert every == sorted(set(every))
    assert len(every) == site.index.rows(Question())[1] == 315
    assert site.index.rows(Question(page=10**6))[0] == []


def test_a_row_shows_its_complete_history(site):
    n = site.index.rows(Question(text="medmcqa_train_900216"))[0][0]["n"]
    row = json.loads(site.answer("/row", f"n={n}")[2])
    assert (row["status"], row["step"], row["reason"]) == ("dropped", "leaks", "leak:ngram")
    assert json.loads(row["evidence"])["item_text"]
    assert [event["step"] for event in row["history"]][::4] == ["read-medmcqa_sample", "leaks"]
    assert row["history"][-1]["because"] == "leak:ngram"


def test_a_change_is_shown_word_by_word(site):
    n = site.index.rows(Question(text="medmcqa_train_900101"))[0][0]["n"]
    life = json.loads(site.answer("/row", f"n={n}")[2])["history"]
    compose = next(event for event in life if event["step"] == "render-prompts")
    assert {kind for change in compose["changes"] for kind, _ in change["pieces"]} == {"=", "+"}
    cot = next(event for event in life if event["step"] == "chains")
    assert [table["name"] for table in cot["tables"]] == ["candidates", "generators"]
    assert len(cot["tables"][0]["rows"]) == cot["tables"][0]["total"] == 4


def test_a_malformed_row_is_shown_as_it_was(site):
    row = site.index.rows(Question(filters={"status": "quarantined"}))[0][0]
    shown = json.loads(site.answer("/row", f"n={row['n']}")[2])
    assert shown["text"]
    assert shown["evidence"]
    assert shown["history"][-1]["status"] == "quarantined"


def test_without_its_store_rows_are_shown_without_their_history(demo_store, tmp_path):
    shutil.copytree(demo_store / "releases/demo/1", tmp_path / "alone")
    site = BrowseApp.of(open_view(tmp_path / "alone"))
    assert b'id="no-store"' in site.html
    rows, total = site.index.rows(Question(filters={"status": "dropped"}, size=500))
    assert total == 68
    shown = json.loads(site.answer("/row", f"n={rows[0]['n']}")[2])
    assert shown["history"] == []
    assert "store" in shown["unavailable"]
    assert "messages" not in shown


# --- what cannot be asked ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        ({"by.color": "red"}, "no filter 'color'"),
        ({"by.status; DROP TABLE rows": "x"}, "no filter"),
        ({"sort": "id; DROP TABLE rows"}, "no order"),
        ({"page": "-1"}, "page is '-1'"),
        ({"page": "1e9"}, "page is '1e9'"),
        ({"page": "٣"}, "page is"),
        ({"size": "501"}, "of 501 rows"),
        ({"size": "0"}, "of 0 rows"),
        ({"shortest": "1; SELECT 1"}, "shortest is"),
        ({"text": "x" * 501}, "501 characters"),
        ({"where": "true"}, "no parameter 'where'"),
    ],
)
def test_a_query_that_is_not_allowed_is_named(parameters, error):
    with pytest.raises(QuestionError, match=re.escape(error)):
        question(parameters)


def test_what_is_typed_is_never_part_of_a_query(site):
    for text in ("'; DROP TABLE rows; --", '" OR ""="', "\\", "%' OR '1'='1", "\x00"):
        assert site.index.rows(Question(text=text))[1] == 0
        assert site.index.rows(Question(filters={"source": text}))[1] == 0
    assert site.index.rows(Question())[1] == 315


def test_the_database_reaches_nothing_outside_and_stays_so(site, demo_store):
    run = site.index.run.cursor()
    for statement in (
        f"SELECT * FROM read_text('{demo_store}/store.json')",
        f"COPY rows TO '{demo_store}/stolen.csv'",
        f"ATTACH '{demo_store}/stolen.db'",
        "SET enable_external_access = true",
        "INSTALL httpfs",
    ):
        with pytest.raises(duckdb.Error):
            run.execute(statement)
    assert not list(demo_store.glob("stolen*"))


# --- who may ask ---------------------------------------------------------------------------------------------------


def ask(server, method="GET", path=None, host=None, body=None):
    """Send one request by hand and return (status, headers, body)."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    try:
        connection.putrequest(method, path or f"/{server.site.token}/", skip_host=True)
        for one in [host] if not isinstance(host, list) else host:
            if one != "":
                connection.putheader("Host", one or f"127.0.0.1:{server.server_port}")
        if body:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


def test_the_page_comes_with_a_policy_that_nothing_gets_past(served):
    status, headers, body = ask(served)
    assert status == 200
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert (headers["X-Frame-Options"], headers["Referrer-Policy"]) == ("DENY", "no-referrer")
    assert (headers["Cache-Control"], headers["X-Content-Type-Options"]) == ("no-store", "nosniff")
    assert served.site.token.encode() not in body


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
def test_nothing_but_get_is_answered(served, method):
    status, _, body = ask(served, method, body=b"x=1" if method in ("POST", "PUT") else None)
    assert status == 405
    assert method == "HEAD" or b"read-only" in body


@pytest.mark.parametrize("method", ["PROPFIND", "TRACE", "get"])
def test_unknown_methods_are_refused(served, method):
    assert ask(served, method)[0] in (400, 501)


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:80", "127.0.0.1", "127.0.0.1:1", "", "localhost", ["127.0.0.1:{}", "evil.example"]],
)
def test_another_host_is_refused(served, host):
    hosts = [one.format(served.server_port) for one in host] if isinstance(host, list) else host
    status, _, body = ask(served, host=hosts)
    assert status == 421
    assert b"medquad" not in body


def test_localhost_is_this_host_too(served):
    assert ask(served, host=f"localhost:{served.server_port}")[0] == 200


@pytest.mark.parametrize("path", ["/", "/rows", "/x/", "/x/rows", "//", "/%00/", "/../etc/passwd", "/%C3%A9/"])
def test_without_the_secret_nothing_is_served(served, path):
    status, _, body = ask(served, path=path)
    assert status == 403
    assert b"medquad" not in body


@pytest.mark.parametrize("path", ["nothing", "../../etc/passwd", "rows/../../x", "row/1", "data/sft"])
def test_nothing_but_the_page_and_its_rows_is_served(served, path):
    assert ask(served, path=f"/{served.site.token}/{path}")[0] == 404


def test_wrong_queries_get_an_error_message(served):
    status, _, body = ask(served, path=f"/{served.site.token}/rows?by.color=red")
    assert (status, "no filter 'color'" in json.loads(body)["error"]) == (400, True)
    assert ask(served, path=f"/{served.site.token}/row?n=999999")[0] == 404
    assert ask(served, path=f"/{served.site.token}/row?n=abc")[0] == 400


def test_it_listens_on_localhost_only(served):
    assert served.server_address[0] == "127.0.0.1"


def test_many_requests_at_once_are_answered(served):
    address = f"{served.address}rows?"
    questions = [{"text": text, "by.status": "kept"} for text in ("asthma", "pain", "fever", "child")] * 4
    totals = [None] * len(questions)

    def send(n):
        with urllib.request.urlopen(address + urlencode(questions[n]), timeout=20) as answer:
            totals[n] = json.load(answer)["total"]

    threads = [threading.Thread(target=send, args=(n,)) for n in range(len(questions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert totals[:4] * 4 == totals
    assert all(totals)


# --- the verb ------------------------------------------------------------------------------------------------------


def test_the_verb_serves_until_ctrl_c(demo_store):
    call = [sys.executable, "-c", "from pipelines.cli.commands import main; main()", "browse", "demo@1", "--no-open"]
    with subprocess.Popen(
        [*call, "--store", str(demo_store)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as run:
        address = run.stdout.readline().strip()
        with urllib.request.urlopen(address, timeout=20) as answer:
            assert b"demo@1" in answer.read()
        run.send_signal(signal.SIGINT)
        out, err = run.communicate(timeout=20)
    assert run.returncode == 0
    assert "Traceback" not in out + err
    port = int(re.search(r":(\d+)/", address)[1])
    with socket.socket() as again:
        assert again.connect_ex(("127.0.0.1", port)) != 0


def test_two_servers_have_two_secrets(site, demo_store):
    other = BrowseApp.of(open_view(demo_store / "releases/demo/1"))
    assert other.token != site.token
    assert len(site.token) >= 32


def test_a_port_in_use_is_reported_in_one_line(demo_store, served):
    call = ["browse", "demo@1", "--store", str(demo_store), "--no-open", "--port", str(served.server_port)]
    result = CliRunner().invoke(main, call)
    assert result.exit_code == 1
    assert "cannot be used" in result.output


def test_a_missing_release_is_reported_in_one_line(demo_store):
    result = CliRunner().invoke(main, ["browse", "demo@9", "--store", str(demo_store), "--no-open"])
    assert result.exit_code == 1
    assert "demo@1" in result.output


# --- in a real browser ---------------------------------------------------------------------------------------------


@pytest.fixture
def page(window, served):
    window.start(served.address)
    rows_shown(window, 50)
    return window


def test_the_page_sends_requests_only_to_its_own_server(page, served):
    assert page.console() == []
    urls = page.requests()
    assert len(urls) == 2
    assert all(url.startswith(served.address) for url in urls)
    assert page.js("return document.getElementById('summary').textContent").startswith("315 of 315 rows, in ")


def test_filters_search_and_order(page, site):
    choose(page, "status", "dropped")
    page.until("return document.getElementById('summary').textContent.startsWith('68 of 315')")
    page.press("/")
    page.press(*"asthma")
    expected, total = site.index.rows(Question(filters={"status": "dropped"}, text="asthma"))
    rows_shown(page, total)
    assert ids(page) == [row["id"] for row in expected]
    page.js("document.querySelector('button[type=reset]').click()")
    rows_shown(page, 50)
    page.js("const by = document.getElementById('sort'); by.value = 'id'; by.dispatchEvent(new Event('change'))")
    first = [row["id"] for row in site.index.rows(Question(sort="id"))[0]]
    page.until("return document.querySelector('#list .id').textContent === arguments[0]", first[0])
    assert ids(page) == first


def test_pages_are_turned_by_hand_and_by_key(page, site):
    page.js("document.getElementById('next').click()")
    second = site.index.rows(Question(page=1))[0]
    page.until("return document.querySelector('#list .id').textContent === arguments[0]", second[0]["id"])
    assert page.js("return document.getElementById('pages').textContent") == "51 – 100 of 315"
    page.press("j", "k")
    page.until("return document.querySelector('#list .id').textContent !== arguments[0]", second[0]["id"])
    assert page.js("return document.getElementById('pages').textContent") == "1 – 50 of 315"


def test_a_row_is_opened_by_key_with_its_history(page):
    search(page, "medmcqa_train_900216")
    rows_shown(page, 1)
    page.press("Escape", "j", "Enter")
    page.until("return document.querySelector('.history')")
    text = page.js("return document.getElementById('detail').textContent")
    assert "leak:ngram" in text
    assert "read from medmcqa/medmcqa_val.json, line 80" in text
    page.press("Escape")
    assert page.until("return document.getElementById('detail').hasAttribute('data-empty')")
    assert page.js("return document.activeElement.getAttribute('role')") == "option"


def test_the_focused_element_is_always_visible(page):
    seen = tabbed(page, 12)
    assert all(visible for _, _, visible in seen)
    assert {"theme", "search", "by-status"} <= {id for _, id, _ in seen}
    assert page.js(UNNAMED) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_has_enough_contrast(page, scheme):
    page.scheme(scheme)
    assert dark(page) == (scheme == "dark")
    for text in ("medmcqa_train_900216", "medmcqa_train_900101"):
        search_and_wait(page, text)
        page.press("Escape", "j", "Enter")
        page.until("return document.querySelector('.history')")
        page.js("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        n_texts, low_contrast = page.js(LOW_CONTRAST)
        assert n_texts > 30
        assert low_contrast == []


@pytest.mark.parametrize("width", [320, 768])
def test_the_page_fits_any_width(page, width):
    page.size(width, 800)
    assert page.js("return document.documentElement.scrollWidth") <= width


def test_on_a_narrow_screen_filters_are_folded_and_a_row_covers_the_list(page, served):
    page.size(390, 800)
    page.go(served.address)
    rows_shown(page, 50)
    shown = "return document.getElementById(arguments[0]).checkVisibility({ contentVisibilityAuto: true })"
    assert not page.js(shown, "by-status")
    page.js("document.querySelector('#more summary').click()")
    page.until(shown.replace("arguments[0]", "'by-status'"))
    page.js("document.querySelector('#list li').click()")
    page.until("return document.querySelector('.history')")
    box = page.js(
        "const { width, top } = document.getElementById('detail').getBoundingClientRect(); return [width, top]"
    )
    assert box == [390, 0]
    page.press("Escape")
    page.until("return !document.getElementById('detail').checkVisibility()")


@pytest.fixture(scope="module")
def hostile(demo_store, tmp_path_factory):
    """A copy of the demo whose kept rows try to break out of the page."""
    store = tmp_path_factory.mktemp("hostile") / "store"
    shutil.copytree(demo_store, store)
    folder = store / "releases/demo/1"
    path = next((folder / "data/sft/headqa_en").glob("*.parquet"))
    rows = pl.read_parquet(path)
    messages = rows["messages"].to_list()
    for n, text in enumerate([*HOSTILE, "deep" * 300_000]):
        messages[n] = [{"role": "user", "content": text}, {"role": "assistant", "content": text}]
    rows.with_columns(pl.Series("messages", messages, rows.schema["messages"])).write_parquet(path)
    return BrowseApp.of(open_view(folder))


def test_hostile_rows_are_only_ever_text(window, hostile):
    server = Server(hostile, 0)
    thread = threading.Thread(target=serve, args=(server,))
    thread.start()
    try:
        window.go("about:blank")
        window.console(), window.requests()
        window.go(server.address)
        rows_shown(window, 50)
        for text, rows in (("window.broken", 4), ("gnp.exe", 1), ("deepdeep", 1)):
            search_and_wait(window, text)
            rows_shown(window, rows)
            for _ in range(rows):
                window.press("Escape", "j", "Enter")
                window.until("return document.querySelector('#detail .txt')")
            assert window.js(ACTIVE_CONTENT) == [2, 0, 0, 0, "undefined"]
        assert window.console() == []
        assert all(url.startswith(server.address) for url in window.requests())
        assert "1,180,000 more characters" in window.js("return document.getElementById('detail').textContent")
    finally:
        server.shutdown()
        thread.join(10)


def test_an_index_of_no_text_answers_too(demo_store, tmp_path):
    shutil.copytree(demo_store / "releases/demo_dpo/1", tmp_path / "alone")
    index = Index.of(open_view(tmp_path / "alone"))
    kept = json.loads((tmp_path / "alone" / "manifest.json").read_text(encoding="utf-8"))["rows"]
    assert index.rows(Question(filters={"status": "kept"}))[1] == kept > 30
    assert index.rows(Question(text="no_such_word"))[1] == 0
