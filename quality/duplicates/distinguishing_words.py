"""Words that distinguish near-duplicates (negations, opposites, units), and function words without a subject."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

STOP, NEGATES, OPPOSED, UNIT, SYMBOL, NAMES = 1, 2, 4, 8, 16, 32
"""Classes of words: no weight for the subject, a negation, one of a pair of opposites, a unit, a Roman number, a word
followed by a letter (type A).
"""

NOT = np.uint32(32)
"""The value of all negations."""

STOP_WORDS = (
    "a an the this that these those it its there here and or but if as of in on at to for from by into about with than "
    "then so such also am is are was were be been being do does did done can could may might should would will shall "
    "must has have had having how what why when where which who whom whose i me my mine we us our you your he him his "
    "she her they them their some any please hello hi hey dear sir madam doctor dr physician good morning afternoon "
    "evening day thanks thank many advance regards best kind kindly sincerely greetings question answer q re ve ll s d "
    "m "
    "el la los las un una unos unas de del al en por para con y o e u que qué cuál cuáles cómo cuándo dónde es son fue "
    "se su sus lo le les hola gracias estimado estimada le les des du ce cette ces est sont et ou dans sur au aux qui "
    "quel quelle quels quelles comment bonjour merci der die das ein eine ist sind und oder was wie "
    "है हैं था की का के में से को क्या और"
).split()
"""Function words, greetings and thanks: they may differ between two questions on the same subject."""

NEGATIONS = (
    "not no never without neither nor none cannot non nunca sin ni ningún ninguna jamais sans pas aucun aucune nicht "
    "kein keine ohne nie não nunca sem नहीं बिना न "
    "niet geen zonder nie bez не нет без δεν χωρίς değil yok inte utan ikke không tidak لا ليس ليست لم لن غير "
    "بدون نہیں نیست לא אין ללא בלי না নেই নয় இல்லை లేదు 不 没 沒 無 无 未 非"
).split()

OPPOSITES = (
    "yes sí oui ja sim",
    "with con avec mit com",
    "left izquierdo izquierda gauche links linke linken esquerdo esquerda",
    "right derecho derecha droit droite rechts rechte rechten direito direita",
    "↑ increase increases increased increasing higher high greater larger more above over elevated raised raise raises "
    "rise rises rising upregulated exceeds mayor mayores aumento aumentado aumenta alto alta élevé augmente erhöht",
    "↓ decrease decreases decreased decreasing lower low smaller less fewer below under reduced reduce reduces fall "
    "falls falling lowered lowers downregulated menor menores disminución disminuido disminuye bajo baja abaissé "
    "diminue erniedrigt",
    "before preoperative prenatal preprandial pre antes avant vor",
    "after postoperative postnatal postprandial post después après nach",
    "always siempre toujours immer",
    "positive positivo positiva positif",
    "negative negativo negativa négatif",
    "acute agudo aguda aigu",
    "chronic crónico crónica chronique",
    "benign benigno benigna",
    "malignant maligno maligna",
    "upper",
    "anterior ventral",
    "posterior dorsal",
    "medial",
    "lateral",
    "proximal",
    "distal",
    "superior",
    "inferior",
    "afferent",
    "efferent",
    "abduction abducts",
    "adduction adducts",
    "flexion flexor flexors",
    "extension extensor extensors",
    "systolic systole",
    "diastolic diastole",
    "arterial artery arteries",
    "venous vein veins",
    "agonist agonists",
    "antagonist antagonists",
    "inhibits inhibit inhibitor inhibition inhibited",
    "activates activate activator activation activated stimulates stimulate stimulation",
    "dominant",
    "recessive",
    "sensitive susceptible",
    "resistant",
    "acidosis",
    "alkalosis",
    "safe",
    "unsafe dangerous",
    "normal",
    "abnormal",
    "symptomatic",
    "asymptomatic",
    "first",
    "second",
    "third",
    "start begin",
    "stop",
)
"""Words of one line are interchangeable; those of two lines reverse a statement."""

UNITS = (
    "mg milligram milligrams milligramme miligramo miligramos",
    "mcg μg ug microgram micrograms microgramme microgramo microgramos",
    "ng nanogram nanograms",
    "g gram grams gm gramo gramos",
    "kg kilogram kilograms kilo kilos",
    "ml milliliter milliliters millilitre millilitres cc",
    "dl deciliter decilitre",
    "l liter liters litre litres",
    "mmol millimole millimoles",
    "μmol umol micromole micromoles",
    "mol",
    "meq",
    "iu units unit",
    "pg picogram picograms",
    "nmol nanomole nanomoles",
    "nm nanometer nanometers nanometre nanometres",
    "μm um micrometer micrometers micrometre micrometres micron microns",
    "c celsius centigrade",
    "f fahrenheit",
    "mm millimeter millimeters millimetre millimetres",
    "cm centimeter centimeters centimetre centimetres",
    "m meter meters metre metres",
    "s sec second seconds",
    "min minute minutes",
    "h hr hrs hour hours hora horas",
    "day days día días",
    "week weeks semana semanas",
    "month months mes meses",
    "year years yr yrs año años",
    "mmhg",
    "kpa",
    "mv",
    "hz",
    "kcal",
    "kj",
)

NAMING = (
    "type types tipo tipos typ group groups grupo grupos groupe gruppe grade grado stage class clase classe "
    "category vitamin vitamins vitamina vitaminas vitamine hepatitis hépatite influenza gripe grippe factor "
    "factors hemophilia haemophilia hemofilia protein proteins blood immunoglobulin apolipoprotein coenzyme "
    "option options part plan phase strep streptococcus toxin amphotericin antigen variant subtype form "
    "serotype schedule wave site subunit chain arm cohort appendix figure table patient drug point zone region "
    "layer level line answer choice statement assertion opción opciones parte"
).split()
"""Words followed by a capital letter, in titles too."""

ROMAN = "ii iii iv vi vii viii ix xi xii alpha beta gamma delta α β γ δ ε κ".split()


@lru_cache
def word_table() -> tuple[NDArray[np.uint64], NDArray[np.uint32]]:
    """Return the hash table of all these words (``text_kernels.Words``): hashes, 0 in an empty slot, and codes."""
    codes: dict[str, int] = {}
    lines = [(40 + n, OPPOSED, line.split()) for n, line in enumerate(OPPOSITES)]
    lines += [(128 + n, UNIT, line.split()) for n, line in enumerate(UNITS)]
    lines += [(int(NOT), NEGATES, NEGATIONS), (0, SYMBOL, ROMAN), (0, NAMES, NAMING), (0, STOP, STOP_WORDS)]
    for value, kind, words in lines:
        for word in words:
            codes[word] = codes.get(word, 0) | kind | (0 if codes.get(word, 0) >> 8 else value << 8)
    size = 1 << (4 * len(codes)).bit_length()
    hashes, slot_codes = np.zeros(size, np.uint64), np.zeros(size, np.uint32)
    for word, code in sorted(codes.items()):
        token = word_hash(word)
        place = token & (size - 1)
        while hashes[place]:
            place = (place + 1) & (size - 1)
        hashes[place], slot_codes[place] = token, code
    return hashes, slot_codes


def word_hash(word: str) -> int:
    """Return the hash of a token, equal to that of ``text_kernels.token_hashes``."""
    state = 0xCBF29CE484222325
    for character in word:
        state = (state ^ ord(character)) * 0x100000001B3 % 2**64
    return _mixed(state)


def letter_number(character: str) -> int:
    """Return the number of a letter summed by ``text_kernels.spelling``: the upper half of its code, mixed."""
    return _mixed(ord(character)) >> 32


def _mixed(value: int) -> int:
    """Return ``value`` with every bit spread over all 64 (MurmurHash3's fmix64), as ``text_kernels.mix`` does."""
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        value = (value ^ value >> 33) * factor % 2**64
    return value ^ value >> 33
