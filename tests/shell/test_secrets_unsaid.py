"""Secrets stand in no log, whatever level, in no error, and in no text form of what holds them."""

import logging
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import trio

from node import keyring
from node.apps.messenger.bodies import Attachment, History, Key, text_of_content
from node.errors import Missing, NodeError
from node.messaging.archive_api import ArchiveApi
from node.messaging.history import Offer
from node.secrecy import envelope, streams
from node.secrecy.broadcast import Receiver, Sender
from node.secrecy.envelope import EnvelopeKey
from node.secrecy.errors import SecrecyError
from node.secrecy.pairwise import Account, Pair
from node.testing.citizens import Citizen, found, inception
from node.testing.gatherings import gathering, meet
from node.testing.nodes import Node
from store.ids import AuthorId, to_text

ALICE, BOB = Citizen("Alice"), Citizen("Bob")
TOWN = found([inception("Lyon", [ALICE]), inception("Berlin", [BOB])])
WORDS = "the meeting is behind the bakery"
PASSPHRASE = "several unusual words for a file"

Json = dict[str, Any]


async def result(stream: Any) -> Json:
    """The last line of a stream."""
    *_, last = [each async for each in stream]
    return dict(last)


def forms(secret: bytes) -> list[str]:
    """How a secret might be written down."""
    return [secret.hex(), to_text(secret) if len(secret) == 32 else secret.hex(), repr(secret)[2:-1]]


@pytest.mark.parametrize(
    "holder",
    [
        Attachment(b"b" * 32, 5, b"SECRET" * 5 + b"ab", "name", "type", 5),
        Key(b"c" * 16, b"SECRET" * 30),
        History(b"b" * 32, 5, b"SECRET" * 5 + b"ab"),
        Offer("name", AuthorId(b"d" * 32), b"b" * 32, 5, b"SECRET" * 5 + b"ab"),
        keyring.Keys(b"SECRET" * 5 + b"ab", b"SECRET" * 5 + b"ab"),
        EnvelopeKey(b"SECRET" * 16),
    ],
)
def test_what_holds_a_key_does_not_print_it(holder: object) -> None:
    assert "SECRET" not in f"{holder!r} {holder}"


def test_ratchets_print_nothing_of_themselves() -> None:
    account, other, sender = Account.new(), Account.new(), Sender.new()
    pair = Pair.outbound(account, other.identity, other.fallback)
    for each in (account, pair, sender, Receiver.from_key(sender.key())):
        assert repr(each) == f"{type(each).__name__}(…)"


def test_an_error_about_a_secret_says_neither_the_secret_nor_how_far_it_got() -> None:
    private, account, sender = envelope.new_key(), Account.new(), Sender.new()
    sealed = envelope.seal(envelope.public_of(private), b"info", b"data")
    key = streams.new_key()
    receiver = Receiver.from_key(sender.key())
    told = set()
    for attempt in (
        lambda: envelope.open_(private, b"other", sealed),
        lambda: envelope.open_(envelope.new_key(), b"info", sealed),
        lambda: envelope.open_(private, b"info", sealed[:40]),
        lambda: Pair.inbound(account, account.identity, b"noise"),
        lambda: receiver.decrypt(b"noise"),
        lambda: Receiver.from_key(bytes(229)),
        lambda: list(streams.opened(Noise(), key)),
    ):
        with pytest.raises(SecrecyError) as caught:
            attempt()
        told.add(str(caught.value))
        assert caught.value.__cause__ is None
    assert told == {"cannot be opened"}


class Noise:
    def read(self, size: int, /) -> bytes:
        return bytes(size)


async def test_no_log_at_any_level_has_a_word_or_a_key(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(ArchiveApi.__init__, "__defaults__", (streams.LIGHT,))
    caplog.set_level(logging.DEBUG)
    plan, archive = tmp_path / "plan.txt", tmp_path / "messages.aster"
    plan.write_text(WORDS)
    errors = []
    async with gathering(TOWN, ALICE, BOB) as (alice, bob):
        await meet(alice, bob)
        alice.mesh.peer_added(bob.home.device, [bob.address])
        sent = await alice.api.messaging.chat_send("Bob", WORDS, files=[str(plan)])
        await arrived(bob, sent["id"])
        await result(bob.api.archive.chat_save(sent["id"], str(tmp_path / "saved")))
        await result(bob.api.archive.chat_export(str(archive), PASSPHRASE))
        archive.write_bytes(archive.read_bytes()[:-3])
        for passphrase in (PASSPHRASE, "wrong " + PASSPHRASE):
            with pytest.raises(NodeError) as caught:
                await result(bob.api.archive.chat_import(str(archive), passphrase))
            errors.append(f"{caught.value!r} {caught.value.plain()}")
        logging.getLogger("node").debug("the log is written")
        secrets = [each for node in (alice, bob) for each in kept_secrets(node)]
    said = "".join([caplog.text, *map(repr, caplog.records), *errors, *capfd.readouterr()])
    assert "the log is written" in said
    for secret in (WORDS, PASSPHRASE, *secrets):
        assert secret not in said


async def arrived(node: Node, id: str) -> None:
    """Wait until a message is here."""
    with trio.fail_after(60):
        while True:
            news = node.api.messaging.courier.news
            with suppress(Missing):
                await node.api.messaging.chat_show(id)
                return
            await news.wait()


def kept_secrets(node: Node) -> list[str]:
    """The keys of a home, and those in its tables, as they might be written down."""
    found = [node.home.home_key, node.home.device_seed]
    with node.home.entries.views() as views:
        found += [private for (private,) in views.execute("SELECT private FROM chat_envelope_keys")]
        for (content,) in views.execute("SELECT content FROM chat_messages WHERE kind = 1"):
            said = text_of_content(content)
            assert said is not None
            found += [attachment.key for attachment in said.attachments]
    assert len(found) >= 4
    return [form for secret in found for form in forms(secret)]
