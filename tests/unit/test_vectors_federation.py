"""The frozen vectors of `docs/protocol/federation.md`, read as a second implementation would read them."""

import hashlib
import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import nacl.signing
import pytest

from gossip.errors import RemoteFault
from node.errors import NodeError
from node.federation import bare, code, guest_messages, passport
from node.federation.inception import read_inception
from node.federation.names import InvalidStatement, RootId
from node.federation.phrase import read_phrase
from node.federation.roster import Roster
from node.federation.safety import member_number, safety_number
from node.federation.statements import Grant, Said, check_claim, read
from store import charter
from store.codec import decode
from store.entry import Entry, parse
from store.errors import StoreError
from store.ids import LOG_FEED, LOG_ID, AuthorId, EntryId, NetworkId
from store.log import LogId

FOLDER = Path(__file__).parents[1] / "vectors"
NAMES = ("federation-accept.json", "federation-refuse.json")

Case = dict[str, Any]

ACCEPT, REFUSE = (json.loads((FOLDER / name).read_text(encoding="utf-8"))["cases"] for name in NAMES)


def named(cases: list[Case]) -> list[Any]:
    return [
        pytest.param(case, id=f"{case['what']}: {case['name']}".encode("ascii", "replace").decode())
        for case in cases
    ]


def raw(case: Case, name: str) -> bytes:
    return bytes.fromhex(case[name])


def entry_of(parts: Case) -> Entry:
    return parse(raw(parts, "header"), raw(parts, "signature"), raw(parts, "body"))


def as_json(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if hasattr(value, "_asdict"):
        return {name: as_json(item) for name, item in value._asdict().items()}
    return [as_json(item) for item in value] if isinstance(value, tuple | list) else value


def roster_of(case: Case) -> Roster:
    roster = Roster(charter.parse(raw(case, "charter")))
    for log in case["logs"]:
        roster.add([entry_of(parts) for parts in log])
    return roster


# --- one by one -----------------------------------------------------------------------------------------


def accept_phrase(case: Case) -> None:
    assert read_phrase(case["phrase"]) == raw(case, "entropy")
    assert bare.root_key(raw(case, "entropy")).author == raw(case, "root")


def accept_secret(case: Case) -> None:
    assert bare.invite_key(raw(case, "secret")).author == raw(case, "key")


def check_inception(case: Case) -> None:
    found = read_inception(raw(case, "data"), NetworkId(raw(case, "network")))
    assert found.section.hex() == case["section"]
    assert as_json(found.terms) == case["terms"]


def check_statement(case: Case) -> None:
    entry, network = entry_of(case["entry"]), NetworkId(raw(case, "network"))
    entry.check_signature(network)
    said = read(entry, network, RootId(raw(case, "root")))
    if said is None:
        raise InvalidStatement("it says nothing")
    assert entry.body is not None
    content = decode(entry.body[16:], 2_048, 256)
    assert isinstance(content, tuple)
    assert content[0] == case["kind"]
    fields = as_json(said.statement)
    if "inception" in fields:
        fields = {"data": fields["inception"]["data"], "section": fields["inception"]["section"]}
    assert fields == case["fields"]


def check_claim_case(case: Case) -> None:
    network = NetworkId(raw(case, "network"))
    said = [read(entry_of(case[name]), network) for name in ("grant", "claim")]
    grant, claim = said
    assert isinstance(grant, Said)
    assert isinstance(claim, Said)
    assert isinstance(grant.statement, Grant)
    check_claim(claim, grant.statement, network)


def check_return(case: Case) -> None:
    hub, device = AuthorId(raw(case, "hub")), AuthorId(raw(case, "device"))
    message = bare.return_message(hub, device, raw(case, "nonce"))
    bare.check(raw(case, "root"), raw(case, "signature"), message)


def check_passport(case: Case) -> None:
    member = passport.check(raw(case, "data"), roster_of(case), AuthorId(raw(case, "device")))
    assert member.hex() == case["member"]
    assert len(raw(case, "data")) <= 1_200


def check_message(case: Case) -> None:
    message = guest_messages.parse(raw(case, "data"))
    fields = as_json(message)
    if isinstance(message, guest_messages.Entries):
        parts = ("header", "signature", "body")
        fields = {"entries": [{name: each[name] for name in parts} for each in fields["entries"]]}
    assert fields == case["fields"]
    assert guest_messages.encode_message(message) == raw(case, "data")


def check_code(case: Case) -> None:
    found = code.parse(case["read"])
    assert as_json(found) == case["fields"]
    assert code.encode(found) == case["text"]


def accept_safety(case: Case) -> None:
    network = NetworkId(raw(case, "network"))
    one, other = (RootId(bytes.fromhex(root)) for root in case["roots"])
    assert [member_number(network, root) for root in (one, other)] == case["members"]
    assert safety_number(network, one, other) == case["number"]


def accept_roster(case: Case) -> None:
    logs = [[entry_of(parts) for parts in log] for log in case["logs"]]
    steps = [[entry] for entry in itertools.chain.from_iterable(itertools.zip_longest(*logs)) if entry]
    for order in (logs, logs[::-1], steps, [log[number:][:1] for number in range(8) for log in logs[::-1]]):
        roster = Roster(charter.parse(raw(case, "charter")))
        for run in order:
            if run and run[0].seq == roster.held(run[0].author) + 1:
                roster.add(run)
                roster.digest()
        for log in logs:
            rest = log[roster.held(log[0].author) :]
            if rest:
                roster.add(rest)
        compare_roster(roster, case)


def compare_roster(roster: Roster, case: Case) -> None:
    for each in case["devices"]:
        device = AuthorId(raw(each, "device"))
        assert roster.standing(device).name.lower() == each["standing"]
        assert as_json(roster.member_of(device)) == each["member"]
        assert [roster.last_good(LogId(device, log)) for log in (LOG_ID, LOG_FEED)] == each["good"]
    members = [as_json(member) for member in roster.members()]
    shown = ("id", "root", "sections", "left")
    assert [{name: member[name] for name in shown} for member in members] == case["members"]
    sections = [as_json(section) for section in roster.sections()]
    shown = ("id", "state", "valid", "rivals", "terms")
    assert [{name: section[name] for name in shown} for section in sections] == case["sections"]
    for grant in case["grants"]:
        found = roster.grant(EntryId(raw(grant, "entry")))
        assert found is not None
        assert found.counts is grant["counts"]
        assert [claim.entry.hex() for claim in found.claims if claim.stands] == grant["standing"]
    assert len(roster.grants()) == len(case["grants"])


CHECKS = {
    "phrase": accept_phrase,
    "secret": accept_secret,
    "inception": check_inception,
    "statement": check_statement,
    "claim": check_claim_case,
    "return": check_return,
    "passport": check_passport,
    "message": check_message,
    "code": check_code,
    "safety": accept_safety,
    "roster": accept_roster,
}


@pytest.mark.parametrize("case", named(ACCEPT))
def test_what_must_be_accepted_is(case: Case) -> None:
    CHECKS[case["what"]](case)


@pytest.mark.parametrize("case", named(REFUSE))
def test_what_must_be_refused_is_with_the_error_that_is_named(case: Case) -> None:
    with pytest.raises((StoreError, NodeError, RemoteFault)) as caught:
        CHECKS[case["what"]](case)
    assert type(caught.value).__name__ == case["error"]
    if isinstance(caught.value, passport.BadPassport):
        assert caught.value.code == case["code"]


def test_the_script_still_writes_the_frozen_bytes(tmp_path: Path) -> None:
    command = [sys.executable, str(FOLDER / "make_federation_vectors.py"), str(tmp_path)]
    subprocess.run(command, check=True, timeout=120)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(NAMES)
    for name in NAMES:
        assert (tmp_path / name).read_bytes() == (FOLDER / name).read_bytes()


def test_the_files_hold_cases_of_every_sort() -> None:
    assert {case["what"] for case in ACCEPT} == set(CHECKS)
    assert {case["what"] for case in REFUSE} == set(CHECKS) - {"secret", "safety", "roster"}
    assert len(ACCEPT) > 80
    assert len(REFUSE) > 100
    kinds = {case["kind"] for case in ACCEPT if case["what"] == "statement"}
    assert kinds == set(range(16, 28))


# --- from the words of the specification ------------------------------------------------------------------


def blake(data: bytes, key: bytes = b"") -> bytes:
    return hashlib.blake2b(data, digest_size=32, key=key).digest()


def test_keys_follow_from_the_words_of_the_specification() -> None:
    """Nothing of ours is called."""
    for case in ACCEPT:
        if case["what"] == "phrase":
            seed = blake(raw(case, "entropy"), b"asterism/root/1")
            assert bytes(nacl.signing.SigningKey(seed).verify_key).hex() == case["root"]
        if case["what"] == "secret":
            seed = blake(raw(case, "secret"), b"asterism/invite/1")
            assert bytes(nacl.signing.SigningKey(seed).verify_key).hex() == case["key"]


def test_ids_and_signatures_follow_from_the_words_of_the_specification() -> None:
    for case in ACCEPT:
        if case["what"] == "inception":
            data = raw(case, "data")
            inner = data[3 : 3 + data[2]]
            assert blake(b"asterism/section/1\0" + raw(case, "network") + inner).hex() == case["section"]
            signatures = [data[-64 - 66 * at :][:64] for at in range(data[3 + data[2]] - 0x90)][::-1]
            for root, signature in zip(case["terms"]["stewards"], signatures, strict=True):
                signed = b"asterism/inception/1\0" + raw(case, "network") + inner
                nacl.signing.VerifyKey(bytes.fromhex(root)).verify(signed, signature)
        if case["what"] == "statement" and "act" in case["fields"] and case["kind"] != 27:
            content = raw(case["entry"], "body")[16:]
            act = blake(b"asterism/act/1\0" + raw(case, "network") + content)
            assert act.hex() == case["fields"]["act"]
        if case["what"] == "return":
            signed = b"asterism/return/1\0" + raw(case, "hub") + raw(case, "device") + raw(case, "nonce")
            nacl.signing.VerifyKey(raw(case, "root")).verify(signed, raw(case, "signature"))
