"""The dashboard: are jobs finishing, how long do they take, what do they cost?"""

from collections.abc import Mapping
from typing import Final

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from chalicelib.billing import prices
from infrastructure.constructs.metrics import PERIOD, LogMetrics, of_api, of_function, of_table
from infrastructure.limits import Limits

HALF: Final = 12  # half of a row, in CloudWatch's units


class Dashboard(Construct):
    """A CloudWatch dashboard.

    Args:
        name: Name of the dashboard.
        functions: Names of the functions, by handler.
        limits: The functions' limits; their memory determines their cost.
        api_id: Id of the API.
        table: Name of the jobs table.
        log_metrics: Counts of log lines.
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
        log_metrics: LogMetrics,
    ) -> None:
        super().__init__(scope, id_)
        worker = functions["inference"]
        page = cloudwatch.Dashboard(self, "Page", dashboard_name=name)
        page.add_widgets(
            _graph(
                "Are jobs finishing?",
                [
                    log_metrics.claimed,
                    log_metrics.completed,
                    log_metrics.failed,
                    log_metrics.taken_away,
                    log_metrics.supervised,
                ],
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
        second = limits[handler].memory_mb / 1024 * prices.GIGABYTE_SECOND
        terms.append(f"time{number} * {second / 1000:.12f} + calls{number} * {prices.INVOCATION:.12f}")
    lambda_cost = cloudwatch.MathExpression(
        label="Lambda", expression=" + ".join(terms), using_metrics=used, period=PERIOD
    )
    appsync_cost = cloudwatch.MathExpression(
        label="AppSync",
        expression=f"operations * {prices.OPERATION:.12f} + pushes * {prices.PUSH:.12f}",
        using_metrics={
            "operations": of_api(api_id, "TokensConsumed"),
            "pushes": of_api(api_id, "OutboundMessages"),
        },
        period=PERIOD,
    )
    table_cost = cloudwatch.MathExpression(
        label="DynamoDB",
        expression=f"writes * {prices.WRITE_UNIT:.12f} + reads * {prices.READ_UNIT:.12f}",
        using_metrics={
            "writes": of_table(table, "ConsumedWriteCapacityUnits"),
            "reads": of_table(table, "ConsumedReadCapacityUnits"),
        },
        period=PERIOD,
    )
    return [lambda_cost, appsync_cost, table_cost]
