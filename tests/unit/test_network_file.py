"""Network files: round trips, noise, damage."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.errors import BadData, NodeError
from node.network_file import MAX_FILE_CHARS, MAX_NAME_CHARS, check_name, found, read, write
from store.charter import MAX_INCEPTION_BYTES, MAX_SECTIONS, Charter
from store.charter import MAX_NAME_CHARS as MAX_CHARTER_NAME_CHARS

SALT = bytes(range(16))


@given(st.text())
def test_reading_what_was_written_gives_the_charter(name: str) -> None:
    try:
        charter = found(name, SALT)
    except BadData:
        return
    assert read(write(charter)) == charter
    assert len(write(charter)) < MAX_FILE_CHARS


def test_the_largest_charter_fits_a_network_file() -> None:
    inceptions = tuple(bytes([number] * MAX_INCEPTION_BYTES) for number in range(MAX_SECTIONS))
    charter = Charter("\U000e0001" * MAX_CHARTER_NAME_CHARS, SALT, MAX_SECTIONS, inceptions)
    assert read(write(charter)) == charter
    assert len(write(charter)) <= 55_000 < MAX_FILE_CHARS


def test_the_first_line_says_how_to_join() -> None:
    circle, federation = found("one", SALT), Charter("one", SALT, 1, (b"section",))
    assert "aster init --name NAME --network" in write(circle).splitlines()[0]
    assert "aster join CODE" in write(federation).splitlines()[0]


@given(st.text())
def test_noise_is_refused_with_our_error(text: str) -> None:
    with pytest.raises(NodeError):
        read(text)


def test_a_charter_of_another_network_is_noticed_by_its_id() -> None:
    one, other = write(found("one", SALT)), write(found("other", SALT))
    mixed = "\n".join([one.splitlines()[1], other.splitlines()[2]])
    with pytest.raises(BadData, match="id does not fit"):
        read(mixed)


@pytest.mark.parametrize("index", [1, 2])
def test_a_missing_line_is_noticed(index: int) -> None:
    lines = write(found("one", SALT)).splitlines()
    del lines[index]
    with pytest.raises(BadData):
        read("\n".join(lines))


def test_windows_line_ends_and_blank_lines_do_no_harm() -> None:
    charter = found("Föderation", SALT)
    assert read("\r\n" + write(charter).replace("\n", "\r\n\r\n")) == charter


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * (MAX_NAME_CHARS + 1), "\x00", "\ud800"])
def test_a_bad_name_is_refused(name: str) -> None:
    with pytest.raises(BadData):
        check_name(name)


@pytest.mark.parametrize(
    "name", ["\u202eecilA", "a\u200fb", "E\u200bva", "E\u00adva", "a\u200db", "\u200dé", "é\u200d", "--help"]
)
def test_a_name_with_what_nobody_sees_or_like_an_option_is_not_chosen(name: str) -> None:
    with pytest.raises(BadData):
        check_name(name)


@pytest.mark.parametrize(
    "name", ["\u0645\u06cc\u200c\u0631\u0648\u062f", "\u0915\u094d\u200d\u0937", "\U0001f469\u200d\U0001f33e"]
)
def test_joiners_stay_where_scripts_and_emoji_need_them(name: str) -> None:
    assert check_name(name) == name


def test_names_are_kept_composed() -> None:
    assert check_name(" e\u0301 ") == "\u00e9"
