"""The options of `longcall serve`: which addresses and origins are accepted."""

import pytest

from local_stack.arguments import argument_parser
from local_stack.errors import StackError
from local_stack.options import Options, options_from


def options(*arguments: str) -> Options:
    return options_from(argument_parser().parse_args(arguments), {})


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "localhost", "::1"])
def test_a_loopback_address_is_listened_on(host: str) -> None:
    assert options("--host", host).host == host


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "127.example", "localhost.example", ""])  # noqa: S104
def test_another_address_is_refused_with_the_page_that_says_what_to_do(host: str) -> None:
    with pytest.raises(StackError) as raised:
        options("--host", host)

    assert "--host takes a loopback address" in str(raised.value)
    assert 'docs/local-stack.md, "In a container or on another machine"' in str(raised.value)


def test_origins_are_accepted_in_any_number() -> None:
    sites = options("--origin", "https://app.example/", "--origin", "http://box:3000").sites

    assert sites.origins == {"https://app.example", "http://box:3000"}
    assert sites.origin_advice.format(origin="http://x") == "start the stack with --origin http://x"


@pytest.mark.parametrize("origin", ["*", "null", "app.example", "https://app.example/page"])
def test_another_text_is_refused_as_an_origin(origin: str) -> None:
    with pytest.raises(StackError, match="--origin: expected an origin, such as"):
        options("--origin", origin)
