"""Stock text goes, and with it never a sentence that has content of its own."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rows import row, table

from quality.cleaning.normalize import Normalise, normalise
from quality.cleaning.stock_text import STOCK, STOCK_SENTENCE

EXAMPLES = {
    "hpo_notice": (
        "The Human Phenotype Ontology (HPO) has collected information on how often a sign or symptom occurs in a "
        "condition.",
    ),
    "chat_doctor": ("Chat Doctor.",),
    "consult_online": (
        "For more information consult a dermatologist online -->",
        "For further queries consult an internal medicine physician online --> <link>",
    ),
    "not_medical_advice": (
        "This information is not a substitute for professional medical advice.",
        "This answer is for informational purposes only.",
    ),
    "as_a_model": ("As an AI language model, I cannot provide medical advice.", "I am an AI and not a doctor."),
    "thanks": ("Thank you for choosing our portal.", "I have gone through your query carefully."),
    "dangling_link": ("To learn more, visit .", "Click here for a video."),
    "greeting": ("Hello, thanks for your query.", "Hi there,", "Welcome to Chat Doctor."),
    "hope_this_helps": (
        "Hope this helps.",
        "I hope that my answer has clarified your doubts!",
        "Hope I have answered your query, let me know if I can assist you further.",
    ),
    "further_questions": (
        "If you have any further questions, feel free to ask.",
        "Please do not hesitate to contact me for any other concerns.",
        "Let me know if you have any more queries.",
    ),
    "wishes": ("Take care.", "Wish you good health.", "I wish you a speedy recovery.", "Have a nice day!"),
    "sign_off": ("Regards, Dr. A. Li", "Best wishes,\nMaria Soler, LMHC", "Maria Soler, LCSW"),
    "copyright": ("Copyright © 2011 Example Press. All rights reserved.", "(c) 2004 Example-Sons, Inc."),
}
FIRST = {"greeting"}
LAST = {"sign_off", "copyright"}

CONTENT = (
    "Do not stop warfarin on your own.",
    "If the seizures persist, call an ambulance.",
    "Never take it if you are allergic to penicillin.",
    "Take care of the wound and keep it dry.",
    "There is hope that this treatment may help most patients.",
    "If you have any other questions about the dose, 5 mg is the maximum.",
    "Thank you for asking about insulin, which belongs in the fridge.",
    "I hope this helps you to see why 20 mg is too much.",
    "This tea is not a substitute for professional medical treatment of asthma.",
    "(c) 4000 mg of paracetamol a day is too much.",
    "As an AI device, the pump stops at 3 mmol/L.",
    "Consult a cardiologist about the murmur within a week.",
    "Chew one tablet of 300 mg.",
    "Regards the heart as a pump of two halves.",
    "Chat Doctor is the name of a corpus of dialogues.",
    "Multiple sclerosis is written MS.",
)
STOCK_LINES = [(name, text) for name, texts in EXAMPLES.items() for text in texts]


def edited(text: str) -> str:
    rows, _ = normalise(table(row(answer=text)), Normalise())
    return rows["answer"].item()


def test_every_removal_has_examples():
    assert set(EXAMPLES) == {stock.name for stock in STOCK}


@pytest.mark.parametrize(("name", "stock"), STOCK_LINES)
def test_stock_text_goes_and_its_neighbours_stay(name, stock):
    before, after = "Iron is lost with blood.", "Drink enough water."
    text = f"{stock} {after}" if name in FIRST else f"{before} {stock}" if name in LAST else f"{before} {stock} {after}"
    wanted = after if name in FIRST else before if name in LAST else f"{before} {after}"
    assert edited(text) == wanted


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from(CONTENT), min_size=1, max_size=3),
    st.lists(st.sampled_from(CONTENT), max_size=3),
    st.sampled_from([text for _, text in STOCK_LINES]),
    st.sampled_from([" ", "\n", "\n\n", " \n"]),
)
def test_sentences_with_content_survive_around_every_removal(before, after, stock, blank):
    out = edited(blank.join([*before, stock, *after]))
    at = 0
    for sentence in [*before, *after]:
        at = out.index(sentence, at) + len(sentence)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([text for _, text in STOCK_LINES]), st.sampled_from(CONTENT), st.data())
def test_content_put_inside_a_stock_sentence_survives(stock, content, data):
    words = stock.split(" ")
    at = data.draw(st.integers(1, len(words)))
    inside = content.rstrip(".")
    assert inside in edited("Iron is lost. " + " ".join([*words[:at], inside, *words[at:]]))


PLACED = (
    "{}",
    "The dose is 5 mg. {}",
    "See the list:\n- one\n2) {}",
    "1. {} Chew it.",
    "He said “no.” {}",
    "\n\n{}  \nThe dose is 5 mg",
    "Is it so?! {}",
)


@pytest.mark.parametrize("around", PLACED)
def test_what_goes_from_one_text_goes_from_each_of_many(around):
    texts = [around.format(stock) for stocks in EXAMPLES.values() for stock in stocks]
    alone = [edited(text) for text in texts]
    many, _ = normalise(table(*(row(f"corpus:{at}", answer=text) for at, text in enumerate(texts * 70))), Normalise())
    assert many["answer"].to_list() == alone * 70


SENTENCES = [kind for kind in STOCK if kind.words]
SAID = sorted({word for stocks in EXAMPLES.values() for stock in stocks for word in stock.split()})
TURNS = (
    "hope this helps,feel free,any more questions,other health information,any doubts,good luck,have a good,stay well,"
    "thank you for your query,welcome to,read your,not a substitute for medical advice,information only,click here,"
    "for more information visit our website,visit .,see ,to learn more,don’t hesitate,let me know if i can,take care"
).split(",")


@settings(max_examples=400, deadline=None)
@given(
    said=st.lists(
        st.sampled_from((*TURNS, *SAID, "you", "well-being", "5", "(please)", "we’ll")), min_size=1, max_size=6
    ),
    gaps=st.lists(
        st.sampled_from((" ", ", ", "  ", " - ", "\n", ". ", "! ", "; ", " “", "” ")), min_size=6, max_size=6
    ),
    around=st.sampled_from(PLACED),
)
def test_the_quick_look_for_whole_sentences_misses_none(said, gaps, around):
    text = around.format("".join(word + gap for word, gap in zip(said, gaps, strict=False)))
    for kind in SENTENCES:
        if kind.remove(text)[0] != text:
            assert pl.Series([text.lower()]).str.contains(STOCK_SENTENCE)[0], kind.name


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_a_text_that_is_an_option_or_a_turn_of_a_conversation_keeps_its_stock_text(name):
    for stock in EXAMPLES[name]:
        rows, _ = normalise(
            table(row(question=f"Iron? {stock}", options=(stock, "iron"), gold=(0,), answer=stock)), Normalise()
        )
        kept = rows.row(0, named=True)
        if "<link>" not in stock:
            assert kept["messages"][0]["content"] == f"Iron? {stock}"
        assert (kept["answer"], kept["options"][0]) == (stock, stock)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Rest. Read more here: https://a.org/x and visit www.b.org .", "Rest."),
        ("Rest ( http://a.org and http://b.org ) and drink.", "Rest and drink."),
        ("Rest. More information:\nhttps://a.org/x\nhttps://b.org/y\n\nDrink.", "Rest.\n\nDrink."),
        ("Rest (see https://a.org/x).", "Rest."),
        (
            "Rest. Click [here](https://a.org/x). Read [the leaflet](https://a.org/y) first.",
            "Rest. Read the leaflet first.",
        ),
        ("Asthma is explained at <link>. Rest.", "Asthma is explained. Rest."),
        ("Take 5 mg, see www.a.org for the table of doses in children.", None),
        ("The maximum dose is given at the following page. http://a.org/dose", None),
        ("https://a.org/x", None),
        ("Asthma is explained [here](https://a.org/x).", None),
    ],
)
def test_an_address_goes_with_what_only_refers_to_it_and_stays_where_content_leans_on_it(before, after):
    assert edited(before) == (after or before)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Hello, thanks for the query taking magnesium is fine.", "taking magnesium is fine."),
        ("Hi Rosa, thank you for writing. Rest.", "Rest."),
        ("Rest well Chat Doctor. Drink water Chat Doctor.", "Rest well. Drink water."),
        ("As an AI language model, I think that iron helps.", "I think that iron helps."),
        ("Avoid sun. Multiple Sclerosis, MS", None),
        ("Rest. Take care. Avoid Alcohol.", "Rest. Avoid Alcohol."),
        ("Welcome the child to the ward before the test.", None),
        ("(c) 2000 mg daily.", None),
        ("Is it clear? If you have more questions about 5 mg, ask.", None),
    ],
)
def test_phrases_go_without_their_neighbours(before, after):
    assert edited(before) == (after or before)
