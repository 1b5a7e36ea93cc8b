"""The frozen vectors of `docs/protocol/secrecy.md`: what was encrypted once is opened by every version."""

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from node.secrecy import bundles, envelope, padding, streams
from node.secrecy.broadcast import Receiver, Sender
from node.secrecy.errors import BadBundle, Unopenable
from node.secrecy.pairwise import PRE_KEY, Account, Pair

FOLDER = Path(__file__).parents[1] / "vectors"
NAMES = ("secrecy-accept.json", "secrecy-refuse.json")
ACCEPT, REFUSE = (json.loads((FOLDER / name).read_text(encoding="utf-8"))["cases"] for name in NAMES)

Case = dict[str, Any]


def cases_of(cases: list[Case], what: str) -> list[Any]:
    found = [pytest.param(case, id=ascii(case["name"])) for case in cases if case["what"] == what]
    assert found
    return found


def part(case: Case, name: str) -> bytes:
    return bytes.fromhex(case[name])


# --- bundles, envelopes, padding ----------------------------------------------------------------------


def bundle_of(case: Case) -> bundles.Bundle:
    return bundles.Bundle(part(case, "identity"), part(case, "fallback"), part(case, "envelope"))


@pytest.mark.parametrize("case", cases_of(ACCEPT, "bundle"))
def test_published_keys_are_good(case: Case) -> None:
    bundles.check(bundle_of(case))


@pytest.mark.parametrize("case", cases_of(REFUSE, "bundle"))
def test_published_keys_that_break_a_rule_are_refused(case: Case) -> None:
    with pytest.raises(BadBundle):
        bundles.check(bundle_of(case))


@pytest.mark.parametrize("case", cases_of(ACCEPT, "envelope"))
def test_an_envelope_opens(case: Case) -> None:
    private = part(case, "private")
    assert envelope.public_of(private) == part(case, "public")
    assert envelope.open_(private, part(case, "info"), part(case, "sealed")) == part(case, "data")


@pytest.mark.parametrize("case", cases_of(REFUSE, "envelope"))
def test_an_envelope_that_breaks_a_rule_stays_closed(case: Case) -> None:
    with pytest.raises(Unopenable):
        envelope.open_(part(case, "private"), part(case, "info"), part(case, "sealed"))


@pytest.mark.parametrize("case", cases_of(ACCEPT, "padding"))
def test_padding_is_what_it_was(case: Case) -> None:
    assert padding.pad(part(case, "data"), case["classes"]) == part(case, "padded")
    assert padding.unpad(part(case, "padded")) == part(case, "data")
    assert tuple(case["classes"]) in (padding.MESSAGE_CLASSES, padding.PACKET_CLASSES)


@pytest.mark.parametrize("case", cases_of(REFUSE, "padding"))
def test_what_is_no_padding_is_refused(case: Case) -> None:
    with pytest.raises(Unopenable):
        padding.unpad(part(case, "padded"))


# --- one device to another, and to many ---------------------------------------------------------------


def recipient(case: Case) -> Account:
    """The account of the case, which has the private keys that the case names."""
    account = Account.load(part(case, "account"), part(case, "pickle_key"))
    for public, name in ((account.identity, "identity"), (account.fallback, "fallback")):
        private = X25519PrivateKey.from_private_bytes(part(case, name))
        assert private.public_key().public_bytes_raw() == public
    return account


@pytest.mark.parametrize("case", cases_of(ACCEPT, "olm"))
def test_a_session_with_fixed_keys_begins_and_goes_on(case: Case) -> None:
    account = recipient(case)
    [first, second, third] = [(each["type"], part(each, "message")) for each in case["messages"]]
    said = [part(each, "data") for each in case["messages"]]
    pair, plain = Pair.inbound(account, part(case, "sender"), first[1])
    assert pair.id.decode() == case["session"]
    assert [plain, pair.decrypt(*third), pair.decrypt(*second)] == [said[0], said[2], said[1]]
    with pytest.raises(Unopenable):
        pair.decrypt(*second)


@pytest.mark.parametrize("case", cases_of(REFUSE, "olm"))
def test_a_first_message_that_breaks_a_rule_begins_nothing(case: Case) -> None:
    [message] = case["messages"]
    account, sender, data = recipient(case), part(case, "sender"), part(message, "message")
    if message["type"] == PRE_KEY:
        with pytest.raises(Unopenable):
            Pair.inbound(account, sender, data)
    else:
        other = Pair.outbound(account, sender, sender)
        with pytest.raises(Unopenable):
            other.decrypt(message["type"], data)


@pytest.mark.parametrize("case", cases_of(ACCEPT, "kept"))
def test_a_home_goes_on_with_what_it_kept(case: Case) -> None:
    key = part(case, "pickle_key")
    account = Account.load(part(case, "account"), key)
    assert (account.identity, account.fallback) == (part(case, "identity"), part(case, "fallback"))
    first, following = case["first"], case["next"]
    again = Pair.inbound(account, part(case, "sender_identity"), part(first, "message"))
    assert again[1] == part(first, "data")
    pair = Pair.load(part(case, "pair"), key)
    assert pair.id == again[0].id
    assert pair.decrypt(following["type"], part(following, "message")) == part(following, "data")
    sender, receiver = Sender.load(part(case, "sender"), key), Receiver.load(part(case, "receiver"), key)
    assert sender.tag == receiver.tag == part(case, "tag")
    assert receiver.decrypt(part(case, "said")) == (0, part(case, "data"))
    assert receiver.decrypt(sender.encrypt(b"now")) == (0, b"now")


@pytest.mark.parametrize("case", cases_of(ACCEPT, "megolm"))
def test_a_key_opens_what_was_said_from_its_place_on(case: Case) -> None:
    receiver = Receiver.from_key(part(case, "key"))
    assert (receiver.first, receiver.tag) == (case["first"], part(case, "tag"))
    for each in reversed(case["messages"]):
        assert receiver.decrypt(part(each, "message")) == (each["index"], part(each, "data"))
    for each in case["closed"]:
        with pytest.raises(Unopenable):
            receiver.decrypt(part(each, "message"))


@pytest.mark.parametrize("case", cases_of(REFUSE, "megolm"))
def test_a_key_or_a_message_that_breaks_a_rule_is_refused(case: Case) -> None:
    if not case["closed"]:
        with pytest.raises(Unopenable):
            Receiver.from_key(part(case, "key"))
    for each in case["closed"]:
        with pytest.raises(Unopenable):
            Receiver.from_key(part(case, "key")).decrypt(part(each, "message"))


# --- files --------------------------------------------------------------------------------------------


def content_of(case: Case) -> bytes:
    source = io.BytesIO(part(case, "sealed"))
    if case["what"] == "archive":
        key, size = streams.key_behind(streams.read_head(source), case["passphrase"]), None
    else:
        key, size = part(case, "key"), case["plain_bytes"]
    return b"".join(streams.opened(source, key, size))


@pytest.mark.parametrize("case", cases_of(ACCEPT, "stream") + cases_of(ACCEPT, "archive"))
def test_a_sealed_file_opens(case: Case) -> None:
    assert content_of(case) == part(case, "data")


@pytest.mark.parametrize("case", cases_of(REFUSE, "stream") + cases_of(REFUSE, "archive"))
def test_a_sealed_file_that_breaks_a_rule_is_refused(case: Case) -> None:
    with pytest.raises((Unopenable, streams.NoArchive)):
        content_of(case)


def test_what_is_refused_is_what_the_script_writes(tmp_path: Path) -> None:
    command = [sys.executable, str(FOLDER / "make_secrecy_vectors.py"), str(tmp_path)]
    subprocess.run(command, check=True, cwd=FOLDER)
    written = (tmp_path / "secrecy-refuse.json").read_bytes()
    assert written == (FOLDER / "secrecy-refuse.json").read_bytes()
