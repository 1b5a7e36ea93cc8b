"""Settings and environment: defaults, each setting, and what is refused."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.config import MAX_LISTEN, Config, first_text, parse, read_environment
from node.errors import BadData
from node.paths import Paths, default_home


def test_the_text_that_init_writes_says_the_defaults() -> None:
    assert parse(first_text(0)) == Config() == parse("")
    assert parse(first_text(23_456)).listen == ("/ip4/0.0.0.0/tcp/23456",)


def test_each_setting_is_read() -> None:
    text = (
        'listen = ["/ip4/127.0.0.1/tcp/4711"]\nhub = true\nmdns = true\nlanguages = ["DE", "pt_br", "de"]\n'
    )
    assert parse(text) == Config(("/ip4/127.0.0.1/tcp/4711",), True, True, ("de", "pt-BR"))


@pytest.mark.parametrize(
    "text",
    [
        "listen = 3",
        'listen = ["127.0.0.1"]',
        "listen = [1]",
        "hub = 1",
        'mdns = "yes"',
        "lisen = []",
        'languages = "de"',
        "languages = [1]",
        'languages = ["german language"]',
        "hub = ",
        "listen = [" + '"/x",' * (MAX_LISTEN + 1) + "]",
    ],
)
def test_a_wrong_setting_is_refused_with_advice(text: str) -> None:
    with pytest.raises(BadData) as caught:
        parse(text)
    assert "config.toml" in caught.value.message
    assert caught.value.advice


@given(st.text())
def test_noise_raises_only_our_error(text: str) -> None:
    with suppress(BadData):
        assert isinstance(parse(text), Config)


def test_the_environment_names_the_home_and_the_passphrase() -> None:
    said = read_environment(
        {"ASTERISM_HOME": "/tmp/h", "ASTERISM_PASSPHRASE_FILE": "/tmp/p", "NO_COLOR": "1"}
    )
    assert (said.home, said.passphrase_file, said.colour) == (Path("/tmp/h"), Path("/tmp/p"), False)


def test_empty_variables_count_as_not_set() -> None:
    said = read_environment({"ASTERISM_HOME": "", "ASTERISM_PASSPHRASE_FILE": "", "NO_COLOR": ""})
    assert (said.home, said.passphrase_file, said.colour) == (default_home(), None, True)


def test_everything_of_a_home_lies_in_it() -> None:
    paths = Paths(Path("/some/home"))
    names = [name for name in dir(Paths) if isinstance(getattr(Paths, name), property)]
    assert len(names) >= 12
    for name in names:
        assert paths.home in getattr(paths, name).parents
