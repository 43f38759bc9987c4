"""Alarms for operators. The description of each says what it means and where to read more."""

from collections.abc import Mapping
from typing import Final

from aws_cdk import Aws
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infrastructure.constructs.metrics import PERIOD, LogMetrics, of_api, of_function

SEE: Final = "See docs/operating.md."


class Alarms(Construct):
    """Alarms on everything that loses, delays or fails work. All are sent to one topic.

    Args:
        functions: Names of the functions, by handler.
        api_id: Id of the API.
        dead_letters: The queue of failures that could not be reported.
        log_metrics: Counts of log lines.
        event_age: Seconds that a start may wait.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        functions: Mapping[str, str],
        api_id: str,
        dead_letters: sqs.Queue,
        log_metrics: LogMetrics,
        event_age: int,
    ) -> None:
        super().__init__(scope, id_)
        # Not encrypted with AWS's key for SNS: CloudWatch may not use that key, so that no alarm would be sent.
        self.topic = sns.Topic(self, "Topic", enforce_ssl=True)
        self._let_alarms_publish()
        for handler, name in functions.items():
            self._add(f"{handler}Errors", of_function(name, "Errors"), f"Invocations of {handler} failed.")
            # The worker is throttled whenever more jobs wait than may run; the age of its events is watched instead.
            if handler != "inference":
                self._add(
                    f"{handler}Throttles",
                    of_function(name, "Throttles"),
                    f"{handler} was throttled: no capacity was free.",
                )
        worker = functions["inference"]
        self._add(
            "WaitingTooLong",
            of_function(worker, "AsyncEventAge", "Maximum"),
            "A job has waited for a worker for half of the time after which it fails as THROTTLED.",
            threshold=event_age * 1000 / 2,  # milliseconds
        )
        self._add("EventsDropped", of_function(worker, "AsyncEventsDropped"), "Lambda dropped starts of jobs.")
        self._add(
            "FailuresUndelivered",
            of_function(worker, "DestinationDeliveryFailures"),
            "A failed invocation could not be reported to job_failed; the sweep ends its job.",
        )
        self._add(
            "DeadLetters",
            dead_letters.metric_approximate_number_of_messages_visible(period=PERIOD, statistic="Maximum"),
            "job_failed itself failed; the report that it received is in the dead-letter queue.",
        )
        self._add("MessagesDropped", of_api(api_id, "InboundMessageDropped"), "AppSync dropped messages over a quota.")
        self._add("MessagesDelayed", of_api(api_id, "InboundMessageDelayed"), "AppSync delayed messages over a quota.")
        self._add(
            "PushesRefused",
            of_api(api_id, "PublishDataMessageClientError"),
            "AppSync dropped pushes, for example because they exceeded 240 KB.",
        )
        self._add("PushesFailed", of_api(api_id, "PublishDataMessageServerError"), "AppSync failed to push.")
        self._add("ApiFailures", of_api(api_id, "5XXError"), "AppSync failed to answer.")
        self._add("WatchdogFindings", log_metrics.supervised, "Jobs of lost workers were ended or dispatched again.")

    def _let_alarms_publish(self) -> None:
        """Allow this account's alarms to publish. `enforce_ssl` replaces the policy by which SNS allows them.

        Source: Amazon CloudWatch User Guide, "Notifying users on alarm changes".
        """
        alarms = f"arn:{Aws.PARTITION}:cloudwatch:{Aws.REGION}:{Aws.ACCOUNT_ID}:alarm:*"
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsOfThisAccount",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions={
                    "StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID},
                    "ArnLike": {"aws:SourceArn": alarms},
                },
            )
        )

    def _add(self, name: str, metric: cloudwatch.Metric, meaning: str, *, threshold: float = 1) -> None:
        alarm = cloudwatch.Alarm(
            self,
            name[0].upper() + name[1:],
            metric=metric,
            threshold=threshold,
            evaluation_periods=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            alarm_description=f"{meaning} {SEE}",
        )
        alarm.add_alarm_action(actions.SnsAction(self.topic))
