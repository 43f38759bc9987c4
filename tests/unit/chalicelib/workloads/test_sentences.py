from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.workloads.sentences import Block, Part, blocks, is_whole, split

EXAMPLES = Path(__file__).parents[4] / "examples"


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two! Three? Four…", ["One.", "Two!", "Three?", "Four…"]),
        ("Without an end", ["Without an end"]),
        ("Dr. Grey met Mrs. Lee. They left.", ["Dr. Grey met Mrs. Lee.", "They left."]),
        ("Use a queue, e.g. SQS. It waits.", ["Use a queue, e.g. SQS.", "It waits."]),
        ("J. R. R. Tolkien wrote. C. S. Lewis read.", ["J. R. R. Tolkien wrote.", "C. S. Lewis read."]),
        ("He joined the U.S. Navy in May. He left.", ["He joined the U.S. Navy in May.", "He left."]),
        ("She lives in the U.S. The sea is near.", ["She lives in the U.S.", "The sea is near."]),
        ("It cost 3.50 dollars. Version 2.0.1 costs 4.", ["It cost 3.50 dollars.", "Version 2.0.1 costs 4."]),
        ("See No. 5 and fig. 3. No. It is wrong.", ["See No. 5 and fig. 3.", "No.", "It is wrong."]),
        ("They came at 5 p.m. The bar closed.", ["They came at 5 p.m.", "The bar closed."]),
        ("Tea, coffee, etc. are served. Sit.", ["Tea, coffee, etc. are served.", "Sit."]),
        ("Wait... what? Yes... No.", ["Wait... what?", "Yes...", "No."]),
        ("“Who is it?” she asked. “Me.” He sat.", ["“Who is it?” she asked.", "“Me.”", "He sat."]),
        ('He said "Stop. Go." and left. Then', ['He said "Stop. Go." and left.', "Then"]),
        ("It rained (hard. Very hard.) that day. It ended.", ["It rained (hard. Very hard.) that day.", "It ended."]),
        ("It ended.) And (began. Again.", ["It ended.)", "And (began.", "Again."]),
        ("Read example.com or app.py. Done.", ["Read example.com or app.py.", "Done."]),
        ("Then npm runs. npm stops? never", ["Then npm runs. npm stops? never"]),
        ("In 1984. In 1985.", ["In 1984.", "In 1985."]),
        ("It is 130 °C. Let it cool. P.S. Call me.", ["It is 130 °C.", "Let it cool.", "P.S. Call me."]),
        ("Cllr. Brandt met Maj. Lee.", ["Cllr. Brandt met Maj. Lee."]),
    ],
)
def test_english_sentences(text: str, sentences: list[str]) -> None:
    assert list(split(text)) == sentences


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("吾輩は猫である。名前はまだ無い。", ["吾輩は猫である。", "名前はまだ無い。"]),
        ("本当か！？知らない！そう？", ["本当か！？", "知らない！", "そう？"]),
        ("「行く。帰る。」と言った。彼は行った。", ["「行く。帰る。」と言った。", "彼は行った。"]),
        ("「行く！」彼は立った。", ["「行く！」", "彼は立った。"]),
        ("本当に？と聞いた。ところで", ["本当に？と聞いた。", "ところで"]),
        ("これ（例。次。）を見る。終わり", ["これ（例。次。）を見る。", "終わり"]),
        ("三章（序。）は短い。「四章。」もある。", ["三章（序。）は短い。", "「四章。」", "もある。"]),
        ("円周率は3.14である。以上。", ["円周率は3.14である。", "以上。"]),
        ("第1版．第2版である．", ["第1版．", "第2版である．"]),
        ("GPT-4.5を使う。Yahoo! JAPANも使う。", ["GPT-4.5を使う。", "Yahoo!", "JAPANも使う。"]),
        ("だが…違う。そう。", ["だが…違う。", "そう。"]),
        ("Hello there. 今日は。Good bye.", ["Hello there.", "今日は。", "Good bye."]),
    ],
)
def test_japanese_and_mixed_sentences(text: str, sentences: list[str]) -> None:
    assert list(split(text)) == sentences


def test_quotation_that_is_longer_than_an_aside_is_split() -> None:
    speech = "“" + "This goes on. " * 40 + "It ends.”"

    assert len(list(split(speech))) == 41


def prose(text: str) -> Block:
    return Block(Part.PROSE, text)


def heading(text: str) -> Block:
    return Block(Part.HEADING, text)


def item(text: str) -> Block:
    return Block(Part.ITEM, text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("# One #\nText here.", [heading("One"), prose("Text here.")]),
        ("One\n===\nText here.", [heading("One"), prose("Text here.")]),
        ("A Short Title\n\nText here.", [heading("A Short Title"), prose("Text here.")]),
        ("A Short Title\nText that is longer here.", [heading("A Short Title"), prose("Text that is longer here.")]),
        ("The Lost Letters\nThey sailed.", [heading("The Lost Letters"), prose("They sailed.")]),
        (
            "**Bold title.**\n\n_By somebody._\n\nText.",
            [heading("Bold title."), heading("By somebody."), prose("Text.")],
        ),
        (
            "It ended there, and all.\nChapter two\nThe next day it began again.",
            [prose("It ended there, and all."), heading("Chapter two"), prose("The next day it began again.")],
        ),
        (
            "A paragraph that is wrapped at some\nwidth, as in Paris or in\nLondon. It ends.",
            [prose("A paragraph that is wrapped at some width, as in Paris or in London. It ends.")],
        ),
        ("一 船の話\n昔、商人は二通の手紙を書いた。", [heading("一 船の話"), prose("昔、商人は二通の手紙を書いた。")]),
        ("吾輩は\n猫である。\n　名前は無い。", [prose("吾輩は猫である。名前は無い。")]),
        ("- one\n- two\n  more\n* three", [item("one"), item("two more"), item("three")]),
        (
            "Buy:\n1. tea\n2. milk\n(3) salt\n・塩",
            [heading("Buy:"), item("tea"), item("milk"), item("salt"), item("塩")],
        ),
        ("It was in the year\n1984. That was late.", [prose("It was in the year 1984. That was late.")]),
        ("> Quoted text\n> goes on.", [prose("Quoted text goes on.")]),
        ("Where a > b, see <https://a.b>.", [prose("Where a > b, see <https://a.b>.")]),
        ("One.\n\n---\n\n***\n\nTwo.", [prose("One."), prose("Two.")]),
        ("One.\n```py\ncode()\n```\nTwo.", [prose("One."), prose("Two.")]),
        ("```\nnever closed. Text.", [prose("never closed. Text.")]),
        ("One.\n| a | b |\n|---|---|\nTwo.", [prose("One."), prose("Two.")]),
        (
            "See **the *old* book**, `code`, _this_ and [that](http://a.b/c_d).",
            [prose("See the old book, code, this and that.")],
        ),
        ("snake_case_name and 2*3*4 stay.", [prose("snake_case_name and 2*3*4 stay.")]),
        ("a well-\nknown ship sails.", [prose("a well-known ship sails.")]),
        ("One.\r\nTwo.\rThree.", [prose("One. Two. Three.")]),
        ("One.\n<!-- Not. Shown\nhere. -->\nTwo.", [prose("One."), prose("Two.")]),
        ('<p align="center">The <b>one</b>.</p>', [prose("The one.")]),
        ("One.\n[a]: https://a.b 'c'\nTwo.", [prose("One."), prose("Two.")]),
        ("**Q1. Why?**\n\nA. Because. A. Lee said so.", [heading("Q1. Why?"), prose("Because. A. Lee said so.")]),
        ("A. Lee said so.", [prose("A. Lee said so.")]),
        ("・毛布\n小林から説明があった。", [item("毛布"), prose("小林から説明があった。")]),
        ("- It ended.\nNothing else did.", [item("It ended."), prose("Nothing else did.")]),
        ("", []),
        (" \n\t\n…\n!!!\n", []),
    ],
)
def test_blocks(text: str, found: list[Block]) -> None:
    assert list(blocks(text)) == found


@pytest.mark.parametrize("sentence", ["End.", "End?”", "End!)", "終。", "終。」", "End…", "*End.*"])
def test_sentence_with_an_end_is_whole(sentence: str) -> None:
    assert is_whole(sentence)


@pytest.mark.parametrize("sentence", ["", "End", "End:", "End,", "End. Or", "終"])
def test_sentence_without_an_end_is_not_whole(sentence: str) -> None:
    assert not is_whole(sentence)


@pytest.mark.parametrize("name", ["lost-messages.md", "kieta-tegami.ja.md"])
def test_every_sentence_of_the_examples_is_whole(name: str) -> None:
    parts = list(blocks((EXAMPLES / name).read_text(encoding="utf-8")))

    loose = [sentence for block in parts if block.part is Part.PROSE for sentence in split(block.text)]

    assert [sentence for sentence in loose if not is_whole(sentence)] == []
    assert sum(block.part is Part.HEADING for block in parts) >= 4


# Letters, marks and line breaks that the rules use, so that Hypothesis generates them often.
PIECES = [
    "a",
    "B",
    "1",
    "é",
    "猫",
    "は",
    "カ",
    ".",
    "。",
    "!",
    "？",
    "…",
    ",",
    ":",
    " ",
    "\n",
    "\n\n",
    "-",
    "#",
    ">",
    "|",
]
MARKS = ["(", ")", "「", "」", "“", "”", '"', "'", "Mr", "e.g", "U.S", "No", "- ", "1. ", "# ", "```", "\u3000", "と"]
TEXTS = st.lists(st.sampled_from(PIECES + MARKS) | st.characters(), max_size=80).map("".join)


def solid(text: str) -> str:
    return "".join(text.split())


@given(TEXTS)
@settings(deadline=None, max_examples=300)
def test_sentences_of_a_block_are_its_text(text: str) -> None:
    for block in blocks(text):
        sentences = list(split(block.text))

        assert solid("".join(sentences)) == solid(block.text)
        assert all(sentence and sentence == sentence.strip() for sentence in sentences)


@given(TEXTS)
@settings(deadline=None, max_examples=300)
def test_blocks_are_lines_of_the_text_without_marks(text: str) -> None:
    def letters(text: str) -> str:
        return "".join(character for character in text if character.isalpha())

    source = letters(text)
    place = 0
    for block in blocks(text):
        assert block.text == " ".join(block.text.split())
        found = source.find(letters(block.text), place)
        assert found >= 0
        place = found + len(letters(block.text))
