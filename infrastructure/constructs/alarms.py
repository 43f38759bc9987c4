"""When somebody has to look: each alarm says in its description what it means and where to read on."""

from collections.abc import Mapping
from typing import Final

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infrastructure.constructs.metrics import PERIOD, Counted, of_api, of_function

READ_ON: Final = "See docs/operating.md."


class Alarms(Construct):
    """Alarms on everything that loses, delays or fails work, all sent to one topic.

    Args:
        functions: Names of the functions, by handler.
        api_id: The API's.
        dead_letters: Where failures end that nobody could report.
        counted: What the logs say.
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
        counted: Counted,
        event_age: int,
    ) -> None:
        super().__init__(scope, id_)
        # Not encrypted with AWS's key for SNS: CloudWatch may not use that one, and alarms would stay silent.
        self.topic = sns.Topic(self, "Topic", enforce_ssl=True)
        for handler, name in functions.items():
            self._add(f"{handler}Errors", of_function(name, "Errors"), f"Invocations of {handler} failed.")
            # The worker is throttled whenever more jobs wait than may run: that is what its event age is for.
            if handler != "inference":
                self._add(f"{handler}Throttles", of_function(name, "Throttles"), f"{handler} was refused capacity.")
        worker = functions["inference"]
        self._add(
            "WaitingTooLong",
            of_function(worker, "AsyncEventAge", "Maximum"),
            "A job waited for a worker for half of the time that it may; afterwards it fails as THROTTLED.",
            threshold=event_age * 1000 / 2,  # milliseconds
        )
        self._add("EventsDropped", of_function(worker, "AsyncEventsDropped"), "Lambda gave up on starts of jobs.")
        self._add(
            "FailuresUndelivered",
            of_function(worker, "DestinationDeliveryFailures"),
            "job_failed did not get to hear of a failed invocation; the sweep ends its job.",
        )
        self._add(
            "DeadLetters",
            dead_letters.metric_approximate_number_of_messages_visible(period=PERIOD, statistic="Maximum"),
            "job_failed itself failed, and what it was to report is in the dead-letter queue.",
        )
        self._add("MessagesDropped", of_api(api_id, "InboundMessageDropped"), "AppSync dropped messages over a quota.")
        self._add("MessagesDelayed", of_api(api_id, "InboundMessageDelayed"), "AppSync delayed messages over a quota.")
        self._add(
            "PushesRefused",
            of_api(api_id, "PublishDataMessageClientError"),
            "AppSync dropped pushes, such as over 240 KB.",
        )
        self._add("PushesFailed", of_api(api_id, "PublishDataMessageServerError"), "AppSync failed to push.")
        self._add("ApiFailures", of_api(api_id, "5XXError"), "AppSync failed to answer.")
        self._add("WatchdogFindings", counted.supervised, "Jobs were ended or sent again in a worker's place.")

    def _add(self, name: str, metric: cloudwatch.Metric, meaning: str, *, threshold: float = 1) -> None:
        alarm = cloudwatch.Alarm(
            self,
            name[0].upper() + name[1:],
            metric=metric,
            threshold=threshold,
            evaluation_periods=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            alarm_description=f"{meaning} {READ_ON}",
        )
        alarm.add_alarm_action(actions.SnsAction(self.topic))
