"""The only door to msgpack: canonical bytes out, bounded values in.

One meaning has one byte string. A value is `None`, a bool, an int (-2**63 to 2**64 - 1), bytes, text
(UTF-8) or a list of values. There are no maps, no floats and no extension types. `decode` refuses
every encoding that `encode` would not have produced, so bytes can be compared and hashed instead of
values. Lists come back as tuples.
"""

from typing import Any, Final, TypeAlias

import msgpack

from store.errors import NotCanonical

Value: TypeAlias = bool | int | bytes | str | tuple["Value", ...] | None

MAX_DEPTH: Final = 8
"""Deepest nesting of lists in anything that we read; our own formats need 4."""

_SHORT_LIST_ITEMS: Final = 1_024
"""Longest list that is built as soon as its length is read. The decoder keeps up to 1,024 lists open, each
with room for all its items, which is 8 MB at most for lists of this length."""

_pack = msgpack.Packer(use_bin_type=True, autoreset=True).pack
_SCALARS: Final = frozenset({type(None), bool, int, bytes, str})
_MALFORMED: Final = (
    ValueError,
    TypeError,
    OverflowError,
    RecursionError,
    msgpack.exceptions.UnpackException,
)


def encode(value: Any) -> bytes:
    """The canonical bytes of `value`, which may hold lists or tuples.

    Raises:
        TypeError: a float, a map or another type that the format does not have.
        OverflowError: an int out of range.
        UnicodeEncodeError: text with a lone surrogate, as from a file name that is not UTF-8.
        NotCanonical: nested deeper than `MAX_DEPTH`.
    """
    _refuse_foreign(value, MAX_DEPTH)
    packed: bytes = _pack(value)
    return packed


def encode_trusted(value: Any) -> bytes:
    """As `encode`, for hot paths whose values we built ourselves or got from `decode`."""
    packed: bytes = _pack(value)
    return packed


def decode(data: bytes, max_bytes: int, max_items: int) -> Value:
    """The value whose canonical encoding `data` is.

    Raises:
        NotCanonical: longer than `max_bytes`, a list of more than `max_items`, nested deeper than
            `MAX_DEPTH`, a type that the format does not have, trailing bytes, or another encoding
            than `encode` gives.
    """
    value = decode_shaped(data, max_bytes, max_items)
    try:
        _refuse_foreign(value, MAX_DEPTH)
    except TypeError as error:
        raise NotCanonical("a type that the format does not have") from error
    return value  # type: ignore[no-any-return]


def decode_shaped(data: bytes, max_bytes: int, max_items: int) -> Any:
    """As `decode`, for a caller who checks the type of every element itself (hot paths).

    What is checked here: length, list lengths and that the encoding is the canonical one. A float, an
    empty map, an empty extension value or lists some 500 deep may come through; the caller's
    `type(x) is …` refuses them.

    Raises:
        NotCanonical: as `decode`, except for types and depth.
    """
    if len(data) > max_bytes:
        raise NotCanonical(f"{len(data)} bytes where at most {max_bytes} are allowed")
    most_items = min(max_items, len(data))  # an item has a byte at least
    try:
        if most_items > _SHORT_LIST_ITEMS:
            _look_through(data)
        value = msgpack.unpackb(
            data,
            use_list=False,
            raw=False,
            strict_map_key=True,
            max_array_len=most_items,
            max_map_len=0,
            max_str_len=max_bytes,
            max_bin_len=max_bytes,
            max_ext_len=0,
        )
        canonical = _pack(value)
    except _MALFORMED as error:
        raise NotCanonical("not msgpack within the bounds") from error
    if canonical != data:
        raise NotCanonical("not the canonical encoding")
    return value


def _look_through(data: bytes) -> None:
    """Refuse what ends early or nests 1,024 deep, without building it; a tenth of the price of decoding.

    Lists that promise more items than there are bytes never get their room: 24 kB of headers of lists of
    8,192 would take 67 MB.
    """
    unpacker = msgpack.Unpacker(max_buffer_size=len(data))
    unpacker.feed(data)
    unpacker.skip()


def _refuse_foreign(value: Any, depth: int) -> None:
    kind = type(value)
    if kind is tuple or kind is list:
        if depth == 0:
            raise NotCanonical(f"nested deeper than {MAX_DEPTH} lists")
        if not _SCALARS.issuperset(map(type, value)):
            for item in value:
                if type(item) not in _SCALARS:
                    _refuse_foreign(item, depth - 1)
    elif kind not in _SCALARS:
        raise TypeError(f"the format has no {kind.__name__}")
