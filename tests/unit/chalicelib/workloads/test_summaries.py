"""Summaries of real kinds of prose: a README, news, minutes, a letter, a manual, an interview and others."""

import time
from itertools import pairwise
from pathlib import Path

import pytest

from chalicelib.jobs.model import InferenceRequest
from chalicelib.workloads import WorkloadContext
from chalicelib.workloads.connectives import CONTINUES, is_statement, needs_the_one_before
from chalicelib.workloads.instruction import Asked, read_request
from chalicelib.workloads.sentences import Part, blocks, is_whole, split
from chalicelib.workloads.textrank import run
from tests.unit.chalicelib.workloads.running import run_to_end

TEXTS = sorted((Path(__file__).parent / "texts").iterdir())
# Whole sentences in code, comments, tables, bylines and notices of the texts.
NEVER_CHOSEN = (
    "すべて正常です。", "平均を計算する。", "できない。", "That is all.", "Save it next to your script.", "Be patient.",
    "It is shown in the registry too.", "14 days.", "25 s.", "Must be on a local disk.", "Takes a minute for each",
    "Maria Ellison", "Serves 4-6", "All rights reserved", "Apache 2.0", "P.S.", "――",
)  # fmt: skip


def summary(prompt: str, *, system: str | None = None, max_tokens: int | None = None) -> list[str]:
    """The sentences of a summary."""
    request = InferenceRequest(prompt, "local.textrank", system=system, max_tokens=max_tokens)
    ended = run_to_end(run(request, WorkloadContext(time.monotonic() + 600)))
    assert ended.error is None
    return [chunk.strip() for chunk in ended.chunks]


def sentences_of(text: str) -> list[str]:
    """The sentences of paragraphs and list items, in order."""
    return [
        sentence for block in blocks(text) if block.part is not Part.HEADING for sentence in split(block.text)
    ]  # fmt: skip


@pytest.fixture(params=TEXTS, ids=[file.name for file in TEXTS])
def text(request: pytest.FixtureRequest) -> str:
    file: Path = request.param
    return file.read_text(encoding="utf-8")


@pytest.mark.parametrize("count", [1, 3, 5, 8])
def test_a_summary_has_as_many_whole_sentences_as_were_asked_for_in_the_texts_order(text: str, count: int) -> None:
    chosen = summary(f"Summarise this text in {count} sentences:\n\n{text}")

    places = [sentences_of(text).index(sentence) for sentence in chosen]
    assert len(chosen) == count
    assert places == sorted(set(places))
    assert all(is_whole(sentence) for sentence in chosen)
    assert not [word for word in NEVER_CHOSEN if any(word in sentence for sentence in chosen)]


@pytest.mark.parametrize("count", [1, 3, 5, 8])
def test_no_sentence_of_a_summary_continues_one_that_is_missing(text: str, count: int) -> None:
    chosen = summary(text, system=f"{count} sentences")

    found = sentences_of(text)
    before = {sentence: previous for previous, sentence in pairwise(found)}
    assert CONTINUES.match(chosen[0]) is None
    assert [it for it in chosen if CONTINUES.match(it) and before[it] not in chosen] == []


def test_a_summary_has_three_sentences_or_more_unless_a_limit_is_given(text: str) -> None:
    assert len(summary(text)) >= 3
    assert len(summary(text, max_tokens=1)) == 1


def test_a_short_text_is_not_filled_up() -> None:
    assert summary("三文で要約してください。\n\n駅の東口に図書館が開いた。") == ["駅の東口に図書館が開いた。"]
    assert len(summary("A library opened in the town. Its doors are green. People like it a lot.")) == 1


def test_a_sentence_comes_with_the_one_that_it_continues() -> None:
    text = (
        "The ferry to the island leaves at nine every morning from the old harbour. "
        "However, the ferry to the island does not leave the old harbour in a storm. "
        "Somebody painted the fence."
    )

    chosen = summary(f"In two sentences, summarise:\n\n{text}")

    assert chosen == sentences_of(text)[:2]


@pytest.mark.parametrize(
    ("instruction", "count"),
    [
        ("Summarise this in three sentences:", 3),
        ("Please summarize the following text in 3 short sentences.", 3),
        ("Could you please give me a one-sentence summary?", 1),
        ("Write a summary of the text below in a single sentence.", 1),
        ("In ten sentences, summarise this.", 10),
        ("TL;DR", None),
        ("Summarise:", None),
        ("三文で要約してください。", 3),
        ("次の文章を５文に要約して", 5),
        ("以下のREADMEを2つの文でまとめてください：", 2),
        ("要約:", None),
        ("次の文章を300文字で要約してください。", None),
    ],
)
def test_an_instruction_is_not_part_of_the_text(instruction: str, count: int | None) -> None:
    assert read_request(f"{instruction}\n\nThe text.\n\nMore of it.", None) == Asked("The text.\n\nMore of it.", count)
    assert read_request(f"\r\n{instruction}\r\n\r\nThe text.", None) == Asked("The text.", count)


@pytest.mark.parametrize(
    "prompt",
    [
        "Summary\n\nThe text.",
        "This report summarises the results in three sentences.\n\nThe text.",
        "In three sentences the judge had said it all.\n\nThe text.",
        "以下に会議の要約を示します。\n\n本文。",
        "Summarise this in three sentences.",
        "Summarise this in three sentences:\n\n",
        "Write " + "a very " * 40 + "long summary\n\nThe text.",
        "",
    ],
)
def test_a_text_that_only_speaks_of_a_summary_is_kept_whole(prompt: str) -> None:
    assert read_request(prompt, None) == Asked(prompt, None)


def test_the_system_text_may_name_the_number_of_sentences() -> None:
    assert read_request("Text.", "Answer in two sentences.").sentences == 2
    assert read_request("Text.", "あなたは編集者です。四文で答えてください。").sentences == 4
    assert read_request("Text.", "Be brief.").sentences is None
    assert read_request("Summarise in 3 sentences:\n\nText.", "Answer in two sentences.").sentences == 3
    assert read_request("Text.", "Answer in 0 sentences.").sentences is None


@pytest.mark.parametrize(
    "sentence", ["However, it rained.", "しかし、雨だった。", '"But why," he said.', "First, wait."]
)
def test_a_connective_needs_the_sentence_before_it_everywhere(sentence: str) -> None:
    assert needs_the_one_before(sentence, opens_block=True)


@pytest.mark.parametrize("sentence", ["It rained.", "These are blue.", "その船は青い。", "これは本だ。"])
def test_a_pronoun_needs_the_sentence_before_it_within_a_paragraph(sentence: str) -> None:
    assert needs_the_one_before(sentence, opens_block=False)
    assert not needs_the_one_before(sentence, opens_block=True)


@pytest.mark.parametrize(
    "sentence", ["Sofia saw it.", "Orders fell.", "First prizes were paid.", "Itemised bills.", "船だ。"]
)
def test_another_word_with_the_same_beginning_stands_alone(sentence: str) -> None:
    assert not needs_the_one_before(sentence, opens_block=False)


def test_a_byline_is_not_a_statement_and_a_sentence_that_begins_like_one_is() -> None:
    assert not is_statement("By Maria Ellison, transport correspondent at 6 a.m.")
    assert is_statement("By Monday evening, the bridge had been closed.")
    assert is_statement("By 2027 the deck will be new.")
