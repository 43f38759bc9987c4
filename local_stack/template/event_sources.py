"""Reads what invokes the functions of a template besides the API: mappings, rules with a pattern, and subscriptions."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from local_stack.creation import Creation
from local_stack.event_sources import AsynchronousSource, EventSource, MutationSource, QueueSource, StreamSource
from local_stack.root_fields import called_fields
from local_stack.services.event_sources.inputs import PROPERTIES
from local_stack.template.api_names import GRAPHQL_API
from local_stack.template.document import TABLES, Resource, Template, TemplateInvalid
from local_stack.template.functions import CALL_FIELD
from local_stack.template.intrinsics import IntrinsicResolver
from local_stack.template.policies import Permissions
from local_stack.template.problems import Problems
from local_stack.template.service_resources import QUEUE, TOPIC

MAPPING: Final = "AWS::Lambda::EventSourceMapping"
CONFIG: Final = "AWS::Lambda::EventInvokeConfig"
RULE: Final = "AWS::Events::Rule"
SUBSCRIPTION: Final = "AWS::SNS::Subscription"
REPORTS: Final = "ReportBatchItemFailures"
QUEUE_ACTION: Final = "sqs:ReceiveMessage"
STREAM_ACTION: Final = "dynamodb:GetRecords"


class EventSourceReader:
    """Reads the event sources of one template.

    Attributes:
        creations: The calls that create rules and subscriptions, and the queues by which they reach functions.
        warnings: What does not deliver, one sentence each.
    """

    def __init__(
        self, template: Template, intrinsics: IntrinsicResolver, permissions: Permissions, problems: Problems
    ) -> None:
        self._template = template
        self._intrinsics = intrinsics
        self._permissions = permissions
        self._problems = problems
        self.creations: list[Creation] = []
        self.warnings: list[str] = []

    def read(self) -> tuple[EventSource, ...]:
        """All event sources that can deliver."""
        found: list[EventSource] = []
        readers = {MAPPING: self._mapping, RULE: self._rule, SUBSCRIPTION: self._subscription, TOPIC: self._topic}
        for type_, read in readers.items():
            for resource in self._template.of_type(type_):
                with self._problems.of(resource):
                    found.extend(read(resource))
        for function in self._template.functions():
            with self._problems.of(function):
                self._warn_of_destinations(function.name, [function.properties.get("DeadLetterConfig", {})])
        for config in self._template.of_type(CONFIG):
            with self._problems.of(config):
                function = self._intrinsics.function(config.properties["FunctionName"])
                self._warn_of_destinations(function.name, config.properties.get("DestinationConfig", {}).values())
        return tuple(found)

    def _warn_of_destinations(self, function: str, destinations: Iterable[Mapping[str, Any]]) -> None:
        """Name the queues, topics and buses that on AWS get the records of asynchronous invocations."""
        for it in destinations:
            target = it.get("TargetArn") or it.get("Destination")
            arn = "" if target is None else self._intrinsics.text(target)
            if arn and ":lambda:" not in arn:
                self._warn(f"{function} sends no records to {arn}: the local stack has functions as destinations only")

    def _mapping(self, resource: Resource) -> Iterator[EventSource]:
        properties = self._intrinsics.resolve(resource.properties)
        function = self._intrinsics.function(properties["FunctionName"])
        source, name = str(properties.get("EventSourceArn", "")), self._intrinsics.name(function)
        if properties.get("Enabled") in (False, "false"):
            return
        filters = tuple(_pattern(it) for it in properties.get("FilterCriteria", {}).get("Filters", ()))
        reports = REPORTS in properties.get("FunctionResponseTypes", ())
        for queue in self._template.of_type(QUEUE):
            if self._intrinsics.arn(queue) == source:
                if self._may(function, QUEUE_ACTION, source, resource):
                    yield QueueSource(
                        name, self._intrinsics.name(queue), int(properties.get("BatchSize", 10)), reports, filters
                    )
                return
        for table in self._template.of_type(*TABLES):
            if source.startswith(f"{self._intrinsics.arn(table)}/stream/"):
                if self._may(function, STREAM_ACTION, source, resource):
                    yield StreamSource(
                        name, self._intrinsics.name(table), int(properties.get("BatchSize", 100)),
                        "LATEST" if properties.get("StartingPosition") == "LATEST" else "TRIM_HORIZON",
                        reports, int(properties.get("MaximumRetryAttempts", -1)), filters,
                    )  # fmt: skip
                return
        self._warn(f"{resource.name} does not deliver: {source or 'its source'} is not a queue or table of this stack")

    def _rule(self, resource: Resource) -> Iterator[EventSource]:
        given = resource.properties
        if "EventPattern" not in given or given.get("State") == "DISABLED":
            return
        rule, bus = self._intrinsics.name(resource), self._intrinsics.text(given.get("EventBusName", "default"))
        pattern = json.dumps(self._intrinsics.resolve(given["EventPattern"]))
        self._create(resource, "events", "put_rule", Name=rule, EventPattern=pattern, EventBusName=bus)
        for place, it in enumerate(given.get("Targets", ())):
            try:
                target = self._intrinsics.resolve(it)
            except TemplateInvalid as unknown:
                self._warn(f"rule {resource.name} does not reach its target {place + 1}: {unknown}")
                continue
            if (reached := self._target(resource, target)) is None:
                continue
            kept = {name: target[name] for name in ("Id", "Arn", "SqsParameters") if name in target}
            if not isinstance(reached, str):
                kept["Arn"] = _queue_arn(self._intrinsics, reached.queue)
                yield reached
            self._create(resource, "events", "put_targets", Rule=rule, EventBusName=bus, Targets=[kept])

    def _target(self, rule: Resource, target: Mapping[str, Any]) -> AsynchronousSource | MutationSource | str | None:
        """How events reach a target: a source that reads them, or the ARN of a queue; None: they do not."""
        arn = str(target["Arn"])
        inputs = {name: target[name] for name in PROPERTIES if name in target}
        if ":sqs:" in arn:
            if inputs:
                self._warn(f"rule {rule.name} sends the whole event to {arn}: {next(iter(inputs))} is not applied")
            return arn
        queue = f"rule-{rule.name}-{target['Id']}"
        if "AppSyncParameters" in target:
            return self._operation(rule, target, queue, inputs)
        if ":lambda:" not in arn:
            self._warn(f"rule {rule.name} does not reach {arn}: the local stack has queues and functions only")
            return None
        function = self._intrinsics.function(arn)
        if not self._permissions.lets_service_invoke(function, "events.amazonaws.com", self._intrinsics.arn(rule)):
            self._warn(f"rule {rule.name} may not invoke {function.name}, so it does not")
            return None
        return replace(self._by_queue(rule, function, queue, "rule"), target=inputs)

    def _operation(
        self, rule: Resource, target: Mapping[str, Any], queue: str, inputs: Mapping[str, Any]
    ) -> MutationSource | None:
        """The operation that a rule sends to an API, as far as the rule's role may call its fields."""
        document, arn = target["AppSyncParameters"]["GraphQLOperation"], str(target["Arn"])
        for api in self._template.of_type(GRAPHQL_API):
            if self._intrinsics.text({"Fn::GetAtt": [api.name, "GraphQLEndpointArn"]}) == arn:
                role = self._permissions.role(target.get("RoleArn"))
                for field in called_fields(document):
                    resource = f"{self._intrinsics.arn(api)}/types/{field.replace('.', '/fields/')}"
                    if not role.may(CALL_FIELD, resource):
                        self._warn(f"rule {rule.name} does not reach its API: {role.denial(CALL_FIELD, resource)}")
                        return None
                self._create(rule, "sqs", "create_queue", QueueName=queue)
                return MutationSource(api.name, document, queue, inputs)
        self._warn(f"rule {rule.name} does not reach {arn}: it is no API of this stack")
        return None

    def _topic(self, resource: Resource) -> Iterator[EventSource]:
        arn = self._intrinsics.arn(resource)
        for it in self._intrinsics.resolve(resource.properties.get("Subscription", [])):
            yield from self._subscribe(resource, {**it, "TopicArn": arn})

    def _subscription(self, resource: Resource) -> Iterator[EventSource]:
        yield from self._subscribe(resource, self._intrinsics.resolve(resource.properties))

    def _subscribe(self, resource: Resource, properties: Mapping[str, Any]) -> Iterator[EventSource]:
        topic, endpoint = properties["TopicArn"], properties.get("Endpoint", "")
        attributes = {
            name: properties[name] if isinstance(properties[name], str) else json.dumps(properties[name])
            for name in ("FilterPolicy", "FilterPolicyScope", "RawMessageDelivery")
            if name in properties
        }
        match properties["Protocol"]:
            case "sqs":
                pass
            case "lambda":
                function = self._intrinsics.function(endpoint)
                if not self._permissions.lets_service_invoke(function, "sns.amazonaws.com", topic):
                    self._warn(f"topic {topic} may not invoke {function.name}, so it does not")
                    return
                queue = f"topic-{resource.name}-{function.name}"
                yield self._by_queue(resource, function, queue, "topic")
                endpoint = _queue_arn(self._intrinsics, queue)
            case other:
                self._warn(f"{resource.name} sends nothing: the local stack does not deliver by {other}")
                return
        self._create(
            resource, "sns", "subscribe", TopicArn=topic, Protocol="sqs", Endpoint=endpoint, Attributes=attributes
        )

    def _by_queue(self, resource: Resource, function: Resource, queue: str, kind: Any) -> AsynchronousSource:
        self._create(resource, "sqs", "create_queue", QueueName=queue)
        return AsynchronousSource(self._intrinsics.name(function), queue, kind)

    def _may(self, function: Resource, action: str, arn: str, mapping: Resource) -> bool:
        role = self._permissions.role(function.properties.get("Role"))
        if not role.may(action, arn):
            self._warn(f"{mapping.name} does not deliver: {role.denial(action, arn)}")
            return False
        return True

    def _create(self, resource: Resource, service: str, operation: str, **parameters: Any) -> None:
        self.creations.append(Creation(resource.name, service, operation, parameters))

    def _warn(self, sentence: str) -> None:
        self.warnings.append(sentence)


def _pattern(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """The pattern of a filter.

    Raises:
        TemplateInvalid: It is not an object in JSON.
    """
    try:
        pattern = json.loads(given["Pattern"])
    except ValueError:
        pattern = None
    if not isinstance(pattern, dict):
        raise TemplateInvalid(f"a filter has the pattern {given['Pattern']!r}, and must have an object in JSON")
    return pattern


def _queue_arn(intrinsics: IntrinsicResolver, queue: str) -> str:
    return intrinsics.arn(Resource(queue, QUEUE, {}))
