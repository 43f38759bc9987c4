"""Metrics: AWS's own metrics of the stack's resources, and counts of the handlers' log lines."""

from collections.abc import Sequence
from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs
from constructs import Construct

PERIOD: Final = Duration.minutes(5)


def of_function(name: str, metric: str, statistic: str = "Sum") -> cloudwatch.Metric:
    """Source: Lambda Developer Guide, "Types of metrics for Lambda functions"."""
    return _metric("AWS/Lambda", metric, {"FunctionName": name}, statistic)


def of_api(api_id: str, metric: str, statistic: str = "Sum") -> cloudwatch.Metric:
    """Source: AppSync Developer Guide, "Using CloudWatch to monitor and log GraphQL API data"."""
    return _metric("AWS/AppSync", metric, {"GraphQLAPIId": api_id}, statistic)


def of_table(name: str, metric: str, statistic: str = "Sum") -> cloudwatch.Metric:
    """Source: DynamoDB Developer Guide, "DynamoDB metrics and dimensions"."""
    return _metric("AWS/DynamoDB", metric, {"TableName": name}, statistic)


def _metric(namespace: str, name: str, dimensions: dict[str, str], statistic: str) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=namespace, metric_name=name, dimensions_map=dimensions, statistic=statistic, period=PERIOD
    )


class LogMetrics(Construct):
    """Counts of log lines of the handlers. A count that stays at zero costs nothing.

    Args:
        namespace: CloudWatch namespace of the metrics.
        worker: The worker's log group.
        supervisors: Log groups of the handlers that end jobs whose worker is lost.
    """

    def __init__(
        self, scope: Construct, id_: str, *, namespace: str, worker: logs.LogGroup, supervisors: Sequence[logs.LogGroup]
    ) -> None:
        super().__init__(scope, id_)
        self._namespace = namespace
        ended = '{ $.event = "job_ended" && $.status = "%s" }'
        self.claimed = self._count("JobsClaimed", worker, '{ $.event = "job_claimed" }')
        self.completed = self._count("JobsCompleted", worker, ended % "COMPLETED")
        self.failed = self._count("JobsFailed", worker, ended % "FAILED")
        self.taken_away = self._count("JobsTakenAway", worker, '{ $.event = "job_over" }')
        self.retried = self._count("PublishesRetried", worker, '{ $.event = "publish_retried" }')
        for number, group in enumerate(supervisors):
            self.supervised = self._count("JobsSupervised", group, '{ $.event = "job_supervised" }', number)

    def _count(self, name: str, group: logs.LogGroup, pattern: str, number: int = 0) -> cloudwatch.Metric:
        logs.MetricFilter(
            self,
            f"{name}{number or ''}",
            log_group=group,
            filter_pattern=logs.FilterPattern.literal(pattern),
            metric_namespace=self._namespace,
            metric_name=name,
            metric_value="1",
        )
        return cloudwatch.Metric(namespace=self._namespace, metric_name=name, statistic="Sum", period=PERIOD)
