"""The table of docs/cost.md has the numbers that the code computes.

`python -m tests.unit.chalicelib.billing.test_cost_page` writes it again.
"""

import re
from pathlib import Path

from chalicelib.api.quoting import estimate, of_model
from chalicelib.publisher.policies import Bytes, CostShare, FlushPolicy, Interval

PAGE = Path(__file__).parents[4] / "docs" / "cost.md"
BEGIN, END = "<!-- table -->\n", "<!-- end of table -->\n"
MODELS = {
    "Nova Micro": "us.amazon.nova-micro-v1:0",
    "Nova Lite": "us.amazon.nova-lite-v1:0",
    "Nova Pro": "us.amazon.nova-pro-v1:0",
    "Claude Haiku 4.5": "us.anthropic.claude-haiku-4-5-20251001-v1:0",
    "Claude Sonnet 4.6": "us.anthropic.claude-sonnet-4-6",
    "Claude Opus 4.6": "us.anthropic.claude-opus-4-6-v1",
}
LENGTHS = (500, 1_500, 8_000)  # output tokens
INPUT = 1_000  # tokens
PER_TOKEN = Interval(0.0, size=1)
POLICIES: tuple[FlushPolicy, ...] = (Interval(), Bytes(), CostShare(), PER_TOKEN)


def costs(model: str, tokens: int, policy: FlushPolicy) -> tuple[float, float]:
    """US dollars for the model's tokens, and for everything else."""
    found = estimate(of_model(model, INPUT, tokens), policy)
    tokens_alone = sum(item.amount for item in found.items if item.unit == "token")
    return tokens_alone, found.total - tokens_alone


def table() -> str:
    rows = [
        "| Model | Output tokens | Its tokens | `interval` | `bytes` | `cost` | A mutation per token |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, model in MODELS.items():
        for tokens in LENGTHS:
            of_model, _ = costs(model, tokens, Interval())
            others = [costs(model, tokens, policy)[1] for policy in POLICIES]
            rows.append(f"| {name} | {tokens:,} | {of_model:.5f} | {' | '.join(f'{cost:.5f}' for cost in others)} |")
    return "\n".join(rows) + "\n"


def test_the_page_has_the_table_that_the_code_gives() -> None:
    [found] = re.findall(f"{BEGIN}(.*?){END}", PAGE.read_text(), re.DOTALL)

    assert found == table()


def test_a_mutation_for_every_token_costs_more_than_a_small_model() -> None:
    of_model, per_token = costs(MODELS["Nova Micro"], 1_500, PER_TOKEN)
    _, by_interval = costs(MODELS["Nova Micro"], 1_500, Interval())

    assert per_token > 50 * of_model
    assert by_interval < per_token / 15


def test_by_cost_publishing_takes_its_share_of_a_dear_model_and_no_more() -> None:
    of_model, by_cost = costs(MODELS["Claude Opus 4.6"], 8_000, CostShare(0.1))
    _, never = costs(MODELS["Claude Opus 4.6"], 8_000, CostShare(0.0, staleness=1e9))

    assert 0.09 * of_model < by_cost - never < 0.11 * of_model


if __name__ == "__main__":
    page = PAGE.read_text()
    PAGE.write_text(re.sub(f"{BEGIN}.*?{END}", BEGIN + table() + END, page, flags=re.DOTALL))
