"""The fast path and the general path of completion, compared on generated schemas, selections and values."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from graphql import build_schema
from graphql.execution.values import VariableValues
from hypothesis import given, settings
from hypothesis import strategies as st

from appsync_local.api.limits import DEFAULT_LIMITS
from appsync_local.api.model import AuthMode
from appsync_local.api.scalars import BUILT_IN, add_behaviour
from appsync_local.authorization.caller import Caller
from appsync_local.authorization.directives import rules_of
from appsync_local.authorization.user_pools import DefaultAction
from appsync_local.errors import FieldError
from appsync_local.execution import completion
from appsync_local.execution.completion import NonNullViolation, Path, Pending, complete_field, field_value
from appsync_local.operation.documents import Documents
from appsync_local.operation.plan import Plan, Step
from appsync_local.resolvers.loading import ExecutableApi

MODES = (AuthMode.LAMBDA, AuthMode.COGNITO)
LEAF_TYPES = ("ID", "String", "Int", "Float", "Boolean", "Colour", "AWSJSON", "AWSDate", "AWSTimestamp", "Anything")
OBJECT_TYPES = ("One", "Two", "Three")
ALL_MODES = "@aws_lambda @aws_cognito_user_pools"
DIRECTIVES = (
    "",
    "",
    "",
    "",
    "@aws_lambda",
    ALL_MODES,
    "@aws_cognito_user_pools",
    '@aws_cognito_user_pools(cognito_groups: ["a"])',
)
CALLERS = (
    Caller(AuthMode.LAMBDA, {}),
    Caller(AuthMode.LAMBDA, {}, denied=frozenset({"One.a0", "Two.b1", "Three.c2"})),
    Caller(AuthMode.COGNITO, {}),
    Caller(AuthMode.COGNITO, {}, groups=frozenset({"a"})),
    None,
)

leaf_values = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**33), 2**33), st.floats(), st.text(max_size=3),
    st.sampled_from(["RED", "GREEN", "2024-02-29", "2023-02-29", '{"a":1}', "{", "7"]),
)  # fmt: skip
wrappings = st.sampled_from(["{}", "{}!", "{}", "{}!", "{}", "{}!", "[{}]", "[{}!]!", "[[{}]]"])


@dataclass(frozen=True)
class Case:
    """One schema, one document and one value for `Query.root`."""

    schema: str
    document: str
    value: Any


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Objects of up to four fields, to a depth of three; most values fit, and some do not."""
    types: dict[str, dict[str, tuple[str, str]]] = {}  # by type and field: the wrapping and the inner type
    lines: list[str] = []
    for index, name in enumerate(OBJECT_TYPES):
        below = OBJECT_TYPES[index + 1 :]
        inner = st.one_of(st.sampled_from(LEAF_TYPES), st.sampled_from(below) if below else st.sampled_from(LEAF_TYPES))
        types[name] = {f"{'abc'[index]}{n}": (draw(wrappings), draw(inner)) for n in range(draw(st.integers(1, 4)))}
        fields = [
            f"{key}: {wrapping.format(type_)} {draw(st.sampled_from(DIRECTIVES))}"
            for key, (wrapping, type_) in types[name].items()
        ]
        lines.append(f"type {name} implements Named {ALL_MODES} {{ name: String {' '.join(fields)} }}")
    root_wrapping, root_type = draw(wrappings), draw(st.sampled_from(["One", "Named", "Union"]))
    lines += [
        "scalar Anything",
        "enum Colour { RED GREEN }",
        "interface Named { name: String }",
        "union Union = One | Two",
        f"type Query {{ root: {root_wrapping.format(root_type)} {ALL_MODES} }}",
    ]

    def selection(type_: str) -> str:
        parts = []
        for key, (_, inner) in types[type_].items():
            alias = draw(st.sampled_from(["", "", f"x{key}: "]))
            parts.append(f"{alias}{key}" + (f" {{ {selection(inner)} }}" if inner in types else ""))
        parts += ["__typename"] if draw(st.integers(0, 3)) == 3 else []
        return " ".join(parts)

    def value(wrapping: str, type_: str) -> Any:
        if draw(st.integers(0, 19)) == 19:
            return draw(leaf_values)
        if not wrapping.startswith("["):
            return object_value(type_) if type_ in types else fitting(type_)
        inner = wrapping.rstrip("!")[1:-1]
        return [value(inner, type_) for _ in range(2 - draw(st.integers(0, 2)))]

    def object_value(type_: str) -> dict[str, Any]:
        members = {key: value(*declared) for key, declared in types[type_].items() if draw(st.integers(0, 9)) < 9}
        return members | {"__typename": type_, "name": "n"}

    def fitting(type_: str) -> Any:
        fits = {
            "ID": st.sampled_from(["i", 7]), "String": st.text(max_size=3), "Int": st.integers(-9, 9),
            "Float": st.floats(0, 1), "Boolean": st.booleans(), "Colour": st.sampled_from(["RED", "GREEN"]),
            "AWSJSON": st.sampled_from(["1", {"a": 1}]), "AWSDate": st.just("2024-02-29"),
            "AWSTimestamp": st.sampled_from([1, 2.0]), "Anything": leaf_values,
        }  # fmt: skip
        return draw(fits[type_])

    concrete = "One" if root_type == "One" else draw(st.sampled_from(["One", "Two"]))
    fragments = " ".join(f"... on {name} {{ {selection(name)} }}" for name in ("One", "Two"))
    document = f"{{ root {{ {selection('One') if root_type == 'One' else fragments} }} }}"
    return Case("\n".join(lines), document, value(root_wrapping, concrete))


@dataclass
class RecordingRun:
    """Completes one value, and keeps the errors."""

    plan: Plan
    variables: VariableValues
    caller: Caller | None
    errors: list[tuple[str, Path]] = field(default_factory=list)
    resolve_field: Any = None

    def count(self, values: int) -> None: ...

    def record(self, error: FieldError, step: Step, path: Path) -> None:  # the protocol's
        self.errors.append((error.message, path))

    def record_mismatch(self, message: str, path: Path) -> None:
        self.errors.append((message, path))


class ResolvingRun(RecordingRun):
    """Completes as if every field below had a resolver that answers the parent's member."""

    def __init__(self, plan: Plan, variables: VariableValues, caller: Caller | None) -> None:
        super().__init__(plan, variables, caller)
        self.resolve_field = self._resolve

    async def _resolve(self, step: Step, source: Any, path: Path) -> Any:
        done = complete_field(step, field_value(step, source, self), path, self)
        return await done.value() if isinstance(done, Pending) else done


def executable(text: str) -> ExecutableApi:
    schema = build_schema(BUILT_IN + text)
    add_behaviour(schema)
    rules = rules_of(schema, MODES, DefaultAction.ALLOW)
    return ExecutableApi(schema, MODES, None, {}, rules, {}, frozenset(), DEFAULT_LIMITS)


def completed(run: RecordingRun, value: Any) -> Any:
    [step] = run.plan.steps
    try:
        done = complete_field(step, value, (step.key,), run)
        return asyncio.run(done.value()) if isinstance(done, Pending) else done
    except NonNullViolation:
        return NonNullViolation


@contextmanager
def general_path_only() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(completion, "_members", lambda *_: None)
        yield


@contextmanager
def every_field_resolved() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Step, "resolves_below", property(lambda step: bool(list(step.possible_children()))))
        yield


def plan_of(case: Case) -> tuple[Plan, VariableValues]:
    operation = Documents(executable(case.schema)).get(case.document).operation(None)
    variables = operation.variables({})
    return operation.plan(variables), variables


@settings(max_examples=300, deadline=None)
@given(case=cases(), caller=st.sampled_from(CALLERS))
def test_the_fast_path_completes_every_value_as_the_general_path_does(case: Case, caller: Caller | None) -> None:
    plan, variables = plan_of(case)
    fast, general = RecordingRun(plan, variables, caller), RecordingRun(plan, variables, caller)

    by_fast_path = completed(fast, case.value)
    with general_path_only():
        by_general_path = completed(general, case.value)

    assert repr(by_fast_path) == repr(by_general_path)  # nan equals nan, and 1 is not True
    assert fast.errors == general.errors


@settings(max_examples=150, deadline=None)
@given(case=cases(), caller=st.sampled_from(CALLERS))
def test_a_value_that_waits_for_resolvers_is_completed_as_one_that_does_not(case: Case, caller: Caller | None) -> None:
    plan, variables = plan_of(case)
    direct, resolving = RecordingRun(plan, variables, caller), ResolvingRun(plan, variables, caller)

    at_once = completed(direct, case.value)
    with every_field_resolved():
        awaited = completed(resolving, case.value)

    assert repr(at_once) == repr(awaited)
    assert set(direct.errors) <= set(resolving.errors)  # the siblings of a violation finish only if they are awaited


def test_generated_cases_reach_the_fast_path(monkeypatch: pytest.MonkeyPatch) -> None:
    covered = []
    members = completion._members

    def counted(*given: Any) -> dict[str, Any] | None:
        done = members(*given)
        covered.append(done is not None)
        return done

    monkeypatch.setattr(completion, "_members", counted)

    @settings(max_examples=200, deadline=None, database=None, derandomize=True)
    @given(case=cases())
    def run(case: Case) -> None:
        plan, variables = plan_of(case)
        completed(RecordingRun(plan, variables, CALLERS[0]), case.value)

    run()

    assert sum(covered) > 20
    assert sum(covered) < len(covered) - 20
