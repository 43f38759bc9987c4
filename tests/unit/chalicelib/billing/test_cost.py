"""From counts to an invoice."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.billing import prices
from chalicelib.billing.cost import Invoice, invoice
from chalicelib.jobs.usage import Counts

counts = st.builds(Counts, *[st.integers(0, 10**9)] * 11)


def amounts(bill: Invoice) -> dict[str, float]:
    return {item.name: item.amount for item in bill.items}


def test_every_line_is_a_quantity_at_a_price() -> None:
    used = Counts(
        operations=10, pushes=9, invocations=1, worker_time=2 * 1024 * 1000, writes=60, reads=11, input_tokens=1000,
        cached_tokens=2000, output_tokens=500,
    )  # fmt: skip

    bill = invoice(used, "amazon.nova-pro-v1:0", seconds=60)

    assert amounts(bill) == pytest.approx(
        {
            "AppSync operations": 10 * 4e-6,
            "AppSync real-time updates": 9 * 2e-6,
            "AppSync connection": 0.08e-6,
            "Lambda requests": 11 * 0.2e-6,
            "Lambda time of workers": 2 * 0.0000166667,
            "Lambda time of the relay": 0.1 * 0.0000166667,
            "DynamoDB writes": 60 * 0.625e-6,
            "DynamoDB reads": 11 * 0.125e-6,
            "input tokens": 1000 * 0.8e-6,
            "cached input tokens": 2000 * 0.2e-6,
            "output tokens": 500 * 3.2e-6,
        }
    )
    assert bill.notes == ()


@given(counts, st.floats(0, 1e6), st.sampled_from(["amazon.nova-lite-v1:0", "openai/other", "simulated.story"]))
def test_the_total_is_the_sum_of_the_amounts_and_they_are_the_products(
    used: Counts, seconds: float, model: str
) -> None:
    bill = invoice(used, model, seconds=seconds)

    assert bill.total == pytest.approx(math.fsum(item.amount for item in bill.items), abs=1e-11)
    assert all(item.amount == pytest.approx(item.quantity * item.price, abs=1e-11) for item in bill.items)
    assert bill.render()["total"] == bill.total


def test_a_model_without_a_price_is_said_to_be_left_out() -> None:
    bill = invoice(Counts(operations=1, output_tokens=500), "openai/llama3.2", seconds=1)

    assert "output tokens" not in amounts(bill)
    assert bill.notes == ("the price of openai/llama3.2 is not known here, so its tokens are not in the total",)


def test_a_simulated_model_is_said_to_be_charged_as_if() -> None:
    bill = invoice(Counts(output_tokens=500), "simulated.story", seconds=1)

    assert amounts(bill)["output tokens"] == pytest.approx(500 * 0.14e-6)
    assert bill.notes == ("simulated.story costs nothing; its tokens are charged as if it were amazon.nova-micro-v1:0",)


def test_an_invoice_says_whose_prices_it_has() -> None:
    rendered = invoice(Counts(operations=1), "local.textrank", seconds=1).render()

    assert (rendered["currency"], rendered["pricesOf"]) == ("USD", prices.PRICES_OF)
