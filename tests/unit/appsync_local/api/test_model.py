"""The wiring's own check."""

from dataclasses import replace

import pytest

from appsync_local.api.model import (
    Api,
    AuthMode,
    Code,
    DynamoDbSource,
    LambdaSource,
    NoneSource,
    PipelineFunction,
    PipelineResolver,
    UnitResolver,
    WiringError,
    check,
)

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
    with pytest.raises(WiringError) as caught:
        check(api, **found)
    return caught.value.problems


def test_what_has_no_code_needs_no_file() -> None:
    direct = replace(SMALL, functions=(PipelineFunction("step", source="Work", code=Code.DIRECT),))

    check(direct, fields=FIELDS, files=FILES - {"functions/step.js"}, handlers=HANDLERS)


def test_wiring_that_fits_is_accepted() -> None:
    check(SMALL, fields=FIELDS, files=FILES, handlers=HANDLERS)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"fields": FIELDS - {"Query.one"}}, "Query.one has a resolver and is no field of the schema"),
        ({"files": FILES - {"functions/step.js"}}, "graphql/functions/step.js is wired and does not exist"),
        ({"files": FILES | {"functions/old.js"}}, "graphql/functions/old.js exists and is not wired"),
        ({"handlers": HANDLERS - {"work"}}, "data source Work invokes work, which is no handler in app.py"),
        ({"handlers": HANDLERS - {"door"}}, "the authorizer is door, which is no handler in app.py"),
    ],
)
def test_what_is_missing_or_left_over_is_named(changed: dict[str, frozenset[str]], sentence: str) -> None:
    [found] = problems(SMALL, **changed)

    assert found.startswith(f"{sentence}; ")  # what to do comes after it


def test_name_that_is_nearly_right_is_suggested() -> None:
    misspelt = replace(SMALL, resolvers=(SMALL.resolvers[0], PipelineResolver("Mutation.two", ("stpe",))))

    assert problems(misspelt) == ("Mutation.two uses pipeline function stpe, which is not wired; did you mean step?",)


@pytest.mark.parametrize(
    ("api", "sentence"),
    [
        (replace(SMALL, modes=()), "no authorization mode"),
        (replace(SMALL, authorizer=None), "one of the two is missing"),
        (replace(SMALL, modes=(AuthMode.IAM,)), "one of the two is missing"),
        (replace(SMALL, sources=(*SMALL.sources, NoneSource("Work"))), "data source Work is wired 2 times"),
        (replace(SMALL, functions=(*SMALL.functions, *SMALL.functions)), "pipeline function step is wired 2 times"),
        (replace(SMALL, resolvers=(*SMALL.resolvers, SMALL.resolvers[0])), "resolver for Query.one is wired 2 times"),
        (replace(SMALL, sources=SMALL.sources[:1]), "Query.one uses data source Nothing, which is not wired"),
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
def test_wiring_that_contradicts_itself_is_refused(api: Api, sentence: str) -> None:
    assert sentence in "\n".join(problems(api))
