"""Messages as values with their one encoding, for sync-reencode.json and gossip-reencode.json.

A value is written in JSON as in entry-reencode.json.
"""

import struct
from collections.abc import Iterator
from typing import Any

from entry_reencode import tagged
from gossip_samples import encoded_announcements, encoded_push, encoded_sync
from gossip_sides import Case

from gossip.proto.limits import MAX_FRAME_BYTES, MAX_FRAME_ITEMS
from store.codec import decode, encode

SHOWN = 600
"""Messages up to this size are given with other encodings of their values; longer ones would only repeat."""


def wide(value: Any, sort: type) -> bytes:
    """An encoding of `value` in which everything of one sort (list, bytes, str, int) has a longer form."""
    match value:
        case tuple():
            head = b"\xdc" + struct.pack(">H", len(value)) if sort is tuple else encode([None] * len(value))
            shortest = head[: len(head) - (0 if sort is tuple else len(value))]
            return shortest + b"".join(wide(item, sort) for item in value)
        case bool() | None:
            return encode(value)
        case bytes() if sort is bytes and len(value) < 2**16:
            return b"\xc6" + struct.pack(">I", len(value)) + value
        case str() if sort is str:
            data = value.encode()
            return b"\xdb" + struct.pack(">I", len(data)) + data
        case int() if sort is int and 0 <= value < 2**32:
            return b"\xcf" + struct.pack(">Q", value)
        case _:
            return encode(value)


def other_forms(value: Any, data: bytes) -> Iterator[Case]:
    """Encodings of the value that are not its one encoding."""
    named: dict[str, type] = {
        "lists with a 16-bit length": tuple,
        "bytes with a 32-bit length": bytes,
        "text with a 32-bit length": str,
        "numbers in eight bytes": int,
    }
    for why, sort in named.items():
        if (other := wide(value, sort)) != data:
            yield {"why": why, "data": other.hex()}
    yield {"why": "a byte after the end", "data": (data + b"\x00").hex()}
    yield {"why": "the last byte missing", "data": data[:-1].hex()}


def forms(what: str, messages: dict[str, bytes]) -> Iterator[Case]:
    """Each message as a value, its bytes, and other bytes that are refused."""
    for name, data in messages.items():
        value: Any = decode(data, MAX_FRAME_BYTES, MAX_FRAME_ITEMS)
        refused = list(other_forms(value, data)) if len(data) <= SHOWN else []
        yield {"what": what, "name": name, "value": tagged(value), "data": data.hex(), "refused": refused}


def sync_values() -> list[Case]:
    """Messages of the sync stream."""
    return list(forms("sync message", encoded_sync()))


def gossip_values() -> list[Case]:
    """Messages of the push stream, and announcements."""
    return [
        *forms("push message", encoded_push()),
        *forms("announcement", encoded_announcements()),
    ]
