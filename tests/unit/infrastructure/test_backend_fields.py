"""Which fields the schema reserves for the backend, and that the authorizer denies them to all callers."""

import pytest

from infrastructure.backend_fields import backend_fields
from local_stack.project import BACKEND_FIELDS
from tests.support.cdk_assembly import ROOT
from tests.support.cloudformation import Template

SCHEMA = (ROOT / "graphql" / "schema.graphql").read_text()


@pytest.mark.parametrize(
    ("schema", "closed"),
    [
        ("type Mutation { open: ID }", ()),
        ("type Mutation { a: ID @aws_iam }", ("Mutation.a",)),
        ("type Mutation { a: ID @aws_iam @aws_lambda }", ()),
        ("type Mutation { a: ID @aws_iam @aws_cognito_user_pools }", ()),
        ("type Mutation { a: ID @aws_iam @aws_api_key }", ("Mutation.a",)),
        ("type Job @aws_iam { a: ID b: ID @aws_lambda }", ("Job.a",)),
        ("type Job @aws_lambda { a: ID @aws_iam b: ID }", ("Job.a",)),
        ('type Mutation { a: ID @deprecated(reason: "old") }', ()),
    ],
    ids=["open", "backend", "backend and callers", "backend and users", "with a key", "by type", "by field", "other"],
)
def test_a_field_is_the_backends_if_its_directives_let_in_no_caller(schema: str, closed: tuple[str, ...]) -> None:
    assert backend_fields(schema) == closed


def test_the_authorizer_denies_every_field_of_the_backend(dev: Template, keyed: Template) -> None:
    for template in (dev, keyed):
        denied = template.function("authorizer")["Environment"]["Variables"]["LONGCALL_DENIED_FIELDS"]
        assert denied.split(",") == list(backend_fields(SCHEMA))
        assert set(backend_fields(SCHEMA)) >= {"Mutation.updateStatus", "InferenceStatus.checkpoint"}


def test_local_workers_may_call_exactly_the_backends_mutations() -> None:
    assert {it for it in backend_fields(SCHEMA) if it.startswith("Mutation.")} == BACKEND_FIELDS
