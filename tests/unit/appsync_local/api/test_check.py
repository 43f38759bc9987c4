"""The check of an API against its schema, code files and handlers."""

from dataclasses import replace

import pytest

from appsync_local.api.check import check
from appsync_local.api.model import (
    Api,
    AuthMode,
    Code,
    CodeFile,
    DynamoDbSource,
    LambdaSource,
    NoneSource,
    PipelineFunction,
    PipelineResolver,
    UnitResolver,
    code_file,
)
from appsync_local.errors import ApiInvalid

SMALL = Api(
    modes=(AuthMode.LAMBDA,),
    authorizer="door",
    sources=(LambdaSource("Work", function="work"), NoneSource("Nothing")),
    functions=(PipelineFunction("step", source="Work"),),
    resolvers=(UnitResolver("Query.one", source="Nothing"), PipelineResolver("Mutation.two", functions=("step",))),
)
FIELDS = frozenset({"Query.one", "Mutation.two"})
FILES = frozenset({"resolvers/Query.one.js", "resolvers/Mutation.two.js", "functions/step.js"})
HANDLERS = frozenset({"work", "door"})


def problems(api: Api, **changed: frozenset[str]) -> tuple[str, ...]:
    found = {"fields": FIELDS, "files": FILES, "handlers": HANDLERS, **changed}
    with pytest.raises(ApiInvalid) as caught:
        check(api, folder="graphql", **found)
    return caught.value.problems


def test_a_function_without_code_needs_no_file() -> None:
    direct = replace(SMALL, functions=(PipelineFunction("step", source="Work", code=Code.DIRECT),))

    check(direct, fields=FIELDS, files=FILES - {"functions/step.js"}, handlers=HANDLERS)


def test_a_code_file_is_named_after_its_field_or_function_unless_another_is_given() -> None:
    shared = CodeFile("resolvers/shared.js")

    assert code_file(UnitResolver("Query.one", "Work")) == "resolvers/Query.one.js"
    assert code_file(PipelineResolver("Query.two", ("step",))) == "resolvers/Query.two.js"
    assert code_file(PipelineFunction("step", "Work")) == "functions/step.js"
    assert code_file(UnitResolver("Query.one", "Work", Code.DIRECT)) is None
    for unit in (
        UnitResolver("Query.one", "Work", shared),
        PipelineResolver("Query.two", ("step",), shared),
        PipelineFunction("step", "Work", shared),
    ):
        assert code_file(unit) == "resolvers/shared.js"


SHARING = replace(
    SMALL,
    resolvers=(
        UnitResolver("Query.one", "Work", CodeFile("resolvers/shared.js")),
        PipelineResolver("Mutation.two", ("step",), CodeFile("resolvers/shared.js")),
    ),
)


def test_resolvers_may_share_a_code_file() -> None:
    check(SHARING, fields=FIELDS, files=frozenset({"resolvers/shared.js", "functions/step.js"}), handlers=HANDLERS)


def test_a_shared_file_is_reported_once_when_it_is_missing_and_the_files_it_replaces_when_they_remain() -> None:
    assert [problem.partition(";")[0] for problem in problems(SHARING)] == [
        "graphql/resolvers/shared.js is used and does not exist",
        "graphql/resolvers/Mutation.two.js exists and is not used",
        "graphql/resolvers/Query.one.js exists and is not used",
    ]


def test_an_api_that_fits_is_accepted() -> None:
    check(SMALL, fields=FIELDS, files=FILES, handlers=HANDLERS)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"fields": FIELDS - {"Query.one"}}, "Query.one has a resolver and is not a field of the schema"),
        ({"files": FILES - {"functions/step.js"}}, "graphql/functions/step.js is used and does not exist"),
        ({"files": FILES | {"functions/old.js"}}, "graphql/functions/old.js exists and is not used"),
        ({"handlers": HANDLERS - {"work"}}, "data source Work invokes work, and there is no such handler"),
        ({"handlers": HANDLERS - {"door"}}, "the authorizer is door, and there is no such handler"),
    ],
)
def test_a_missing_or_unused_name_is_reported_with_advice(changed: dict[str, frozenset[str]], sentence: str) -> None:
    [found] = problems(SMALL, **changed)

    assert found.startswith(f"{sentence}; ")  # what to do comes after it


def test_a_misspelt_name_is_corrected() -> None:
    misspelt = replace(SMALL, resolvers=(SMALL.resolvers[0], PipelineResolver("Mutation.two", ("stpe",))))

    assert problems(misspelt) == ("Mutation.two uses pipeline function stpe, which is not defined; did you mean step?",)


@pytest.mark.parametrize(
    ("api", "sentence"),
    [
        (replace(SMALL, modes=()), "no authorization mode"),
        (replace(SMALL, authorizer=None), "one of the two is missing"),
        (replace(SMALL, modes=(AuthMode.IAM,)), "one of the two is missing"),
        (replace(SMALL, sources=(*SMALL.sources, NoneSource("Work"))), "data source Work is defined 2 times"),
        (replace(SMALL, functions=(*SMALL.functions, *SMALL.functions)), "pipeline function step is defined 2 times"),
        (replace(SMALL, resolvers=(*SMALL.resolvers, SMALL.resolvers[0])), "resolver for Query.one is defined 2 times"),
        (replace(SMALL, sources=SMALL.sources[:1]), "Query.one uses data source Nothing, which is not defined"),
        (replace(SMALL, functions=(PipelineFunction("step", "Gone"),)), "step uses data source Gone"),
        (replace(SMALL, resolvers=(PipelineResolver("Mutation.two", ("gone",)),)), "uses pipeline function gone"),
        (replace(SMALL, resolvers=(PipelineResolver("Mutation.two", ("step",) * 11),)), "has 11 pipeline functions"),
        (replace(SMALL, functions=(PipelineFunction("step", "Work", max_batch_size=2001),)), "batch size 2001"),
        (
            replace(SMALL, resolvers=(UnitResolver("Query.one", "Nothing", Code.DIRECT),)),
            "its data source Nothing invokes no Lambda function",
        ),
        (
            replace(
                SMALL,
                sources=(*SMALL.sources, DynamoDbSource("T", "t")),
                functions=(PipelineFunction("step", "T", max_batch_size=5),),
            ),
            "pipeline function step has no code or a batch size, and its data source T invokes no Lambda function",
        ),
    ],
)
def test_an_api_that_contradicts_itself_is_rejected(api: Api, sentence: str) -> None:
    assert sentence in "\n".join(problems(api))


def test_environment_variables_have_the_names_and_the_size_that_appsync_accepts() -> None:
    accepted = {"A1": "", "TABLE_name9": "x" * 512}
    check(replace(SMALL, environment=accepted), fields=FIELDS, files=FILES, handlers=HANDLERS)

    refused = {"A": "", "1A": "", "A-B": "", "TABLE": "x" * 513}
    found = problems(replace(SMALL, environment=refused))
    many = problems(replace(SMALL, environment={f"NAME_{n}": "" for n in range(51)}))

    assert [problem.split(" is not a name")[0] for problem in found[:3]] == ["'A'", "'1A'", "'A-B'"]
    assert found[3] == "the environment variable TABLE has 513 characters; shorten it to 512"
    assert many == ("the API has 51 environment variables; AppSync accepts at most 50",)
