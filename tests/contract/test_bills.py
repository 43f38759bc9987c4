"""Quotes and bills of whole jobs."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from chalicelib.api.relay import Relay
from chalicelib.jobs.rules import Lease
from chalicelib.ledger import utc_now
from chalicelib.ledger.sqlite import SqliteLedger
from tests.contract.running import ask, run


def text(size: int) -> str:
    """About this many bytes of sentences that differ."""
    shapes = "The keeper of harbour {} wrote letter {}. ", "Ferry {} carries the post of island {} at noon. "
    sentences: list[str] = []
    while sum(map(len, sentences)) < size:
        number = len(sentences)
        sentences.append(shapes[number % 2].format(f"n{number * 7 % 101}", f"m{number * 13 % 211}"))
    return "".join(sentences)


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[Relay]:
    ledger = SqliteLedger(tmp_path / "jobs.db", clock=utc_now)
    yield Relay(ledger=ledger, retention=timedelta(days=7), quota=10, lease=Lease())
    ledger.close()


def quote(relay: Relay, *, prompt: str, **values: Any) -> Any:
    return ask(relay, "quoteInference", {"input": {"textBytes": len(prompt.encode()), **values}})


@pytest.mark.parametrize(
    "values",
    [
        {"model": "local.textrank", "prompt": text(20_000)},
        {"model": "local.textrank", "prompt": text(50_000)},
        {"model": "local.textrank", "prompt": text(50_000), "maxTokens": 60},
        {"model": "simulated.echo", "prompt": text(10_000)},
        {"model": "simulated.story", "prompt": "Hello", "maxTokens": 60, "processTime": 0.5},
    ],
    ids=lambda values: f"{values['model']}-{len(values['prompt'])}",
)
def test_a_quote_for_work_that_counts_words_is_near_the_bill(relay: Relay, values: dict[str, Any]) -> None:
    quoted = quote(relay, **values)["total"]

    billed = run(relay, **values)["cost"]["total"]

    assert quoted == pytest.approx(billed, rel=0.5)


def test_a_text_that_was_not_sent_to_the_model_is_not_billed(relay: Relay) -> None:
    ended = run(relay, model="amazon.nova-premier-v1:0", prompt=text(150_000), maxCost=0.02)

    assert (ended["status"], ended["errorType"]) == ("FAILED", "BUDGET_EXCEEDED")
    assert "before the text was sent to the model" in ended["error"]
    assert [item["name"] for item in ended["cost"]["items"] if item["unit"] == "token"] == []
    assert ended["cost"]["total"] < 0.02
