"""``aloe_sft --mix``: Aloe's shares of the tokens, told part by part in the output, in step.json and in the account."""

import json
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner
from rows import row, table

from pipelines.build.account import BuildAccount
from pipelines.build.recipe import RecipeError, load
from pipelines.cli.commands import main
from pipelines.cli.print_tables import build_table
from pipelines.recipes.aloe_sft import catalog_parts
from sources.catalog import SOURCES
from sources.record import Message
from synth.formatting.mix import Mix, mix
from synth.formatting.mix_parts import Part, Pick, part_of

FIXTURES = Path(__file__).parent / "fixtures" / "mirror"

ALOE = catalog_parts()
MEDICAL = ("medquad", "genmedgpt5k", "wikidoc_patient_information", "medqa_cot_llama31", "aloe_beta_medical")
GENERAL = ("finetome", "magpie_ultra", "gsm8k", "xlam_function_calling", "longwriter_6k")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("mix")


def build(folder, *options):
    """Build ``aloe_sft`` from the fixtures and return the result of the call."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        sources = () if "--sources" in options else ("--sources", ",".join([*MEDICAL, *GENERAL]))
        call = [
            "build",
            "aloe_sft",
            *sources,
            "--mirror",
            str(FIXTURES),
            "--store",
            "store",
            "--workers",
            "1",
        ]
        return CliRunner().invoke(main, [*call, *options])


def account(folder, *options):
    """Return (what each part came to, the ids that are kept, the ids that went)."""
    result = build(folder, *options, "--json")
    assert result.exit_code == 0, result.output
    built = json.loads(result.stdout)
    last = built["steps"][-1]
    step = folder / "store" / "steps" / last["folder"]
    assert json.loads((step / "step.json").read_text())["account"] == last["account"]
    kept, gone = (
        {id for path in step.glob(f"{kind}/*.parquet") for id in pl.read_parquet(path)["id"]}
        for kind in ("kept", "dropped")
    )
    assert built["rows"] == len(kept) == sum(part["rows"] for part in last["account"])
    return {part["part"]: part for part in last["account"]}, kept, gone


def test_without_a_mix_every_row_stays(folder):
    result = build(folder, "--json")
    assert json.loads(result.stdout)["steps"][-1]["name"] == "add-instructions"


def test_all_public_medical_rows_stay_and_the_others_come_up_to_their_shares(folder):
    parts, _, gone = account(folder, "--mix", "aloe")
    medical = parts["medical"]
    assert (medical["rows"], medical["share_wanted"]) == (medical["rows_available"], pytest.approx(0.6))
    for name, part in parts.items():
        wanted = medical["tokens"] / 0.6 * part["share"]
        assert part["tokens_wanted"] == pytest.approx(wanted), name
        assert part["tokens"] <= part["tokens_wanted"] + 1e-6
        assert part["rows"] == part["rows_available"] or part["tokens_available"] > part["tokens_wanted"]
    assert {id.partition(":")[0] for id in gone} <= set(GENERAL) | {"medqa_cot_llama31"}


def test_an_exact_mix_is_as_small_as_its_scarcest_part_demands(folder):
    loose, _, _ = account(folder, "--mix", "aloe")
    exact, kept, gone = account(folder, "--mix", "exact")
    scarcest = min(loose.values(), key=lambda part: part["tokens_available"] / part["share_wanted"])["part"]
    assert exact[scarcest]["tokens"] == exact[scarcest]["tokens_available"]
    assert all(part["tokens"] <= part["tokens_wanted"] + 1e-6 for part in exact.values())
    assert len(gone) > len(kept) > 0


def test_the_output_tells_shares_shortages_and_what_is_left_out(folder):
    said = build(folder, "--mix", "aloe").stdout
    parts, _, _ = account(folder, "--mix", "aloe")
    short = [p for p in parts.values() if p["rows_available"] and p["tokens_available"] < p["tokens_wanted"] - 1]
    assert short
    for part in short:
        assert (
            f"{part['part']} has {part['tokens_available']:,} of {part['tokens_wanted']:,.0f} tokens requested" in said
        )
    assert "of the tokens are left out; whole: " in said and "medical" in said.partition("whole: ")[2]


def test_a_part_without_rows_leaves_its_share_and_says_so(folder):
    result = build(folder, "--mix", "aloe", "--json", "--sources", "medquad,genmedgpt5k")
    built = json.loads(result.stdout)
    assert built["steps"][-1]["counts"]["dropped"] == 0
    assert "synthetic has no rows: its share of 20.0% went to other parts or to none" in build_table(
        BuildAccount.of(built)
    )


def test_caps_and_a_size_are_kept_to(folder):
    parts, kept, gone = account(folder, "--mix", "aloe", "--mix-tokens", "300", "--mix-caps", "genmedgpt5k=0")
    assert not [id for id in kept if id.startswith("genmedgpt5k:")]
    assert [id for id in gone if id.startswith("genmedgpt5k:")]
    assert parts["medical"]["tokens_wanted"] == pytest.approx(180)


def test_shares_of_ones_own(folder):
    parts, _, _ = account(folder, "--mix", "aloe", "--mix-shares", "0.5,0.1,0.4", "--mix-general", "0.5,0.25,0.25")
    shares = {name: round(part["share"], 6) for name, part in parts.items()}
    assert shares["medical"] == 0.5 and shares["synthetic"] == 0.1
    assert shares["general/instruction"] == 0.2 and shares["general/long-context"] == 0.1


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"mix_tokens": "5"}, "mix: got 'none' and settings of a mix, expected aloe or exact"),
        ({"mix": "most"}, "mix: got 'most', expected 'none', 'aloe' or 'exact'"),
        ({"mix": "aloe", "mix_shares": "0.7,0.2,0.2"}, "mix_shares: got 0.7, 0.2, 0.2, expected three that sum to 1"),
        ({"mix": "aloe", "mix_general": "1,0,0"}, "mix_general.1: got '0', expected greater than 0"),
        (
            {"mix": "aloe", "mix_caps": "medquat=1"},
            r"mix_caps: got 'medquat=1', expected the name of a source .*; did you mean 'medquad'\?",
        ),
        ({"mix": "aloe", "mix_caps": "medquad=lots"}, "mix_caps: got 'medquad=lots'"),
    ],
)
def test_settings_that_make_no_mix_are_refused(values, words):
    with pytest.raises(RecipeError, match=words):
        load("aloe_sft").bind(values)


# --- which part a row is in ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", SOURCES.values(), ids=lambda source: source.name)
def test_the_catalogs_general_sources_are_general_and_its_medical_ones_are_not(source):
    if source.kind in ("training", "general"):
        path = table(row(f"{source.name}:1", task=source.task)).select(part_of(ALOE)).item()
        assert path.startswith("general/") == (source.kind == "general")


def test_a_chain_that_a_teacher_wrote_makes_any_row_synthetic():
    rows = [row(f"{name}:1", meta={"cot": {"origin": "sampled"}}) for name in ("medquad", "gsm8k", "mmlu_auxiliary")]
    assert set(table(*rows).select(part_of(ALOE)).to_series()) == {"synthetic"}


# --- how large a mix is ----------------------------------------------------------------------------------------------

PARTS = tuple(Part(name=n, share=s, picks=(Pick(sources=(n,)),)) for n, s in (("big", 0.75), ("small", 0.25)))


def sized(big, small, **config):
    """Return the rows that each part comes to of so many, all of the same length."""
    rows = [row(f"{source}:{n}") for source, count in (("big", big), ("small", small)) for n in range(count)]
    decision = mix(lambda: iter([table(*rows)]), Mix(parts=PARTS, **config))
    return {part["part"]: part["rows"] for part in decision.tables["account"].to_dicts()}


@pytest.mark.parametrize(
    ("have", "scarcest", "main"),
    [
        ((30, 10), (30, 10), (30, 10)),
        ((30, 5), (15, 5), (30, 5)),
        ((3, 90), (3, 1), (3, 1)),
        ((300, 1), (3, 1), (300, 1)),
    ],
)
def test_the_main_part_stays_whole_where_the_scarcest_would_shrink_it(have, scarcest, main):
    assert tuple(sized(*have).values()) == scarcest
    assert tuple(sized(*have, size="main").values()) == main


def test_where_the_main_part_has_no_row_the_next_is_the_main_one():
    assert sized(0, 4, size="main", absent="share_out") == {"big": 0, "small": 4}


def test_all_messages_and_the_reply_are_counted():
    turns = (Message("system", "s" * 40), Message("user", "u" * 40), Message("assistant", "a" * 40))
    rows = [row("big:1", messages=turns, response="r" * 40), row("small:1")]
    decision = mix(lambda: iter([table(*rows)]), Mix(parts=PARTS, size="main"))
    assert decision.tables["account"]["tokens_available"][0] == 41  # with three line breaks
