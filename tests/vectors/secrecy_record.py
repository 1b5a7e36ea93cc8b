"""What the vectors of secrecy accept: keys that are fixed here, and what was encrypted under them."""

import base64
import hashlib
import hmac
import io
import json
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from node.secrecy import envelope, padding, streams
from node.secrecy.broadcast import Receiver, Sender
from node.secrecy.pairwise import Account, Pair

Case = dict[str, Any]
PICKLE_KEY = bytes(range(32))
INFO = b"asterism/packet/1\x00" + bytes([1]) * 32 + bytes([2]) * 32 + bytes([23])
PASSPHRASE = "отличный crème brûlée 2026"
WORDS = "Tomorrow at six, at the depot. Завтра в шесть. 明天六点。".encode()


def key_of(name: str, size: int = 32) -> bytes:
    """A fixed private key."""
    return hashlib.shake_256(name.encode()).digest(size)


def account_of(identity: bytes, fallback: bytes, before: bytes | None = None) -> bytes:
    """What `Account.dump` gives for these private Curve25519 keys, 32 bytes each, under `PICKLE_KEY`."""

    def kept(number: int, key: bytes) -> dict[str, Any]:
        return {"key_id": number, "key": list(key), "published": True}

    parts = {
        "signing_key": {"Normal": list(key_of("signing, which nothing here uses"))},
        "diffie_hellman_key": list(identity),
        "one_time_keys": {"next_key_id": 0, "public_keys": {}, "private_keys": {}},
        "fallback_keys": {
            "key_id": 2,
            "fallback_key": kept(1, fallback),
            "previous_fallback_key": None if before is None else kept(0, before),
        },
    }
    plain = json.dumps(parts).encode()
    plain += bytes([16 - len(plain) % 16]) * (16 - len(plain) % 16)
    keys = HKDF(hashes.SHA256(), 80, b"", b"Pickle").derive(PICKLE_KEY)
    cipher = Cipher(algorithms.AES(keys[:32]), modes.CBC(keys[64:])).encryptor()
    sealed = cipher.update(plain) + cipher.finalize()
    sealed += hmac.digest(keys[32:64], sealed, "sha256")[:8]
    return public_of(fallback) + base64.b64encode(sealed).rstrip(b"=")


def public_of(private: bytes) -> bytes:
    """The public key of a Curve25519 key."""
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def cases() -> list[Case]:
    """Everything, with new chance where the libraries take it."""
    return [*_envelopes(), *_olm(), *_kept(), *_megolm(), *_paddings(), *_streams(), _bundle()]


def _bundle() -> Case:
    return {
        "what": "bundle",
        "name": "keys of a device",
        "identity": public_of(key_of("bob's identity")).hex(),
        "fallback": public_of(key_of("bob's fallback")).hex(),
        "envelope": envelope.public_of(key_of("bob's envelope", 96)).hex(),
    }


def _envelopes() -> list[Case]:
    private = key_of("bob's envelope", 96)
    public = envelope.public_of(private)
    return [
        {
            "what": "envelope",
            "name": name,
            "private": private.hex(),
            "public": public.hex(),
            "info": info.hex(),
            "sealed": envelope.seal(public, info, data).hex(),
            "data": data.hex(),
        }
        for name, info, data in (
            ("nothing, for nothing", b"", b""),
            ("a text in a packet", INFO, WORDS),
            ("a whole class of padding", INFO, padding.pad(WORDS, padding.PACKET_CLASSES)),
        )
    ]


def _olm() -> list[Case]:
    alice = Account.load(account_of(key_of("alice's identity"), key_of("alice's fallback")), PICKLE_KEY)
    bobs = [key_of(name) for name in ("bob's identity", "bob's fallback", "bob's old fallback")]
    found = []
    for name, fallback in (
        ("to the fallback key", "bob's fallback"),
        ("to the one before", "bob's old fallback"),
    ):
        pair = Pair.outbound(alice, public_of(key_of("bob's identity")), public_of(key_of(fallback)))
        said = [WORDS, b"", b"third"]
        found.append(
            {
                "what": "olm",
                "name": name,
                "identity": key_of("bob's identity").hex(),
                "fallback": key_of("bob's fallback").hex(),
                "fallback_before": key_of("bob's old fallback").hex(),
                "pickle_key": PICKLE_KEY.hex(),
                "account": account_of(*bobs).hex(),
                "sender": alice.identity.hex(),
                "session": pair.id.decode(),
                "messages": [_message(*pair.encrypt(data), data) for data in said],
            }
        )
    return found


def _message(kind: int, message: bytes, data: bytes) -> Case:
    return {"type": kind, "message": message.hex(), "data": data.hex()}


def _kept() -> list[Case]:
    """State as a home keeps it, and what came after: homes of today go on with the libraries of tomorrow."""
    alice, bob = Account.new(), Account.new()
    there = Pair.outbound(alice, bob.identity, bob.fallback)
    first = there.encrypt(b"first")
    back, _ = Pair.inbound(bob, alice.identity, first[1])
    there.decrypt(*back.encrypt(b"second"))
    sender = Sender.new()
    receiver = Receiver.from_key(sender.key())
    kept = {
        "what": "kept",
        "name": "an account, a pair, and both ends of a broadcast",
        "pickle_key": PICKLE_KEY.hex(),
        "account": bob.dump(PICKLE_KEY).hex(),
        "identity": bob.identity.hex(),
        "fallback": bob.fallback.hex(),
        "sender_identity": alice.identity.hex(),
        "first": _message(*first, b"first"),
        "pair": back.dump(PICKLE_KEY).hex(),
        "next": _message(*there.encrypt(WORDS), WORDS),
        "sender": sender.dump(PICKLE_KEY).hex(),
        "receiver": receiver.dump(PICKLE_KEY).hex(),
        "tag": sender.tag.hex(),
        "said": sender.encrypt(WORDS).hex(),
        "data": WORDS.hex(),
    }
    return [kept]


def _megolm() -> list[Case]:
    sender = Sender.new()
    key = sender.key()
    receiver = Receiver.from_key(key)
    said = [WORDS, b"", padding.pad(b"third", padding.MESSAGE_CLASSES), b"fourth"]
    messages = [
        {"index": index, "message": sender.encrypt(data).hex(), "data": data.hex()}
        for index, data in enumerate(said)
    ]
    keys = (
        ("a key as its sender gives it out", key, 0),
        ("a key as a reader gives it out", receiver.export_at(0), 0),
        ("a key from a place on", receiver.export_at(2), 2),
        ("a key as its sender gives it out later", sender.key(), 4),
    )
    return [
        {
            "what": "megolm",
            "name": name,
            "key": data.hex(),
            "tag": sender.tag.hex(),
            "first": first,
            "messages": messages[first:],
            "closed": messages[:first],
        }
        for name, data, first in keys
    ]


def _paddings() -> list[Case]:
    found = []
    for name, classes in (("message", padding.MESSAGE_CLASSES), ("packet", padding.PACKET_CLASSES)):
        for data in (b"", WORDS, b"\x80" + bytes(20), b"a" * (classes[0] - 1), b"a" * classes[0]):
            found.append(
                {
                    "what": "padding",
                    "name": f"{len(data)} bytes for a {name}",
                    "classes": list(classes),
                    "data": data.hex(),
                    "padded": padding.pad(data, classes).hex(),
                }
            )
    return found


def _streams() -> list[Case]:
    key = key_of("a file's key")
    found = []
    for name, data, padded in (
        ("an empty file, padded", b"", True),
        ("a short file, padded", WORDS, True),
        ("a short file as it is", WORDS, False),
    ):
        sealed = streams.Sealing(io.BytesIO(data), key, padded=padded).read(1 << 20)
        size = len(data) if padded else None
        found.append(_stream("stream", name, {"key": key.hex(), "plain_bytes": size}, sealed, data))
    head = streams.new_head(streams.LIGHT)
    behind = streams.Sealing(io.BytesIO(WORDS), streams.key_behind(head, PASSPHRASE), padded=False)
    file = head + behind.read(1 << 20)
    found.append(_stream("archive", "a file behind a passphrase", {"passphrase": PASSPHRASE}, file, WORDS))
    return found


def _stream(what: str, name: str, more: Case, sealed: bytes, data: bytes) -> Case:
    return {"what": what, "name": name, **more, "sealed": sealed.hex(), "data": data.hex()}
