from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_debug_env.protocol.errors import InvalidAddressError
from mlops_debug_env.transport.async_client import DebugClient
from mlops_debug_env.transport.url import parse_address


def sockets(base_url: str, session_key: str | None = None) -> tuple[str, str]:
    address = parse_address(base_url, session_key=session_key, fresh_key="fresh")
    return address.http_url, address.socket_url


@pytest.mark.parametrize(
    ("base_url", "http", "socket"),
    [
        ("http://h:7860", "http://h:7860", "ws://h:7860/sessions/fresh/ws"),
        ("http://h:7860/", "http://h:7860", "ws://h:7860/sessions/fresh/ws"),
        ("https://h", "https://h", "wss://h/sessions/fresh/ws"),
        ("wss://h/ws", "https://h", "wss://h/sessions/fresh/ws"),
        ("ws://h:1", "http://h:1", "ws://h:1/sessions/fresh/ws"),
        (" http://h/proxy/mlops// ", "http://h/proxy/mlops", "ws://h/proxy/mlops/sessions/fresh/ws"),
        ("http://[::1]:80", "http://[::1]:80", "ws://[::1]:80/sessions/fresh/ws"),
        ("http://h/sessions/mine", "http://h", "ws://h/sessions/mine/ws"),
        ("http://h/p/sessions/mine/ws", "http://h/p", "ws://h/p/sessions/mine/ws"),
    ],
)
def test_a_base_url_is_read_as_people_write_it(base_url: str, http: str, socket: str) -> None:
    assert sockets(base_url) == (http, socket)


@pytest.mark.parametrize(
    ("base_url", "is_loopback"),
    [
        ("http://localhost:7860", True),
        ("http://127.9.9.9", True),
        ("http://[::1]:7860/p", True),
        ("http://h", False),
        ("http://localhost.example", False),
        ("http://10.0.0.1", False),
    ],
)
def test_a_server_on_this_machine_is_reached_without_a_proxy(base_url: str, is_loopback: bool) -> None:
    assert parse_address(base_url, session_key=None, fresh_key="fresh").is_loopback is is_loopback


def test_the_key_that_is_given_wins_over_a_fresh_one_and_may_stand_in_both_places() -> None:
    assert sockets("http://h", "mine")[1] == "ws://h/sessions/mine/ws"
    assert sockets("http://h/sessions/mine", "mine")[1] == "ws://h/sessions/mine/ws"


@pytest.mark.parametrize(
    "base_url",
    ["", "h:7860", "localhost", "ftp://h", "http://", "http://h:x", "http://h:99999", "http://h:0", "http://h?a=1"]
    + ["http://h#a", "http://user:secret@h", "http://a b", "http://[::1", "//h", "http:///x"],
)
def test_what_cannot_be_a_base_url_is_refused_in_one_line(base_url: str) -> None:
    with pytest.raises(InvalidAddressError) as caught:
        DebugClient(base_url)
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("key", ["a/b", "", "a b", "x" * 129, "é", "a\n"])
def test_what_cannot_be_a_key_is_refused(key: str) -> None:
    if key:
        with pytest.raises(InvalidAddressError, match="128"):
            DebugClient("http://h", session_key=key)
    else:
        assert DebugClient("http://h", session_key=key).session_key


def test_two_keys_are_one_too_many() -> None:
    with pytest.raises(InvalidAddressError, match="give one of them"):
        DebugClient("http://h/sessions/a", session_key="b")


def test_a_key_that_is_not_given_has_128_random_bits() -> None:
    keys = {DebugClient("http://h").session_key for _ in range(50)}
    assert len(keys) == 50
    assert {len(key) for key in keys} == {32}


@pytest.mark.parametrize("api_key", ["", "a b", "a\nb", "ключ"])
def test_what_cannot_be_a_header_is_refused_as_api_key(api_key: str) -> None:
    with pytest.raises(InvalidAddressError, match="API key"):
        DebugClient("http://h", api_key=api_key)


@given(st.text(max_size=40))
def test_any_text_is_an_address_or_one_of_our_errors(text: str) -> None:
    with suppress(InvalidAddressError):
        assert DebugClient(text).session_key
