"""The parameters, mappings and conditions of one template: what its values depend on before any resource exists."""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, Final

from local_stack.function_environment import REGION
from local_stack.template.document import TemplateInvalid
from local_stack.template.evaluation import NO_VALUE, Unknown, as_text, evaluate, is_known

ACCOUNT: Final = "123456789012"
PARTITION: Final = "aws"
_STORED: Final = "AWS::SSM::Parameter::Value<"
_LISTS: Final = ("CommaDelimitedList", "List<")


class StaticNames:
    """The names of one template, as far as they are known before its resources are read.

    Args:
        body: The template.
        given: Values of its parameters; expressions of the stack around it for a nested stack.
        stack: The name of its stack.
        prefix: What is put before its logical ids.
    """

    def __init__(self, body: Mapping[str, Any], given: Mapping[str, Any], *, stack: str, prefix: str) -> None:
        self._parameters: Mapping[str, Any] = body.get("Parameters") or {}
        self._mappings: Mapping[str, Any] = body.get("Mappings") or {}
        self._conditions: Mapping[str, Any] = body.get("Conditions") or {}
        self._given = given
        self._prefix = prefix
        self._held: dict[str, bool | Unknown] = {}
        self._pseudo: Mapping[str, Any] = {
            "AWS::AccountId": ACCOUNT, "AWS::NoValue": NO_VALUE, "AWS::NotificationARNs": [],
            "AWS::Partition": PARTITION, "AWS::Region": REGION, "AWS::StackName": stack,
            "AWS::StackId": f"arn:{PARTITION}:cloudformation:{REGION}:{ACCOUNT}:stack/{stack}/local",
            "AWS::URLSuffix": "amazonaws.com",
        }  # fmt: skip

    @property
    def texts(self) -> dict[str, Any]:
        """The parameters whose values are known, and the pseudo-parameters."""
        values = {name: self.ref(name) for name in self._parameters}
        known = {name: value for name, value in values.items() if is_known(value)}
        return known | {name: it for name, it in self._pseudo.items() if isinstance(it, str)}

    def ref(self, name: str) -> Any:
        """See `Names`. A reference to a resource stays one, with the prefix."""
        if name in self._pseudo:
            return self._pseudo[name]
        if name in self._parameters:
            return self._parameter(name, self._parameters[name] or {})
        return {"Ref": self._prefix + name}

    def attribute(self, name: str, attribute: str) -> Any:
        """See `Names`."""
        return {"Fn::GetAtt": [self._prefix + name, attribute]}

    def imported(self, name: str) -> Any:
        """See `Names`."""
        return {"Fn::ImportValue": name}

    def unknown(self, value: Unknown) -> Any:
        """See `Names`."""
        return value

    def mapped(self, path: tuple[str, str, str]) -> Any:
        """See `Names`."""
        value: Any = self._mappings
        for key in path:
            keys = {str(it): it for it in value}  # YAML reads an account's number as a number
            if key not in keys:
                return NO_VALUE
            value = value[keys[key]]
        return value

    def holds(self, condition: Any) -> bool | Unknown:
        """See `Names`."""
        if not isinstance(condition, str):
            return Unknown("a condition must be given by its name")
        if condition not in self._conditions:
            near = get_close_matches(condition, self._conditions, n=1)
            return Unknown(f"there is no condition {condition}" + (f"; did you mean {near[0]}?" if near else ""))
        if condition not in self._held:
            self._held[condition] = Unknown(f"the condition {condition} depends on itself")
            self._held[condition] = self._met(self._conditions[condition], condition)
        return self._held[condition]

    def _met(self, expression: Any, name: str) -> bool | Unknown:
        match expression:
            case {"Condition": str(other)}:
                return self.holds(other)
            case {"Fn::And": list(parts)}:
                return _combined([self._met(it, name) for it in parts], all)
            case {"Fn::Or": list(parts)}:
                return _combined([self._met(it, name) for it in parts], any)
            case {"Fn::Not": [part]}:
                return _combined([self._met(part, name)], lambda held: not held[0])
            case {"Fn::Equals": [first, second]}:
                return self._equal(evaluate(first, self), evaluate(second, self), name)
        value = evaluate(expression, self)
        return value == "true" if isinstance(value, str) else Unknown(f"the condition {name} cannot be evaluated")

    def _equal(self, first: Any, second: Any, name: str) -> bool | Unknown:
        for value in (first, second):
            if isinstance(value, Unknown):
                return Unknown(f"the condition {name} is not known: {value.reason}")
            if not is_known(value):
                return Unknown(f"the condition {name} depends on a resource, which the local stack does not support")
        try:
            return as_text(first) == as_text(second)
        except TypeError:
            return bool(first == second)

    def _parameter(self, name: str, declared: Mapping[str, Any]) -> Any:
        kind = str(declared.get("Type", "String"))
        value = self._given.get(name, declared.get("Default"))
        how = f"give one with --parameter {name}=VALUE"
        if value is None:
            return Unknown(f"the parameter {name} has no value; {how}")
        if kind.startswith(_STORED) and name not in self._given:
            return Unknown(f"the parameter {name} has its value in SSM, at {value}; {how}")
        if isinstance(value, bool | int | float):
            value = as_text(value)
        is_list = kind.removeprefix(_STORED).startswith(_LISTS)
        return [it.strip() for it in value.split(",")] if is_list and isinstance(value, str) else value


def check_values(values: Mapping[str, str], body: Mapping[str, Any]) -> None:
    """Refuse values for names that a template does not have.

    Args:
        values: By name of a parameter, or by `LogicalId` or `LogicalId.Attribute` of a resource.
        body: The template.

    Raises:
        TemplateInvalid: A name is neither a parameter nor a resource; names the nearest one.
    """
    known = [*(body.get("Parameters") or {}), *body["Resources"]]
    for name in values:
        logical_id = name.partition(".")[0].partition("-")[0]
        if logical_id not in known:
            near = get_close_matches(logical_id, known, n=1)
            advice = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(sorted(known)[:20])}"
            raise TemplateInvalid(f"--parameter: the template has no parameter or resource {logical_id}{advice}")


def _combined(parts: list[bool | Unknown], combine: Callable[[list[bool | Unknown]], bool]) -> bool | Unknown:
    return next((it for it in parts if isinstance(it, Unknown)), None) or combine(parts)
