"""What the makers of the vectors of `docs/protocol/entry.md` share: fixed keys, entries and logs of them."""

import hashlib
from collections.abc import Sequence
from typing import Any

from make_signature_vectors import BASE, L, challenge, encoded

from store.charter import Charter
from store.crypto import SigningKey
from store.entry import DOMAIN, Entry, make_body, parse, sign
from store.ids import LOG_FEED, NetworkId

Case = dict[str, Any]

CHARTER = Charter("Asterism vectors", bytes(range(16)))
NETWORK = CHARTER.network_id()
OTHER_NETWORK = NetworkId(bytes(32))
ALICE_SEED, BOB_SEED = bytes([1] * 32), bytes([2] * 32)
ALICE, BOB = SigningKey(ALICE_SEED), SigningKey(BOB_SEED)
SALT = bytes(range(16, 32))
TIME_MS = 1_700_000_000_000
BODY = make_body(SALT, [1, "Привет", "ru"])


def post(seq: int, back: bytes, text: str = "hello", key: SigningKey = ALICE, **other: Any) -> Entry:
    """An entry of a feed log, with what `other` says of log, links, network or body."""
    given = {
        "network": NETWORK,
        "log": LOG_FEED,
        "body": make_body(SALT, [1, text, "en"]),
        "time_ms": TIME_MS,
    }
    return sign(key, seq=seq, back=back, **{**given, **other})


def chain(length: int, text: str = "hello", **other: Any) -> list[Entry]:
    """A log of `length` entries from seq 1."""
    entries: list[Entry] = []
    for seq in range(1, length + 1):
        entries.append(post(seq, entries[-1].id if entries else b"", f"{text} {seq}", **other))
    return entries


def spoiled_chain(length: int, bad: int, text: str = "hello") -> list[Entry]:
    """A log whose entry `bad` (from 1) carries a wrong signature that its successors vouch for."""
    entries: list[Entry] = []
    for seq in range(1, length + 1):
        entry = post(seq, entries[-1].id if entries else b"", f"{text} {seq}")
        entries.append(spoiled(entry) if seq == bad else entry)
    return entries


def spoiled(entry: Entry) -> Entry:
    """The entry with one flipped bit in S."""
    signature = bytearray(entry.signature)
    signature[40] ^= 1
    return parse(entry.header, bytes(signature), entry.body)


def shown(entry: Entry, network: NetworkId = NETWORK) -> Case:
    """What a reader needs to check an entry."""
    body = None if entry.body is None else entry.body.hex()
    return {
        "network": network.hex(),
        "header": entry.header.hex(),
        "signature": entry.signature.hex(),
        "body": body,
    }


def pairs(entries: Sequence[Entry]) -> list[list[str]]:
    """Header and signature of each."""
    return [[entry.header.hex(), entry.signature.hex()] for entry in entries]


def second_signature(entry: Entry) -> Entry:
    """The same header, signed again by ALICE with the nonce 1, which only the holder of the key can do."""
    hashed = bytearray(hashlib.sha512(ALICE_SEED).digest()[:32])
    hashed[0] &= 248
    hashed[31] = hashed[31] & 63 | 64
    r = encoded(BASE)
    h = challenge(r, ALICE.author, DOMAIN + NETWORK + entry.header)
    s = (1 + h * int.from_bytes(hashed, "little")) % L
    return parse(entry.header, r + s.to_bytes(32, "little"), entry.body)


def flat(entries: Sequence[Entry]) -> list[bytes]:
    """Header, signature, header, signature, …"""
    return [part for entry in entries for part in (entry.header, entry.signature)]


def sorted_pair(*entries: Entry) -> list[Entry]:
    """By id."""
    return sorted(entries, key=lambda entry: entry.id)


def signature_case(name: str, key: bytes, signature: bytes, message: bytes) -> Case:
    """A bare signature."""
    return {
        "what": "signature",
        "name": name,
        "key": key.hex(),
        "signature": signature.hex(),
        "message": message.hex(),
    }
