"""One table of settings, and strict. That it is documented, tests/upkeep holds."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from server.settings import PREFIX, SETTINGS, SettingError, Settings, read_settings, to_environment


def test_a_setting_has_one_default_however_the_settings_are_made() -> None:
    assert read_settings({}) == Settings()
    assert {each.name.lower(): each.default for each in SETTINGS} == asdict(Settings())


def test_the_environment_of_another_process_carries_every_value() -> None:
    settings = Settings(generator_processes=3, allowed_hosts=("a", "b"), access_log=True, idle_seconds=1.5)
    assert read_settings(to_environment(settings)) == settings


def test_the_environment_sets_and_what_is_given_wins() -> None:
    environ = {"MLOPS_DEBUG_PORT": "81", "MLOPS_DEBUG_HOST": "h", "MLOPS_DEBUG_LOG_LEVEL": "DEBUG"}
    settings = read_settings(environ, host="given", port=None)
    assert (settings.host, settings.port, settings.log_level) == ("given", 81, "debug")


@pytest.mark.parametrize(
    ("name", "value"), [("PORT", "many"), ("PORT", "-1"), ("LOG_LEVEL", "loud"), ("SCENARIO_CACHE", "0")]
)
def test_a_bad_value_is_told_with_key_and_value(name: str, value: str) -> None:
    with pytest.raises(SettingError, match=f"MLOPS_DEBUG_{name}='{value}'"):
        read_settings({PREFIX + name: value})
