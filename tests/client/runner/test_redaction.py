"""Known secrets are replaced everywhere, and in errors what looks like one."""

from __future__ import annotations

import pytest

from mlops_debug_env.runner.redaction import Redactor

REDACTOR = Redactor(
    ["a-long-secret", "k", None], addresses=["https://ops:pass%2Fword99@host/v1", None, "http://[broken/v1"]
)


@pytest.mark.parametrize("secret", ["a-long-secret", "pass%2Fword99", "pass/word99"])
def test_a_known_secret_is_replaced_in_every_text_of_a_value(secret: str) -> None:
    value = {"a": [f"x {secret} y", 1, None], secret: True}
    assert REDACTOR.value(value) == {"a": ["x [redacted] y", 1, None], "[redacted]": True}


def test_a_value_that_is_no_secret_stays_word_for_word() -> None:
    text = "keys such as k are no secrets, nor is sk-learn or bearer of news"
    assert REDACTOR.value(text) == text


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        ("Incorrect API key provided: sk-proj-abcdefgh1234.", "Incorrect API key provided: [redacted]."),
        ('{"Authorization": "Bearer abc.def"}', '{"Authorization": "Bearer [redacted]"}'),
        ("authorization: Basic dXNlcjpwdw==", "authorization: Basic [redacted]"),
        ("api_key=12345", "api_key=[redacted]"),
        ("cannot reach http://user:pw@host/v1", "cannot reach http://[redacted]@host/v1"),
        ("the model did not answer in time", "the model did not answer in time"),
    ],
)
def test_in_errors_what_looks_like_a_secret_is_replaced(error: str, shown: str) -> None:
    assert REDACTOR.error(error) == shown


def test_a_lone_surrogate_is_made_a_text_that_a_file_can_hold() -> None:
    assert REDACTOR.value("I look \ud83d") == "I look ?"
