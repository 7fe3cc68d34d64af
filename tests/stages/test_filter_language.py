"""Keeping rows by the language of their text."""

from __future__ import annotations

import pickle

import pyarrow as pa
import pytest

from nemo_sdg.errors import ConfigError
from nemo_sdg.simulator.phrases import make_pair, phrases
from nemo_sdg.stages.filter_language import LanguageFilter
from nemo_sdg.stages.rows import split_rejected

_FEW = ["English", "French", "German", "Spanish"]
_TEXTS = {
    "English": "What is the capital of the country where the river begins?",
    "French": "Quelle est la capitale du pays où le fleuve prend sa source ?",
    "German": "Wie heißt die Hauptstadt des Landes, in dem der Fluss entspringt?",
    "Spanish": "¿Cuál es la capital del país donde nace el río más largo?",
}


def _batch(texts, languages):
    return pa.table(
        {
            "row_id": range(len(texts)),
            "text": pa.array(texts, pa.string()),
            "language": pa.array(languages, pa.string()),
        }
    )


@pytest.fixture(scope="module")
def few():
    """Make a filter of four languages, whose data is quick to load."""
    made = LanguageFilter(languages=_FEW)
    made.setup()
    return made


def test_expected_column(few):
    """Rows in the language that their column names, by name or code, stay; the detected one is added."""
    texts = [_TEXTS["English"], _TEXTS["French"], _TEXTS["German"], _TEXTS["Spanish"], "", None, "1234 ?!"]
    languages = ["EN", "German", "German (Swiss)", "español", "English", "English", "English"]
    made = few.process(_batch(texts, languages))

    assert made["row_id"].to_pylist() == [0, 2, 3]
    assert made["detected_language"].to_pylist() == ["English", "German", "Spanish"]
    assert few.requires == ("text", "language")
    assert few.adds == ("detected_language",)


def test_unknown_language_rejects(few):
    """A row whose expected language is unknown or null is rejected, naming it; the others go on."""
    batch = _batch([_TEXTS["English"]] * 3, ["Klingon", "English", None])
    made, rejections = split_rejected(few.process(batch))

    assert made["row_id"].to_pylist() == [1]
    assert [(r.row_id, r.error) for r in rejections] == [(0, "RowError"), (2, "RowError")]
    assert "'Klingon' is unknown" in rejections[0].message
    assert "'null'" in rejections[1].message


def test_expected_list():
    """A list of languages keeps rows in any of them, and needs no column."""
    stage = LanguageFilter(expected=["de", "Spanish"], languages=_FEW, detected_column="found")
    made = stage.process(pa.table({"text": list(_TEXTS.values())}))

    assert stage.requires == ("text",)
    assert made["found"].to_pylist() == ["German", "Spanish"]


def test_min_confidence():
    """A text that could be in several languages is dropped when the detector has to be sure."""
    batch = _batch([_TEXTS["French"], "panorama"], ["French", "Spanish"])
    sure = LanguageFilter(languages=_FEW, min_confidence=0.9).process(batch)

    assert sure["row_id"].to_pylist() == [0]
    assert sure["detected_language"].to_pylist() == ["French"]


def test_all_languages_by_script():
    """By default any of the known languages can be detected."""
    texts = ["γλώσσα μας είναι όμορφη", "한국어는 아름다운 언어입니다", "ภาษาไทยเป็นภาษาที่สวยงาม"]
    made = LanguageFilter(expected=["Greek", "Thai"]).process(pa.table({"text": texts}))

    assert made["detected_language"].to_pylist() == ["Greek", "Thai"]


@pytest.mark.parametrize("form", ["{0}\n{1}", "[{2}] **Question:** {0}\n\n**Answer:** {1}"])
def test_questions_and_answers(form):
    """Questions and answers in 22 languages are told apart, whether or not labels in English are in front."""
    languages = phrases().languages
    texts, expected = [], []
    for language in languages:
        for number in range(0, 3000, 301):
            texts.append(form.format(*make_pair(language, number), language.code))
            expected.append(language.name)
    stage = LanguageFilter(languages=[language.name for language in languages], low_accuracy=True)
    made = stage.process(_batch(texts, expected))

    assert made.num_rows >= 0.98 * len(texts)


def test_macrolanguage():
    """Indonesian that is taken for Malay counts as Indonesian."""
    [indonesian] = [language for language in phrases().languages if language.name == "Indonesian"]
    texts = [" ".join(make_pair(indonesian, number)) for number in range(0, 3000, 150)]
    stage = LanguageFilter(languages=["Indonesian", "Malay", "English"])
    made = stage.process(_batch(texts, ["Indonesian"] * len(texts)))

    assert made.num_rows == len(texts)
    assert set(made["detected_language"].to_pylist()) == {"Indonesian", "Malay"}


def test_journey_to_a_worker():
    """A filter that was not set up can be pickled, sets itself up, and closes."""
    there = pickle.loads(pickle.dumps(LanguageFilter(languages=_FEW)))

    assert there.process(_batch([_TEXTS["German"]], ["de"])).num_rows == 1
    there.close()
    assert there._detector is None


def test_no_rows(few):
    """A batch without rows gets the column."""
    assert few.process(_batch([], [])).column_names == ["row_id", "text", "language", "detected_language"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"expected": ["Klingon"]}, "expected cannot be used: language 'Klingon' is unknown"),
        ({"expected": []}, "expected is .*at least 1"),
        ({"expected": ""}, "expected is ''"),
        ({"languages": ["German"]}, "languages is .*at least 2"),
        ({"languages": "German"}, "languages is 'German'"),
        (
            {"expected": ["fr"], "languages": ["German", "English"]},
            "expected has 'French', which languages lacks",
        ),
        ({"min_confidence": 1.5}, "min_confidence is 1.5"),
        ({"min_confidence": True}, "min_confidence is True"),
        ({"low_accuracy": "no"}, "low_accuracy is 'no'"),
        ({"detected_column": "status"}, "'status', which belongs to the engine"),
    ],
)
def test_refused_arguments(arguments, complaint):
    """Arguments that cannot be used are refused by name."""
    with pytest.raises(ConfigError, match=complaint):
        LanguageFilter(**arguments)
