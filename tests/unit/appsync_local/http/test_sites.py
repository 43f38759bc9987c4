"""Origins and hosts: which texts are one, and which name this machine."""

import pytest

from appsync_local.http.sites import OriginInvalid, host_of, is_loopback, is_loopback_origin, origin_of, parse_origin


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("http://localhost:3000", "http://localhost:3000"),
        ("HTTPS://App.Example/", "https://app.example"),
        ("https://app.example:443", "https://app.example"),
        ("http://app.example:443", "http://app.example:443"),
        ("http://[::1]:80", "http://[::1]"),
        ("chrome-extension://abcdef", "chrome-extension://abcdef"),
    ],
)
def test_an_origin_gets_the_form_that_browsers_send(text: str, origin: str) -> None:
    assert parse_origin(text) == origin


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("*", "a wildcard cannot be allowed; name each origin"),
        ("https://*.example", "a wildcard cannot be allowed; name each origin"),
        ("null", "every site can send it, so it cannot be allowed; serve the page over http://localhost"),
        ("app.example", "it has no scheme and host"),
        ("app.example:3000", "it has no scheme and host"),
        ("", "it has no scheme and host"),
        ("http://", "it has no scheme and host"),
        ("http://app.example/page", "it has more than scheme, host and port"),
        ("http://app.example?a", "it has more than scheme, host and port"),
        ("http://ada@app.example", "it has more than scheme, host and port"),
        ("http://app.example:99999", "Port out of range 0-65535"),
        ("http://bücher.example", "it has other characters than printable ASCII"),
        ("http://app\t.example", "it has other characters than printable ASCII"),
        ("http://app!.example", "its host has other characters than ASCII letters, digits, '-', '_' and '.'"),
    ],
)
def test_another_text_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(OriginInvalid) as raised:
        parse_origin(text)

    assert str(raised.value) == f"expected an origin, such as http://app.example:3000, but found {text!r}: {reason}"


def test_loopback_names_and_addresses_are_recognised() -> None:
    assert [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "127.9.9.9")] == [True] * 4
    assert [is_loopback(host) for host in ("10.0.0.1", "localhost.example", "", "0.0.0.0")] == [False] * 4  # noqa: S104


@pytest.mark.parametrize("origin", ["http://localhost:3000", "https://127.0.0.2", "http://[::1]:1"])
def test_a_page_of_this_machine_is_recognised(origin: str) -> None:
    assert is_loopback_origin(origin)


@pytest.mark.parametrize(
    "origin",
    [
        "null", "", "http://localhost.example", "http://127.0.0.1.example", "http://example/localhost",
        "http://localhost@example", "tauri://localhost", "file://", "http://[::1%25;script-src]", "http://[::1%eth0]",
    ],
)  # fmt: skip
def test_a_page_of_another_site_is_recognised(origin: str) -> None:
    assert not is_loopback_origin(origin)


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("LocalHost:4000", "localhost"), ("[::1]:4000", "::1"), ("127.0.0.1", "127.0.0.1"), ("", ""),
        ("a@127.0.0.1", ""), ("127.0.0.1/x", ""), ("127.0.0.1?x", ""), ("127.0.0.1:x", ""), ("127.0.0.1 x", ""),
    ],
)  # fmt: skip
def test_the_name_in_a_host_header_has_no_port(header: str, name: str) -> None:
    assert host_of(header) == name


def test_the_origin_of_a_page_is_that_of_its_address() -> None:
    assert origin_of("https://App.Example/page?x#y") == "https://app.example"
    assert origin_of("") == ""
