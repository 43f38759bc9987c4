"""The options of `longcall serve`: which addresses and origins are accepted."""

import pytest

from appsync_local.api.model import RdsSource
from local_stack.arguments import argument_parser
from local_stack.databases import database_problems
from local_stack.errors import OptionInvalid
from local_stack.options import Options, options_from


def options(*arguments: str) -> Options:
    return options_from(argument_parser().parse_args(arguments), {})


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "localhost", "::1"])
def test_a_loopback_address_is_listened_on(host: str) -> None:
    assert options("--host", host).host == host


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "127.example", "localhost.example", ""])  # noqa: S104
def test_another_address_is_refused_with_the_page_that_says_what_to_do(host: str) -> None:
    with pytest.raises(OptionInvalid) as raised:
        options("--host", host)

    assert "--host takes a loopback address" in str(raised.value)
    assert 'docs/local-stack.md, "In a container or on another machine"' in str(raised.value)


def test_origins_are_accepted_in_any_number() -> None:
    sites = options("--origin", "https://app.example/", "--origin", "http://box:3000").sites

    assert sites.origins == {"https://app.example", "http://box:3000"}
    assert sites.origin_advice.format(origin="http://x") == "start the stack with --origin http://x"


@pytest.mark.parametrize("origin", ["*", "null", "app.example", "https://app.example/page"])
def test_another_text_is_refused_as_an_origin(origin: str) -> None:
    with pytest.raises(OptionInvalid, match="--origin: expected an origin, such as"):
        options("--origin", origin)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--port", "70000"), "--port: expected a number from 0 to 65535, and found 70000"),
        (("--port", "-1"), "--port: expected a number from 0 to 65535, and found -1"),
        (("--timeout", "0"), "--timeout: expected a number from 1 to 900, and found 0"),
        (("--users", "1"), "--users: expected a number from 2 to 100, and found 1"),
        (("--jobs", "257"), "--jobs: expected a number from 1 to 256, and found 257"),
        (("--watch", "--template", "stack.json"), "does not change; leave out --watch"),
        (("--ledger", "jobs.db"), "--ledger takes sqlite:<path> or dynamodb:<table>, and 'jobs.db' is neither"),
        (("--ledger", "sqlite:"), "--ledger takes sqlite:<path> or dynamodb:<table>, and 'sqlite:' is neither"),
        (("--bedrock", "us-east-1"), "--bedrock takes aws, or the URL of an endpoint, and 'us-east-1' is neither"),
        (("--openai", "localhost:8080"), "--openai takes the URL of a server, .* and 'localhost:8080' is not a URL"),
        (("--allow-aws",), "--allow-aws is for the functions of a template"),
        (("--database", "Shop=postgresql://db/shop"), "--database is for the data sources of a template"),
        (
            ("--template", "a.json", "--database", "postgresql://u:secret@db/shop"),
            "takes NAME=URL, as Shop=postgresql:",
        ),
        (("--template", "a.json", "--database", "Shop=db"), "takes NAME=URL, as Shop=postgresql:"),
        (("--openai", "http://"), "--openai takes the URL of a server, .* and 'http://' is not a URL"),
        (("--openai", "http://a:99999"), "--openai takes the URL of a server, .* and 'http://a:99999' is not a URL"),
        (("--chaos", "drop=2"), "--chaos: drop must be a rate from 0 to 1, such as drop=0.1, but is '2'"),
        (("--chaos", "dorp=0.1"), "--chaos: unknown fault 'dorp'. Did you mean 'drop'?"),
        (("--stage", "staging"), "--stage: unknown stage 'staging'; use dev or prod"),
    ],
)
def test_an_unusable_value_is_refused_with_its_option(arguments: tuple[str, ...], words: str) -> None:
    with pytest.raises(OptionInvalid, match=words):
        options(*arguments)


def test_databases_are_named_by_the_environment_and_the_option_and_shown_by_neither() -> None:
    arguments = argument_parser().parse_args(
        ["--template", "a.json", "--database", "Shop=postgresql://u:secret@a/shop"]
    )
    environment = {"LONGCALL_DATABASES": "Shop=postgresql://b/shop Stock=postgresql://b/stock?x=1"}

    found = options_from(arguments, environment)

    assert found.databases == {"Shop": "postgresql://u:secret@a/shop", "Stock": "postgresql://b/stock?x=1"}
    assert "secret" not in repr(found)


def test_each_data_source_without_a_database_is_named_with_the_option() -> None:
    sources = (
        RdsSource("Shop", "shop-cluster"),
        RdsSource("Stock", "stock-cluster"),
        RdsSource("Till", "till-cluster"),
    )

    [line] = database_problems(sources, {"Shop": "postgresql://a", "till-cluster": "postgresql://b"})

    assert line.startswith("data source Stock runs statements on the database cluster stock-cluster")
    assert "--database Stock=postgresql://" in line
