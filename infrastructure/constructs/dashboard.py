"""One page: are jobs finishing, how long do they take, what do they cost?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infrastructure.constructs.metrics import PERIOD, Counted, of_api, of_function, of_table
from infrastructure.stages import Limits

HALF: Final = 12  # of a row, in CloudWatch's units


@dataclass(frozen=True, slots=True)
class Prices:
    """US dollars. Models are not among them: they are billed by tokens, and a job's `usage` has those.

    Source: the price lists of AWS Lambda (x86), AWS AppSync and Amazon DynamoDB (on demand) for us-east-1, as of
    November 2026 to the best of our knowledge; other regions differ by some percent.
    """

    gigabyte_second: float = 0.0000166667
    invocation: float = 0.20e-6
    operation: float = 4.00e-6
    push: float = 2.00e-6  # for each 5 KB
    write: float = 0.625e-6
    read: float = 0.125e-6


PRICES: Final = Prices()


class Dashboard(Construct):
    """The page.

    Args:
        name: Of the dashboard.
        functions: Names of the functions, by handler.
        limits: Their memory, for what they cost.
        api_id: The API's.
        table: Name of the jobs table.
        counted: What the logs say.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        name: str,
        functions: Mapping[str, str],
        limits: Mapping[str, Limits],
        api_id: str,
        table: str,
        counted: Counted,
    ) -> None:
        super().__init__(scope, id_)
        worker = functions["inference"]
        page = cloudwatch.Dashboard(self, "Page", dashboard_name=name)
        page.add_widgets(
            _graph(
                "Are jobs finishing?",
                [counted.claimed, counted.completed, counted.failed, counted.taken_away, counted.supervised],
            ),
            _graph(
                "Are any waiting, or lost?",
                [of_function(worker, "AsyncEventsReceived"), of_function(worker, "AsyncEventsDropped")],
                right=[of_function(worker, "AsyncEventAge", "Maximum")],
            ),
        )
        page.add_widgets(
            _graph("How long do they take?", [of_function(worker, "Duration", it) for it in ("p50", "p90", "p99")]),
            _graph(
                "How long does a caller wait?",
                [of_api(api_id, "Latency", it) for it in ("p50", "p99")],
                right=[of_function(functions["status_relay"], "Duration", "p99")],
            ),
        )
        page.add_widgets(
            _graph("What do they cost? (US dollars, models apart)", _costs(functions, limits, api_id, table)),
            _graph(
                "Do pushes arrive?",
                [
                    of_api(api_id, metric)
                    for metric in (
                        "PublishDataMessageSuccess",
                        "PublishDataMessageClientError",
                        "PublishDataMessageServerError",
                        "InboundMessageDropped",
                        "InboundMessageDelayed",
                    )
                ],
                right=[of_api(api_id, "ActiveSubscriptions", "Maximum")],
            ),
        )


def _graph(
    title: str,
    left: list[cloudwatch.Metric] | list[cloudwatch.MathExpression],
    right: list[cloudwatch.Metric] | None = None,
) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, width=HALF, left=[*left], right=right)


def _costs(
    functions: Mapping[str, str], limits: Mapping[str, Limits], api_id: str, table: str
) -> list[cloudwatch.MathExpression]:
    used: dict[str, cloudwatch.IMetric] = {}
    terms = []
    for number, (handler, name) in enumerate(functions.items()):
        used[f"time{number}"] = of_function(name, "Duration")
        used[f"calls{number}"] = of_function(name, "Invocations")
        second = limits[handler].memory_mb / 1024 * PRICES.gigabyte_second
        terms.append(f"time{number} * {second / 1000:.12f} + calls{number} * {PRICES.invocation:.12f}")
    lambda_cost = cloudwatch.MathExpression(
        label="Lambda", expression=" + ".join(terms), using_metrics=used, period=PERIOD
    )
    appsync_cost = cloudwatch.MathExpression(
        label="AppSync",
        expression=f"operations * {PRICES.operation:.12f} + pushes * {PRICES.push:.12f}",
        using_metrics={
            "operations": of_api(api_id, "TokensConsumed"),
            "pushes": of_api(api_id, "OutboundMessages"),
        },
        period=PERIOD,
    )
    table_cost = cloudwatch.MathExpression(
        label="DynamoDB",
        expression=f"writes * {PRICES.write:.12f} + reads * {PRICES.read:.12f}",
        using_metrics={
            "writes": of_table(table, "ConsumedWriteCapacityUnits"),
            "reads": of_table(table, "ConsumedReadCapacityUnits"),
        },
        period=PERIOD,
    )
    return [lambda_cost, appsync_cost, table_cost]
