"""Values with their one encoding, and encodings that are refused, for entry-reencode.json.

A value is written in JSON as null, true, false, {"int": decimal}, {"bytes": hex}, {"text": string} or a
list of values.
"""

import struct
from collections.abc import Iterator
from typing import Any

from entry_pieces import SALT, Case

from store.codec import MAX_DEPTH, encode
from store.entry import make_body


def tagged(value: Any) -> Any:
    """A value of the codec as JSON."""
    match value:
        case None | True | False:
            return value
        case int():
            return {"int": str(value)}
        case bytes():
            return {"bytes": value.hex()}
        case str():
            return {"text": value}
        case _:
            return [tagged(item) for item in value]


def integer_forms(value: int) -> Iterator[tuple[str, bytes]]:
    """Every msgpack encoding of an int, the shortest among them."""
    signed = {"d0": ">b", "d1": ">h", "d2": ">i", "d3": ">q"}
    unsigned = {"cc": ">B", "cd": ">H", "ce": ">I", "cf": ">Q"}
    for first, form in (unsigned | signed).items():
        try:
            yield f"form {first}", bytes.fromhex(first) + struct.pack(form, value)
        except struct.error:
            continue


def sized_forms(length: int, payload: bytes, firsts: str) -> Iterator[tuple[str, bytes]]:
    """Every msgpack encoding with a length in 1, 2 or 4 bytes; `firsts` are those of the widest forms."""
    widths = (">B", ">H", ">I")[-len(firsts.split()) :]
    for first, form in zip(firsts.split(), widths, strict=True):
        if length < 256 ** struct.calcsize(form):
            yield f"form {first}", bytes.fromhex(first) + struct.pack(form, length) + payload


def reencoded(value: Any, forms: Iterator[tuple[str, bytes]] | tuple[()] = ()) -> Case:
    """A value, its encoding, and the forms that are not it."""
    encoding = encode(value)
    others = [{"why": why, "data": data.hex()} for why, data in forms if data != encoding]
    return {"value": tagged(value), "data": encoding.hex(), "refused": others}


def values() -> Iterator[Case]:
    """Scalars at the borders of their forms, lists and contents."""
    for value in (None, True, False):
        yield reencoded(value)
    for power in (0, 5, 7, 8, 15, 16, 31, 32, 53, 63, 64):
        for number in sorted({2**power - 1, 2**power, -(2**power), -(2**power) - 1}):
            if -(2**63) <= number < 2**64:
                yield reencoded(number, integer_forms(number))
    for size in (0, 1, 31, 32, 255, 256):
        data = bytes([97] * size)
        yield reencoded(data, sized_forms(size, data, "c4 c5 c6"))
        yield reencoded(data.decode("ascii"), sized_forms(size, data, "d9 da db"))
    yield reencoded("Привет, 世界 👋🏽")
    yield reencoded("e\u0301, which is not é")
    for length in (0, 1, 15, 16):
        yield reencoded([0] * length, sized_forms(length, bytes(length), "dc dd"))
    deep: Any = []
    for _ in range(MAX_DEPTH - 1):
        deep = [deep]
    yield reencoded(deep, iter([("nested nine deep", b"\x91" + encode(deep))]))


def contents() -> Iterator[Case]:
    """Bodies of the kinds in use."""
    posts = ([1, "Hello", "en"], [1, "Привет", ""], [1, "你好", "zh-Hant"])
    versions = ([33, "plan", "Plan", "text/markdown", "# Plan\n"], [33, "план", "", "text/plain", ""])
    for content in (*posts, *versions):
        yield {"value": tagged(content), "salt": SALT.hex(), "body": make_body(SALT, content).hex()}


def foreign() -> Iterator[Case]:
    """Encodings of values that the format does not have, and bytes that encode nothing."""
    named = {
        "a float of 32 bits": "ca3fc00000",
        "a float of 64 bits": "cb3ff8000000000000",
        "a float that is a whole number": "cb3ff0000000000000",
        "not a number": "cb7ff8000000000000",
        "infinity": "cb7ff0000000000000",
        "an empty map": "80",
        "a map": "810102",
        "a map with a key twice": "8201020103",
        "a map in a list": "918101c0",
        "an empty map in a list": "9180",
        "a float in a list": "91cb3ff8000000000000",
        "an extension value of one byte": "d40500",
        "an empty extension value": "c70005",
        "a time stamp": "d6ff00000000",
        "the byte that msgpack never uses": "c1",
        "no bytes": "",
        "two values": "0101",
        "a list that ends early": "9201",
        "bytes that end early": "c40261",
        "a list of 2**32 - 1": "ddffffffff",
        "bytes of 2**32 - 1": "c6ffffffff",
        "a text that is not UTF-8": "a1ff",
        "a text with a surrogate": "a3eda080",
        "a text with an over-long zero": "a2c080",
        "a text beyond U+10FFFF": "a4f4908080",
        "lists nested 2,000 deep": "91" * 2000 + "90",
    }
    for why, data in named.items():
        yield {"why": why, "data": data}
