"""HTML becomes text: what is raised stays raised, tables stay tables, and angle brackets that are no tags stay text."""

import pytest

from quality.cleaning.markup import to_text, unescape
from quality.cleaning.office_markup import remove_office


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("a titre of 10<sup>3.5</sup> units", "a titre of 10^3.5 units"),
        ("about 10<sup>2,5</sup>/ml", "about 10^2,5/ml"),
        ("10<sup>6-7</sup> copies", "10^(6-7) copies"),
        ("10<sup>-1.5</sup> M", "10^-1.5 M"),
        ("C = C0 e<sup>-kt</sup>", "C = C0 e^-kt"),
        ("2<sup>n+1</sup> cells", "2^(n+1) cells"),
        ("x<sup>2</sup>3", "x^(2)3"),
        ("10<SUP>8</SUP> CFU", "10^8 CFU"),
        ("10<sup>4 cells", "10^4 cells"),
        ("<i>x</i><sup>2</sup>", "x^2"),
        ("Ca<sup>2+</sup> and Cl<sup>-</sup>", "Ca^2+ and Cl-"),
        ("<sup>99m</sup>Tc or <sup>18</sup>F", "99mTc or 18F"),
        ("shown before.<sup>7,8</sup> Later", "shown before.[7,8] Later"),
        ("38<sup>o</sup>C on the 2<sup>nd</sup> day", "38°C on the 2nd day"),
        ("H<sub>2</sub>O, V<sub>max</sub>, t<sub>1/2</sub>, log<sub>10</sub> x", "H2O, Vmax, t1/2, log10 x"),
        ("101<sub>2</sub> and a<sub>i+1</sub>", "101_2 and a_(i+1)"),
        ("HPO<sub>4</sub><sup>2-</sup>", "HPO4^2-"),
        ("10² and 10⁻³ stay", "10² and 10⁻³ stay"),
    ],
)
def test_a_script_never_melts_into_what_it_stands_on(markup, text):
    assert to_text(markup) == text


@pytest.mark.parametrize(
    "text",
    [
        "patient <A> has HLA-<B>27, patient <P> has not",
        "values <5 and >3, p<0.05, a<b and b>c",
        "f() and ( ) and [ ]",
        "<NAME> was seen on <DATE>",
        "a < b > c",
        "the <title> of the <form>",
    ],
)
def test_angle_brackets_that_are_no_markup_stay(text):
    assert to_text(text) == text


def test_a_table_stays_a_table_with_its_header_and_its_empty_cells():
    markup = (
        "Dose:<table><tr><th>Age</th><th>Iron</th><th>Zinc</th></tr>"
        "<tr><td>1</td><td></td><td>5 mg</td></tr><tr><td>2</td><td>9 mg</td><td>a|b</td></tr></table>End."
    )
    assert to_text(markup) == (
        "Dose:\n\n| Age | Iron | Zinc |\n| --- | --- | --- |\n| 1 | | 5 mg |\n| 2 | 9 mg | a\\|b |\n\nEnd."
    )


def test_cells_that_span_rows_and_rows_without_a_table_keep_their_columns():
    assert to_text(
        "<table><tr><td>Drug</td><td>Day</td></tr><tr><td rowspan=2>iron</td><td>1</td></tr><tr><td>2</td></tr></table>"
    ) == ("| Drug | Day |\n| --- | --- |\n| iron | 1 |\n| iron | 2 |")
    assert to_text("<tr><td>a</td><td>b</td></tr><tr><td colspan=2>c</td></tr>") == "| a | b |\n| --- | --- |\n| c | |"


def test_a_table_of_one_column_only_lays_out_its_text():
    assert to_text("<table><tr><td>Rest.</td></tr><tr><td>Drink.</td></tr></table>") == "Rest.\nDrink."


def test_ordered_lists_keep_their_numbers():
    assert to_text("<ol><li>Wash</li><li>Dry</li></ol>") == "1. Wash\n\n2. Dry"


def test_no_text_is_lost_with_the_shell_of_a_page():
    page = "<html><head><title>Anaemia</title><style>p {x: y}</style></head><body><p>Take iron.</p></body></html>"
    assert to_text(page).split() == ["Anaemia", "Take", "iron."]
    assert to_text("<textarea>Take <b>iron</b></textarea>") == "Take iron"


@pytest.mark.parametrize("depth", [1, 2, 6, 40])
def test_a_reference_is_resolved_however_often_it_was_escaped(depth):
    assert unescape("a &" + "amp;" * depth + "lt; b") == "a < b"


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("Rest.<!--[if gte mso 9]><xml><w:View>Normal</w:View></xml><![endif]--> Drink.", "Rest. Drink."),
        ("Rest.<o:p></o:p> <st1:place w:st='on'>Lima</st1:place>", "Rest. Lima"),
        ("<![if !vml]>Rest.<![endif]>", "Rest."),
        ("Rest.<!-- a note --> Drink.", "Rest. Drink."),
        ("renin --> angiotensin <!-- open", "renin --> angiotensin <!-- open"),
        ('/* Style Definitions */ table.MsoNormalTable {mso-style-name:"x";} Rest.', " Rest."),
    ],
)
def test_what_word_processors_leave_goes_and_what_stands_between_stays(page, text):
    assert remove_office(page)[0] == text
