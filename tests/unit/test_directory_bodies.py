"""Bodies of profiles: round trips, noise, and the rules of names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.apps.directory.bodies import KIND, Profile, compose, parse
from node.errors import BadData
from node.network_file import check_name
from store.entry import make_body

SALT = bytes(16)


@given(st.text())
def test_what_was_composed_is_parsed_again(name: str) -> None:
    try:
        body = compose(name, SALT)
    except BadData:
        return
    assert parse(body) == Profile(check_name(name))


def test_a_name_that_nobody_may_choose_here_is_read_where_somebody_did() -> None:
    assert parse(make_body(SALT, [KIND, "E\u200bva"])) == Profile("E\u200bva")
    assert parse(make_body(SALT, [KIND, "\u202eavE"])) is None


@given(st.binary())
def test_noise_is_no_profile(noise: bytes) -> None:
    assert parse(noise) is None
    assert parse(SALT + noise) is None


@pytest.mark.parametrize("content", [[KIND], [KIND, ""], [KIND, " x"], [KIND, "a\tb"], [KIND, 1], [1, "x"]])
def test_what_breaks_a_rule_is_no_profile(content: list[object]) -> None:
    assert parse(make_body(SALT, content)) is None
