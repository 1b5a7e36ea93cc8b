"""Statements in `id` logs: what is written comes back, and what breaks a rule says nothing."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from node.federation import bare, limits, statements
from node.federation.cuts import Cut, LogEnd, make_cut, read_cut
from node.federation.inception import read_inception
from node.federation.names import InvalidStatement, RootId
from node.federation.roster import Roster
from node.federation.statements import Claim, Grant, Said
from node.testing.federations import Federation, cut_at, terms_of
from store.codec import encode
from store.entry import MAX_ID_BODY_BYTES, MAX_ID_SEQ, Entry, make_body, parse, sign
from store.errors import TooLarge
from store.ids import LOG_FEED, LOG_ID, AuthorId, EntryId, LogNo, NetworkId

SALT = bytes(16)
FEDERATION = Federation(2)
NETWORK = FEDERATION.network
ALICE, BOB = FEDERATION.stewards[0][0], FEDERATION.stewards[1][0]
STATE = FEDERATION.state()
HASH = bytes(range(32))
SIGNATURE = bytes(64)


def said_as(body: bytes, seq: int = 2, log: LogNo = LOG_ID, network: NetworkId = NETWORK) -> Said | None:
    """What an entry with this body says in Alice's log."""
    entry = sign(ALICE.key, NETWORK, log, seq, b"" if seq == 1 else HASH, body, 5)
    return statements.read(entry, network, ALICE.citizen.root)


def said(*content: object, seq: int = 2) -> object:
    """The statement with this content, or None."""
    found = said_as(make_body(SALT, content), seq)
    return None if found is None else found.statement


def everything_once() -> list[Entry]:
    """A log with each kind of statement."""
    federation = Federation()
    device = federation.stewards[0][0]
    other = federation.device(device.citizen, "phone")
    invite = federation.invite(device)
    federation.claim(device, invite)
    device.settle(federation.state(), invite.grant, [HASH])
    device.admit(federation.state(), HASH)
    federation.begin("Berlin", [device])
    device.cut(cut_at(other, None, [(2, 5), (3, 1)]))
    device.change(
        [federation.state(), HASH], terms_of([device], name="Lyon", territory="Rhône"), [(other.id, 1)]
    )
    device.endorse(federation.state(), HASH)
    device.end(federation.state(), HASH, [cut_at(other)])
    device.replace(federation.state(), HASH, bytes(32), [cut_at(other)])
    device.consent(HASH)
    return device.log


LOG = everything_once()
NETWORK_OF_LOG = Federation().network
ROOT_OF_LOG = Federation().stewards[0][0].citizen.root


# --- what is written comes back ---------------------------------------------------------------------


def test_each_kind_of_statement_is_read_back():
    kinds = [statements.read(entry, NETWORK_OF_LOG, ROOT_OF_LOG) for entry in LOG]
    assert [type(each.statement).__name__ for each in kinds if each is not None] == [
        "Certificate", "Grant", "Claim", "Settlement", "Admission", "Begun", "RootCut", "Change",
        "Endorsement", "End", "Replacement", "Consent",
    ]  # fmt: skip


def test_a_statement_says_where_it_stands():
    said = statements.read(LOG[4], NETWORK_OF_LOG)
    assert said is not None
    assert said[:4] == (LOG[4].author, 5, LOG[4].id, LOG[4].time_ms)


def test_an_act_is_named_by_its_content_and_network_but_not_by_its_salt():
    one = statements.compose_endorsement(SALT, STATE, HASH)
    other = statements.compose_endorsement(b"x" * 16, STATE, HASH)
    assert bare.act_id(NETWORK, one) == bare.act_id(NETWORK, other)
    assert bare.act_id(NETWORK, one) != bare.act_id(NETWORK_OF_LOG, one)
    assert bare.act_id(NETWORK, one) != bare.act_id(
        NETWORK, statements.compose_endorsement(SALT, STATE, STATE)
    )


# --- rules of form ----------------------------------------------------------------------------------


def test_a_certificate_stands_at_the_first_place_and_nothing_else_does():
    assert ALICE.certificate.body is not None
    signature = ALICE.citizen.key.sign(bare.device_message(NETWORK, ALICE.id))
    content = (statements.CERTIFICATE, ALICE.citizen.root, "laptop", signature)
    assert said(*content, seq=1) is not None
    assert said(*content, seq=2) is None
    assert said(statements.CONSENT, HASH, seq=1) is None


def test_only_id_logs_say_anything():
    body = statements.compose_consent(SALT, HASH)
    assert said_as(body) is not None
    assert said_as(body, log=LOG_FEED) is None


def test_an_entry_without_its_body_says_nothing():
    assert statements.read(LOG[1].without_body(), NETWORK_OF_LOG) is None


def test_a_cut_is_none_where_the_root_of_the_log_is_not_known():
    assert statements.read(LOG[6], NETWORK_OF_LOG, ROOT_OF_LOG) is not None
    assert statements.read(LOG[6], NETWORK_OF_LOG, None) is None
    assert statements.read(LOG[6], NETWORK_OF_LOG, BOB.citizen.root) is None


@pytest.mark.parametrize("position", [0, 5, 6])
def test_inner_signatures_are_of_one_network(position: int):
    assert statements.read(LOG[position], NETWORK_OF_LOG, ROOT_OF_LOG) is not None
    assert statements.read(LOG[position], NETWORK, ROOT_OF_LOG) is None


TERMS = ["Lyon", "", [], [HASH], 1]
GOOD: dict[str, list[object]] = {
    "claim": [17, HASH, HASH, HASH, SALT, SIGNATURE],
    "grant": [18, HASH, HASH, 50, 0, 1],
    "settlement": [19, HASH, HASH, [bytes(32), HASH]],
    "admission": [20, HASH, HASH],
    "change": [23, [HASH], *TERMS, [[HASH, 4096]]],
    "endorsement": [24, HASH, HASH],
    "end": [25, HASH, HASH, []],
    "replacement": [26, HASH, HASH, bytes(32), []],
    "consent": [27, HASH],
}


@pytest.mark.parametrize("name", GOOD)
def test_a_statement_has_as_many_values_as_it_has(name: str):
    good = GOOD[name]
    assert said(*good) is not None
    assert said(*good, HASH) is None
    assert said(*good[:-1]) is None


@pytest.mark.parametrize("name", GOOD)
def test_no_value_of_a_statement_may_be_of_another_type(name: str):
    good = GOOD[name]
    for place in range(1, len(good)):
        for strange in (None, True, -1, 2**60, "text", b"", [1], [[[]]]):
            changed = [*good[:place], strange, *good[place + 1 :]]
            if strange != "text" or not isinstance(good[place], str):
                assert said(*changed) is None, (name, place, strange)


@pytest.mark.parametrize(
    "content",
    [
        [18, HASH, HASH, 0, 0, 0],
        [18, HASH, HASH, 51, 0, 0],
        [18, HASH, HASH, 1, 2**53, 0],
        [18, HASH, HASH, 1, 0, 2],
        [18, HASH, HASH, True, 0, 0],
        [19, HASH, HASH, [HASH, bytes(32)]],
        [19, HASH, HASH, [HASH, HASH]],
        [19, HASH, HASH, [number.to_bytes(32, "big") for number in range(51)]],
        [23, [], *TERMS, []],
        [23, [HASH, HASH], *TERMS, []],
        [23, [bytes(32), b"b" * 32, b"a" * 32], *TERMS, []],
        [23, [number.to_bytes(32, "big") for number in range(9)], *TERMS, []],
        [23, [HASH], *TERMS, [[HASH, 0]]],
        [23, [HASH], *TERMS, [[HASH, MAX_ID_SEQ + 1]]],
        [23, [HASH], *TERMS, [[HASH, 1], [HASH, 2]]],
        [23, [HASH], *TERMS, [[HASH, 1], [bytes(32), 2]]],
        [23, [HASH], *TERMS, [[number.to_bytes(32, "big"), 1] for number in range(41)]],
        [26, HASH, HASH, HASH, []],
        [28, HASH],
        [15, HASH],
        [True, HASH],
    ],
)
def test_a_statement_that_breaks_a_rule_says_nothing(content: list[object]):
    if content[0] is True:
        body = SALT + encode(content)
        assert said_as(body) is None
    else:
        assert said(*content) is None


def test_statements_are_composed_by_the_same_rules():
    with pytest.raises(InvalidStatement):
        statements.compose_grant(SALT, Grant(STATE, HASH, 51, 0, 0))
    with pytest.raises(InvalidStatement):
        statements.compose_certificate(SALT, HASH, "", SIGNATURE)
    with pytest.raises(InvalidStatement):
        statements.compose_settlement(SALT, STATE, HASH, [RootId(bytes([each]) * 32) for each in range(51)])
    with pytest.raises(InvalidStatement):
        statements.compose_end(
            SALT, STATE, HASH, [make_cut(number.to_bytes(32, "big"), []) for number in range(17)]
        )


def test_what_does_not_fit_an_entry_cannot_be_signed():
    ends = [LogEnd(LogNo(log), 1, EntryId(HASH)) for log in range(32)]
    cuts = [make_cut(AuthorId(bytes([each]) * 32), ends) for each in range(2)]
    body = statements.compose_end(SALT, STATE, HASH, cuts)
    with pytest.raises(TooLarge):
        sign(ALICE.key, NETWORK, LOG_ID, 2, HASH, body, 5)


def test_an_id_log_of_a_certificate_alone_makes_a_device_and_no_more():
    roster = Roster(FEDERATION.charter)
    eve = FEDERATION.newcomer("eve")
    roster.add(eve.log)
    device = roster.device(eve.id)
    assert device is not None
    assert (device.name, device.root, device.standing) == ("laptop", eve.citizen.root, 0)


# --- laws -------------------------------------------------------------------------------------------


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(LOG) - 1), st.integers(0, 2**20))
def test_a_flipped_bit_is_another_statement_or_none_but_no_error(position: int, bit: int):
    entry = LOG[position]
    body = bytearray(entry.body or b"")
    place = 16 * 8 + bit % ((len(body) - 16) * 8)
    body[place // 8] ^= 1 << place % 8
    flipped = sign_as(entry, bytes(body))
    before = statements.read(entry, NETWORK_OF_LOG, ROOT_OF_LOG)
    after = statements.read(flipped, NETWORK_OF_LOG, ROOT_OF_LOG)
    assert before is not None
    assert after is None or after.statement != before.statement


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([0, 5, 6]), st.integers(0, 2**20))
@example(0, 0)
def test_no_flipped_bit_leaves_what_a_root_has_signed(position: int, bit: int):
    """Of a certificate only the device's name is not signed by the root: the entry's signature covers it."""
    entry = LOG[position]
    body = bytearray(entry.body or b"")
    place = 16 * 8 + bit % ((len(body) - 16) * 8)
    body[place // 8] ^= 1 << place % 8
    after = statements.read(sign_as(entry, bytes(body)), NETWORK_OF_LOG, ROOT_OF_LOG)
    if after is not None:
        assert isinstance(after.statement, statements.Certificate)
        assert after.statement.root == ROOT_OF_LOG


def test_a_claim_fits_the_grant_device_and_root_that_it_was_signed_for():
    invite = FEDERATION.invite(ALICE)
    bob = FEDERATION.join("bob of the claim", invite)
    said = statements.read(bob.log[1], NETWORK)
    assert said is not None
    grant = Grant(STATE, bare.invite_key(invite.secret).author, 1, 0, 0)
    statements.check_claim(said, grant, NETWORK)
    claim = said.statement
    assert isinstance(claim, Claim)
    for other in (
        said._replace(device=ALICE.id),
        said._replace(statement=claim._replace(grant=HASH)),
        said._replace(statement=claim._replace(root=HASH)),
        said._replace(statement=claim._replace(hub=HASH)),
        said._replace(statement=claim._replace(nonce=b"n" * 16)),
    ):
        with pytest.raises(Exception, match="signature"):
            statements.check_claim(other, grant, NETWORK)
    with pytest.raises(Exception, match="signature"):
        statements.check_claim(said, grant, NETWORK_OF_LOG)


VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**63), 2**64 - 1),
        st.binary(max_size=70),
        st.text(max_size=70),
        st.sampled_from([HASH, bytes(32), SIGNATURE, SALT]),
    ),
    lambda inner: st.lists(inner, max_size=6),
    max_leaves=20,
)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.just(16), st.integers(14, 29)), st.lists(VALUES, max_size=8))
def test_noise_that_is_well_formed_raises_nothing(kind: int, values: list[object]):
    body = make_body(SALT, [kind, *values])
    if len(body) <= MAX_ID_BODY_BYTES:
        said_as(body, 1 if kind == 16 else 2)


@settings(max_examples=200, deadline=None)
@given(st.binary(min_size=1, max_size=200))
def test_noise_raises_nothing(content: bytes):
    said_as(SALT + content)
    said_as(SALT + content, 1)
    with pytest.raises(InvalidStatement):
        read_inception(content)
    with pytest.raises(InvalidStatement):
        read_cut(content)


def test_limits_are_those_of_the_page():
    assert (limits.MAX_USES, limits.MAX_STEWARDS, limits.MAX_DEVICES) == (50, 15, 16)
    assert (limits.MAX_STANDING_CLAIMS, limits.MAX_CANDIDATES) == (64, 8)
    assert Cut(ALICE.id, ()).encode() == encode([ALICE.id, []])


def sign_as(entry: Entry, body: bytes) -> Entry:
    """The same entry with another body, as its author would have signed it."""
    device = Federation().stewards[0][0]
    assert device.id == entry.author
    again = sign(device.key, NETWORK_OF_LOG, LOG_ID, entry.seq, entry.back, body, entry.time_ms)
    return parse(again.header, again.signature, body)
