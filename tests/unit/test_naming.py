"""Who is shown how, and whom a text names: nobody takes the look or the place of somebody else."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.errors import Ambiguous, BadData, Missing, NodeError
from node.naming import Names
from store.ids import AuthorId, short, to_text


def device(number: int, first: bytes = b"") -> AuthorId:
    """An id that begins with `first`."""
    return AuthorId((first + number.to_bytes(32, "big")[len(first) :])[:32])


ALICE, BOB, CAROL, EVE = (device(number, bytes([number])) for number in range(1, 5))
EVERYBODY = frozenset({ALICE, BOB, CAROL, EVE})


def test_a_name_that_this_home_gave_goes_before_the_one_that_a_device_gave_itself() -> None:
    names = Names({BOB: "uncle"}, {BOB: "bob", CAROL: "carol"})
    assert [names.of(each) for each in (BOB, CAROL, EVE)] == ["uncle", "carol", short(EVE)]
    assert names.find("uncle", EVERYBODY) == BOB


def test_who_has_a_name_of_ours_is_found_by_his_own_unless_another_is_called_so() -> None:
    names = Names({BOB: "uncle"}, {BOB: "bob", CAROL: "carol"})
    assert names.find("bob", EVERYBODY) == BOB
    assert Names({BOB: "uncle"}, {BOB: "bob", CAROL: "bob"}).find("bob", EVERYBODY) == CAROL


def test_an_empty_name_is_none() -> None:
    assert Names({BOB: ""}, {BOB: "bob"}).of(BOB) == "bob"


@pytest.mark.parametrize(
    "rival", ["bob", "BOB", "b\u043eb", "\u0412OB", "b\u03bfb", "bób", "b\u200bob", "bo b", "ｂｏｂ"]
)
def test_names_that_look_alike_are_marked(rival: str) -> None:
    names = Names({}, {BOB: "bob", EVE: rival})
    assert names.of(BOB) == f"bob~{to_text(BOB)[:4]}"
    assert names.of(EVE) == f"{rival}~{to_text(EVE)[:4]}"


def test_a_mark_is_as_long_as_it_has_to_be() -> None:
    near, twin = device(1, b"abcdefgh"), device(2, b"abcdefgh")
    names = Names({}, {near: "bob", twin: "bob"})
    assert names.of(near) != names.of(twin)
    assert names.of(near).startswith(f"bob~{to_text(near)[:4]}")


def test_a_name_that_looks_like_a_marked_one_is_marked_itself() -> None:
    pretended = f"bob~{to_text(BOB)[:4]}"
    names = Names({}, {BOB: "bob", CAROL: "bob", EVE: pretended})
    assert len({names.of(each) for each in (BOB, CAROL, EVE)}) == 3
    assert names.of(EVE).startswith(f"{pretended}~{to_text(EVE)[:4]}")


def test_a_name_of_which_nothing_is_seen_is_marked() -> None:
    assert to_text(EVE)[:4] in Names({}, {EVE: "\u200b\u2066"}).of(EVE)


def test_a_name_that_is_the_short_id_of_a_nameless_device_does_not_take_its_place() -> None:
    names = Names({}, {EVE: short(BOB).upper()})
    assert names.of(BOB) == to_text(BOB)
    with pytest.raises(Ambiguous):
        names.find(short(BOB), EVERYBODY)
    assert names.find(to_text(BOB), EVERYBODY) == BOB


def test_a_whole_id_names_its_device_whatever_anybody_calls_himself() -> None:
    names = Names({}, {EVE: to_text(BOB)})
    assert names.find(to_text(BOB).upper(), EVERYBODY) == BOB
    with pytest.raises(Missing):
        names.find(to_text(BOB), {EVE})


def test_a_trusted_name_stays_with_whom_it_was_given_to() -> None:
    names = Names({BOB: "bob"}, {EVE: "Bob", CAROL: "carol"})
    assert names.find("bob", EVERYBODY) == BOB
    assert names.of(BOB) != names.of(EVE)
    assert names.find(names.of(EVE), EVERYBODY) == EVE


def test_a_trusted_name_goes_before_the_beginning_of_an_id() -> None:
    start = to_text(CAROL)[:4]
    assert Names({BOB: start}, {}).find(start, EVERYBODY) == BOB
    with pytest.raises(Ambiguous, match=short(CAROL)):
        Names({}, {BOB: start}).find(start, EVERYBODY)


def test_two_devices_of_one_trusted_name_are_told_apart_by_their_marks() -> None:
    names = Names({BOB: "bob", CAROL: "bob"}, {})
    with pytest.raises(Ambiguous, match="may be"):
        names.find("bob", EVERYBODY)
    assert {names.find(names.of(each), EVERYBODY) for each in (BOB, CAROL)} == {BOB, CAROL}


def test_the_message_lists_some_candidates_only() -> None:
    many = {device(number, b"same"): f"device {number}" for number in range(50)}
    with pytest.raises(Ambiguous) as caught:
        Names({}, many).find(to_text(next(iter(many)))[:5], many)
    assert caught.value.message.count("(") == 5


@pytest.mark.parametrize("name", ["Zoë", "Åse", "Ångström", "Straße"])
def test_a_name_is_found_in_either_form_of_unicode_and_either_case(name: str) -> None:
    names = Names({}, {ALICE: unicodedata.normalize("NFC", name)})
    for written in (name, unicodedata.normalize("NFD", name), name.upper(), f"  {name.casefold()} "):
        assert names.find(written, EVERYBODY) == ALICE


def test_only_the_known_are_found() -> None:
    names = Names({}, {BOB: "bob", EVE: "bob"})
    assert names.find("bob", {BOB}) == BOB
    assert names.find(to_text(BOB)[:6], {BOB, CAROL}) == BOB
    with pytest.raises(Missing):
        names.find("bob", {CAROL})


@pytest.mark.parametrize("text", ["", "   ", "\t\n"])
def test_nothing_names_nobody(text: str) -> None:
    with pytest.raises(BadData):
        Names({}, {BOB: "bob"}).find(text, EVERYBODY)


def test_a_letter_that_folds_to_a_letter_of_ids_is_none() -> None:
    beginning = to_text(device(7, bytes([0x52, 0x94, 0xA5])))[:4]
    assert beginning == "kkkk"
    with pytest.raises(Missing):
        Names({}, {}).find("\u212a" * 4, {device(7, bytes([0x52, 0x94, 0xA5]))})


name_text = st.text(st.sampled_from("aAbBéе \u0301\u200b~2"), min_size=1, max_size=5)
some_devices = st.sampled_from([*EVERYBODY, device(9, ALICE[:5]), device(10, ALICE[:5])])
some_names = st.dictionaries(some_devices, name_text, max_size=6)


@given(some_names, some_names)
def test_no_two_devices_are_shown_alike_and_each_is_found_by_what_is_shown(
    trusted: dict[AuthorId, str], published: dict[AuthorId, str]
) -> None:
    names = Names(trusted, published)
    devices = {*EVERYBODY, *trusted, *published}
    shown = {each: names.of(each) for each in devices}
    assert len({name.casefold() for name in shown.values()}) == len(devices)
    for each, name in shown.items():
        try:
            assert names.find(name, devices) == each
        except Ambiguous:
            assert any(to_text(other).startswith(name.strip().lower()) for other in devices)


@given(some_names, some_names, st.text(max_size=60) | st.sampled_from([to_text(ALICE), short(BOB), "aaaa"]))
def test_whatever_is_typed_the_answer_is_a_known_device_or_an_error_with_advice(
    trusted: dict[AuthorId, str], published: dict[AuthorId, str], text: str
) -> None:
    try:
        found, advice = Names(trusted, published).find(text, EVERYBODY), ""
    except NodeError as error:
        found, advice = None, error.advice
    assert found in EVERYBODY or advice


LAPTOP, PHONE = device(11, b"laptop"), device(12, b"phone")
MEMBERS = {LAPTOP: BOB, PHONE: BOB, EVE: CAROL}


def test_a_device_is_shown_by_the_name_of_its_member() -> None:
    names = Names({}, {BOB: "bob", CAROL: "bob"}, MEMBERS, {PHONE: "phone"})
    assert names.of(LAPTOP) == names.of(PHONE) == f"bob~{to_text(BOB)[:4]}"
    assert names.of(EVE) == f"bob~{to_text(CAROL)[:4]}"
    assert names.of(ALICE) == short(ALICE)
    assert (names.member(LAPTOP), names.member(ALICE)) == (to_text(BOB), None)
    assert (names.device(PHONE), names.device(LAPTOP)) == ("phone", "")


def test_a_name_means_all_devices_of_a_member_and_an_id_means_one() -> None:
    names = Names({}, {BOB: "bob", CAROL: "carol"}, MEMBERS)
    known = {LAPTOP, PHONE, EVE}
    assert names.find_all("bob", known) == sorted((LAPTOP, PHONE))
    assert names.find_all(to_text(BOB), known) == sorted((LAPTOP, PHONE))
    assert names.find_all(short(PHONE), known) == [PHONE]
    assert names.find_all(to_text(LAPTOP), known) == [LAPTOP]
    assert names.find("carol", known) == EVE
    with pytest.raises(Ambiguous, match="bob has 2 devices"):
        names.find("bob", known)
    with pytest.raises(Missing):
        names.find_all("bob", {EVE})


def test_a_member_is_found_by_what_is_his() -> None:
    names = Names({}, {BOB: "bob"}, MEMBERS)
    for text in ("bob", "BOB", to_text(BOB), short(BOB), to_text(PHONE), short(LAPTOP)):
        assert names.find_bearer(text, {BOB, CAROL}, MEMBERS) == BOB
    with pytest.raises(Missing):
        names.find_bearer(to_text(ALICE), {BOB, CAROL}, MEMBERS)
