import time
from collections.abc import Generator, Iterator
from itertools import count
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.jobs.errors import OutOfTime, WorkloadFailed
from chalicelib.jobs.model import InferenceRequest
from chalicelib.workloads import WorkloadContext
from chalicelib.workloads.sentences import Part, blocks, is_whole, split
from chalicelib.workloads.simulated import text as endless_text
from chalicelib.workloads.terms import size
from chalicelib.workloads.textrank import PAIRS, Sentence, Watch, link, run
from tests.unit.chalicelib.workloads.running import Run, run_to_end

EXAMPLES = Path(__file__).parents[4] / "examples"
ENGLISH = (EXAMPLES / "lost-messages.md").read_text(encoding="utf-8")
JAPANESE = (EXAMPLES / "kieta-tegami.ja.md").read_text(encoding="utf-8")


T = TypeVar("T")


def summarise(prompt: str, *, max_tokens: int | None = None, context: WorkloadContext | None = None) -> Run:
    request = InferenceRequest(prompt, "local.textrank", max_tokens=max_tokens)
    return run_to_end(run(request, context or WorkloadContext(time.monotonic() + 600)))


def sentences_of(text: str) -> Iterator[str]:
    for block in blocks(text):
        yield from split(block.text)


def returned(steps: Generator[object, None, T]) -> T:
    """What the generator returns."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            value: T = stop.value
            return value


def places(run: Run, text: str) -> list[int]:
    """The position in the text of each chunk's sentence, counted in sentences."""
    sentences = list(sentences_of(text))
    return [sentences.index(chunk.strip()) for chunk in run.chunks]


@pytest.mark.parametrize("text", [ENGLISH, JAPANESE], ids=["english", "japanese"])
def test_summary_of_an_example_is_whole_prose_sentences_in_order(text: str) -> None:
    run = summarise(text)

    prose = {sentence for block in blocks(text) if block.part is Part.PROSE for sentence in split(block.text)}
    assert len(run.chunks) >= 3
    assert all(chunk.strip() in prose and is_whole(chunk) for chunk in run.chunks)
    assert places(run, text) == sorted(places(run, text))


def test_summary_of_the_english_example_opens_with_its_first_sentence() -> None:
    assert summarise(ENGLISH).output.startswith("Every system that hands long-running work to somebody else")


def test_summary_has_three_sentences_of_a_short_text_and_150_words_of_a_long_one() -> None:
    short = summarise(JAPANESE).finished.usage
    long = summarise(ENGLISH).finished.usage

    assert short["outputSentences"] == 3
    assert 100 < int(str(long["outputWords"])) <= 150


@pytest.mark.parametrize("limit", [20, 60, 300, 1000])
@pytest.mark.parametrize("text", [ENGLISH, JAPANESE], ids=["english", "japanese"])
def test_summary_keeps_to_its_limit_and_uses_most_of_it(text: str, limit: int) -> None:
    words = sum(size(chunk) for chunk in summarise(text, max_tokens=limit).chunks)

    assert limit / 3 < words <= limit


def test_limit_that_no_sentence_fits_gives_one_sentence() -> None:
    run = summarise(ENGLISH, max_tokens=1)

    assert len(run.chunks) == 1
    assert run.output in set(sentences_of(ENGLISH))


def test_usage_counts_what_went_in_and_what_came_out() -> None:
    run = summarise("# Title\n\nOne ship sails far away today. It sinks.")

    assert run.finished.result == "One ship sails far away today."
    assert run.finished.usage == {
        "inputWords": 8,
        "inputCharacters": 49,
        "inputSentences": 2,
        "outputWords": 6,
        "outputCharacters": 30,
        "outputSentences": 1,
    }


@pytest.mark.parametrize(
    "text",
    [
        "Hello.",
        "hello",
        "手紙。",
        "A ship sailed from Kiel to Oslo without any letters on board",
        "猫",
        "- tea",
        "# Tea",
    ],
)
def test_text_of_one_sentence_gives_itself(text: str) -> None:
    assert summarise(text).finished.result == text.lstrip("-# ")


@pytest.mark.parametrize("text", ["...", "!? 。、", "---\n***\n", "\n\n", "```\n```", "|-|-|", "🐋🌊"])
def test_text_without_a_word_fails_with_advice(text: str) -> None:
    run = summarise(text)

    assert isinstance(run.error, WorkloadFailed)
    assert str(run.error) == (
        "local.textrank expects a text with sentences, but the prompt has no word; send the text as prompt"
    )


def test_sentence_that_others_share_most_with_is_chosen() -> None:
    text = (
        "It was a cold and windy morning in the town. "
        "The harbour had one crane and the crane was old. "
        "Ships waited in the harbour for the old crane. "
        "The old crane of the harbour lifted boxes from ships. "
        "Boxes stood in rows. "
        "Somebody sold apples beside the church. "
        "Children played football after school until dinner."
    )

    assert summarise(text, max_tokens=10).output == "The old crane of the harbour lifted boxes from ships."


def test_sentence_that_says_the_same_again_is_left_out() -> None:
    said = "The log is written before any message leaves the worker."
    again = "Before any message leaves the worker, the log is written."
    other = "Numbers without gaps let a client notice a lost message."

    run = summarise(f"{said} {again} {other}", max_tokens=100)

    assert len({said, again} & {chunk.strip() for chunk in run.chunks}) == 1
    assert other in run.output


def test_repeated_sentence_counts_once() -> None:
    run = summarise("The same sentence is said here again. " * 500)

    assert run.finished.result == "The same sentence is said here again."
    assert run.finished.usage["inputSentences"] == 1


def test_english_sentences_are_spaced_and_japanese_ones_are_not() -> None:
    text = "This is the very first sentence. 手紙は船で運ばれていた。駅では鐘が鳴る。The last one is English again."

    assert summarise(text, max_tokens=100).finished.result == (
        "This is the very first sentence. 手紙は船で運ばれていた。駅では鐘が鳴る。 The last one is English again."
    )


def test_progress_never_goes_back_and_ends_at_one() -> None:
    shares = [step.share or 0.0 for step in summarise(ENGLISH).progress]

    assert shares == sorted(shares)
    assert len(set(shares)) > 10
    assert shares[-1] == 1.0


def test_summary_is_the_same_every_time() -> None:
    assert summarise(ENGLISH).finished == summarise(ENGLISH).finished


@pytest.mark.parametrize("looks", [1, 50, 300, 320])
def test_work_ends_soon_after_its_deadline(looks: int) -> None:
    # A clock that advances by a second each time it is read, so that the deadline passes in every stage of the work.
    ticks = count()
    run = summarise(ENGLISH, context=WorkloadContext(float(looks), lambda: float(next(ticks))))

    assert isinstance(run.error, OutOfTime)
    assert run.chunks == []
    assert next(ticks) <= looks + 2


def test_long_text_is_summarised_in_as_many_words_as_any_other() -> None:
    words = endless_text("simulated.story", "a long one")
    text = "".join(next(words) for _ in range(10_000))

    usage = summarise(text).finished.usage

    assert usage["inputWords"] == pytest.approx(10_000, rel=0.01)
    assert 100 < int(str(usage["outputWords"])) <= 150


@pytest.mark.parametrize("number", [10, 500, 20_000])
def test_links_do_not_grow_with_the_square_of_the_text(number: int) -> None:
    # Each sentence shares a term with every other one, and another with a tenth of them.
    sentences = [
        Sentence(f"Log {index}.", frozenset({"log", f"number-{index % 10}"}), 2, False, True) for index in range(number)
    ]

    links = returned(link(sentences, Watch(WorkloadContext(time.monotonic() + 600))))

    made = sum(map(len, links))
    assert made <= min(number * (number - 1) / 2, PAIRS)
    assert made >= min(number * (number - 1) / 2, PAIRS / 3)


@pytest.mark.parametrize(
    "piece",
    [
        "(",
        "「あ。",
        '"A. ',
        "**a",
        "`a ",
        "[a](",
        "- a\n",
        "1. a\n",
        "```x\n",
        "> ",
        "A\n",
        "U.S. ",
        "\u3000",
        "猫",
        "<!--",
        "<a b=c ",
        "[a]: ",
        "By A, ",
        "Q1. a\n",
        "- It.\nAb c\n",
    ],
)
def test_text_that_is_one_piece_over_and_over_ends(piece: str) -> None:
    run = summarise(piece * (60_000 // len(piece.encode())))

    assert run.outcome is not None or isinstance(run.error, WorkloadFailed)


WORDS = ["ship", "Ships", "the", "log", "A", "猫", "手紙を", "Mr.", "3.14", "e.g."]
MARKS = [".", "!", "。", "？", "…", ",", "(", ")", "「", "」", '"', "-", "#", "\n", "\n\n", " ", "  ", "\t", "\u3000"]
TEXTS = st.lists(st.sampled_from(WORDS + MARKS) | st.text(max_size=3), max_size=120).map("".join)


@given(text=TEXTS, limit=st.none() | st.integers(1, 300))
@settings(deadline=None, max_examples=200)
def test_any_text_gives_some_of_its_sentences_in_order_or_an_announced_failure(text: str, limit: int | None) -> None:
    run = summarise(text, max_tokens=limit)

    if run.outcome is None:
        assert isinstance(run.error, WorkloadFailed)
        assert not any(character.isalpha() for character in text)
        return
    assert run.output == run.outcome.result != ""
    found = [sentence for sentence in dict.fromkeys(sentences_of(text)) if size(sentence)]
    chosen = [found.index(chunk.strip()) for chunk in run.chunks]
    assert chosen == sorted(set(chosen))
    small = 1 if limit else 3  # so few may be larger
    assert len(chosen) <= small or sum(map(size, run.chunks)) <= (limit or size(text) // 10)


@given(st.text(st.characters(), max_size=200))
@settings(deadline=None, max_examples=200)
def test_any_characters_at_all_are_no_surprise(text: str) -> None:
    run = summarise(text)

    assert run.outcome is not None or isinstance(run.error, WorkloadFailed)


@pytest.mark.parametrize(
    "opening",
    [
        "例えば、",
        "たとえば",
        "一方、",
        "具体的には、",
        "これらの",
        "それでも",
        "For example, ",
        "In addition, ",
        "As a result, ",
    ],
)
def test_a_sentence_that_depends_on_the_one_before_it_opens_no_summary_of_one_sentence(opening: str) -> None:
    is_english = opening.isascii()
    first, second, third = (
        ("The library lends books to every town in the valley.", "the library sends books by bus to a town.",
         "A reader returns the books to the library in any town.")
        if is_english
        else ("この図書館は谷のすべての町に本を貸し出しています。", "図書館は町にバスで本を届けています。",
              "読者はどの町でも図書館に本を返すことができます。")
    )  # fmt: skip

    run = summarise(f"{first}\n\n{opening}{second}\n\n{third}", max_tokens=14 if is_english else 34)

    assert not run.result.startswith(opening.strip())
