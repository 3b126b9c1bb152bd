"""Settings: one table, parsed strictly. tests/upkeep checks that it is documented."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from server.settings import PREFIX, SETTINGS, SettingError, Settings, read_settings


def test_a_setting_has_one_default_however_the_settings_are_made() -> None:
    assert read_settings({}) == Settings()
    assert {each.name.lower(): each.default for each in SETTINGS} == asdict(Settings())


def test_the_environment_sets_and_what_is_given_wins() -> None:
    environ = {"MLOPS_DEBUG_PORT": "81", "MLOPS_DEBUG_HOST": "h", "MLOPS_DEBUG_LOG_LEVEL": "DEBUG"}
    settings = read_settings(environ, host="given", port=None)
    assert (settings.host, settings.port, settings.log_level) == ("given", 81, "debug")


FREE_TEXT = {
    "ALLOWED_HOSTS",
    "ALLOWED_ORIGINS",
    "DATABASE_URL",
    "SECRETS_FOLDER",
    "VALIDATION_TOKEN",
    "ROOT_PATH",
    "FRAME_ANCESTORS",
}
BAD_NUMBERS = ("", "many", "-1", "0.5", "nan", "inf", str(2**31))
BAD = {
    int: BAD_NUMBERS,
    float: ("", "soon", "-1", "0", "nan", "inf", "1e11"),
    bool: ("", "2", "maybe"),
    str: ("", "something else"),
}


def bad_values() -> list[tuple[str, str]]:
    """Of every setting that does not take any text."""
    listed = [(each.name, bad) for each in SETTINGS if each.name not in FREE_TEXT for bad in BAD[type(each.default)]]
    bounds = [("PORT", "65536"), ("PORT", "80000"), ("WORKERS", "0"), ("WORKERS", "1025"), ("SCENARIO_CACHE", "0")]
    return [*(each for each in listed if each != ("HOST", "something else")), *bounds]


@pytest.mark.parametrize(("name", "value"), bad_values())
def test_a_bad_value_that_is_given_is_reported_as_one_of_the_environment_is(name: str, value: str) -> None:
    with pytest.raises(SettingError) as given:
        read_settings({}, **{name.lower(): value})
    with pytest.raises(SettingError) as set_outside:
        read_settings({PREFIX + name: value})
    option = f"--{name.lower().replace('_', '-')} {value!r}: must be "
    assert str(given.value).startswith(option)
    assert str(given.value).removeprefix(option) == str(set_outside.value).split(": must be ", 1)[1]


@pytest.mark.parametrize("given", [{"port": 80_000}, {"port": -1}, {"workers": 0}, {"idle_seconds": 0.0}])
def test_a_number_that_is_given_is_checked_against_the_bounds_too(given: dict[str, float]) -> None:
    with pytest.raises(SettingError):
        read_settings({}, **given)


def test_the_defaults_are_within_the_bounds() -> None:
    for each in SETTINGS:
        if not isinstance(each.default, tuple):
            assert each.parse(str(each.default)) == each.default


@pytest.mark.parametrize(("name", "value"), bad_values())
def test_a_bad_value_is_reported_with_key_and_value(name: str, value: str) -> None:
    with pytest.raises(SettingError, match=f"MLOPS_DEBUG_{name}='{value}'"):
        read_settings({PREFIX + name: value})


def test_a_secret_is_shown_in_no_error_and_no_text() -> None:
    with pytest.raises(SettingError) as refused:
        read_settings({"OPENENV_VALIDATION_TOKEN": "too-short"})
    assert "too-short" not in str(refused.value)
    token = "t" * 40
    settings = read_settings({"OPENENV_VALIDATION_TOKEN": token})
    assert settings.validation_token == token
    assert token not in repr(settings)
