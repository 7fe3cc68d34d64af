"""The words that models put in front of a question and its answer, by language."""

# ruff: noqa: RUF001 - letters of other alphabets are meant

from __future__ import annotations

from typing import NamedTuple


class Labels(NamedTuple):
    """Words for "question" and for "answer", case ignored."""

    question: tuple[str, ...]
    answer: tuple[str, ...]


LABELS: dict[str, Labels] = {
    "English": Labels(("Question", "Ques", "Query"), ("Answer", "Ans", "Response", "Reply")),
    "French": Labels(("Question",), ("Réponse", "Reponse")),
    "German": Labels(("Frage", "Fragestellung"), ("Antwort",)),
    "Spanish": Labels(("Pregunta",), ("Respuesta",)),
    "Italian": Labels(("Domanda", "Quesito"), ("Risposta",)),
    "Portuguese": Labels(("Pergunta", "Questão", "Questao"), ("Resposta",)),
    "Dutch": Labels(("Vraag",), ("Antwoord",)),
    "Polish": Labels(("Pytanie",), ("Odpowiedź", "Odpowiedz")),
    "Czech": Labels(("Otázka", "Otazka", "Dotaz"), ("Odpověď", "Odpoved")),
    "Slovak": Labels(("Otázka",), ("Odpoveď",)),
    "Swedish": Labels(("Fråga",), ("Svar",)),
    "Danish": Labels(("Spørgsmål",), ("Svar",)),
    "Norwegian": Labels(("Spørsmål",), ("Svar",)),
    "Finnish": Labels(("Kysymys",), ("Vastaus",)),
    "Hungarian": Labels(("Kérdés",), ("Válasz",)),
    "Romanian": Labels(("Întrebare", "Întrebarea", "Intrebare"), ("Răspuns", "Răspunsul", "Raspuns")),
    "Russian": Labels(("Вопрос",), ("Ответ",)),
    "Ukrainian": Labels(("Питання", "Запитання"), ("Відповідь",)),
    "Bulgarian": Labels(("Въпрос",), ("Отговор",)),
    "Greek": Labels(("Ερώτηση", "Ερωτηση"), ("Απάντηση", "Απαντηση")),
    "Turkish": Labels(("Soru",), ("Cevap", "Yanıt")),
    "Arabic": Labels(("السؤال", "سؤال"), ("الإجابة", "الاجابة", "إجابة", "الجواب", "جواب")),
    "Persian": Labels(("پرسش", "سوال", "سؤال"), ("پاسخ", "جواب")),
    "Hebrew": Labels(("שאלה", "השאלה"), ("תשובה", "התשובה")),
    "Hindi": Labels(("प्रश्न", "सवाल"), ("उत्तर", "जवाब")),
    "Bengali": Labels(("প্রশ্ন",), ("উত্তর",)),
    "Thai": Labels(("คำถาม",), ("คำตอบ",)),
    "Chinese": Labels(("问题", "問題", "提问", "问", "問"), ("答案", "回答", "解答", "答")),
    "Japanese": Labels(("質問", "問題", "問い", "問"), ("回答", "答え", "解答", "答")),
    "Korean": Labels(("질문", "문제"), ("답변", "대답", "정답", "답")),
    "Vietnamese": Labels(("Câu hỏi", "Hỏi"), ("Câu trả lời", "Trả lời", "Đáp án", "Đáp")),
    "Indonesian": Labels(("Pertanyaan",), ("Jawaban", "Jawab")),
    "Malay": Labels(("Soalan",), ("Jawapan",)),
}

INITIALS: tuple[tuple[str, str], ...] = (
    ("Q", "R"),  # French
    ("F", "A"),  # German
    ("P", "R"),  # Spanish, Portuguese
    ("D", "R"),  # Italian
    ("V", "A"),  # Dutch
    ("P", "O"),  # Polish
    ("F", "S"),  # Swedish
    ("S", "C"),  # Turkish
    ("T", "J"),  # Indonesian
    ("H", "Đ"),  # Vietnamese
    ("В", "О"),  # Russian
    ("П", "В"),  # Ukrainian
    ("Ε", "Α"),  # Greek
    ("س", "ج"),  # Arabic
    ("ש", "ת"),  # Hebrew
    ("प्र", "उ"),  # Hindi
)
"""Single letters mean a question in one language and an answer in another: they count only as pairs."""
