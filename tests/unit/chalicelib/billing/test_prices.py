"""How the price of a job's model is found in the table."""

import pytest

from chalicelib.billing.prices import STAND_IN, price_of

NOVA_MICRO = (0.035, 0.14, 0.00875)
HAIKU = (1.0, 5.0, 0.1)


def per_million(model: str) -> tuple[float, float, float]:
    price = price_of(model)
    assert price is not None
    return (round(price.input * 1e6, 6), round(price.output * 1e6, 6), round(price.cached * 1e6, 6))


@pytest.mark.parametrize(
    "model",
    [
        "amazon.nova-micro-v1:0",
        "us.amazon.nova-micro-v1:0",
        "amazon.nova-micro-v1:0:128k",
        "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-micro-v1:0",
        "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-micro-v1:0",
    ],
)
def test_a_model_has_its_price_by_id_profile_and_arn(model: str) -> None:
    assert per_million(model) == NOVA_MICRO


def test_a_newer_claude_costs_a_tenth_more_than_by_its_global_profile() -> None:
    assert per_million("global.anthropic.claude-haiku-4-5-20251001-v1:0") == HAIKU
    assert per_million("us.anthropic.claude-haiku-4-5-20251001-v1:0") == tuple(round(price * 1.1, 6) for price in HAIKU)


def test_a_model_is_not_taken_for_another_whose_name_begins_alike() -> None:
    assert per_million("global.anthropic.claude-sonnet-5") == (2.0, 10.0, 0.2)
    assert per_million("global.anthropic.claude-sonnet-5-5") == (2.0, 10.0, 0.1)
    assert price_of("anthropic.claude-sonnet-5-9") is None


@pytest.mark.parametrize(
    "model",
    [
        "openai/llama3.2",
        "openai/amazon.nova-micro-v1:0",
        "meta.llama9-v1:0",
        "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3",
        "",
        "nova",
    ],
)
def test_a_model_that_is_not_in_the_table_has_no_price(model: str) -> None:
    assert price_of(model) is None


def test_a_simulated_model_is_charged_as_if_it_were_a_small_one() -> None:
    price = price_of("simulated.story")

    assert price is not None
    assert price.as_if == STAND_IN
    assert per_million("simulated.story") == NOVA_MICRO


def test_work_without_a_model_costs_no_tokens() -> None:
    assert per_million("local.textrank") == (0.0, 0.0, 0.0)
