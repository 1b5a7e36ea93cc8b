"""A process that does nothing but check signatures, for `node.signatures`. Ends when its input ends.

    input   first the 2-byte length of a prefix and the prefix (domain and network id), then requests:
            4-byte number of signatures, then for each 2-byte length of the header, author 32,
            signature 64, header
    output  for each request one byte a signature: 1 it fits, 0 it does not

Numbers are big-endian. Imports as little as it can: it is started when there is much to check.
"""

import sys
from typing import BinaryIO

from store.crypto import PUBLIC_KEY_BYTES, SIGNATURE_BYTES, verify
from store.errors import BadSignature


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """Answer requests until `source` ends."""
    prefix = _read(source, int.from_bytes(_read(source, 2), "big"))
    while count := int.from_bytes(source.read(4), "big"):
        sink.write(bytes([_check(source, prefix) for _ in range(count)]))
        sink.flush()


def _check(source: BinaryIO, prefix: bytes) -> int:
    size = int.from_bytes(_read(source, 2), "big")
    author = _read(source, PUBLIC_KEY_BYTES)
    signature = _read(source, SIGNATURE_BYTES)
    try:
        verify(author, signature, prefix + _read(source, size))
    except BadSignature:
        return 0
    return 1


def _read(source: BinaryIO, size: int) -> bytes:
    data = source.read(size)
    if len(data) != size:
        raise SystemExit(0)
    return data


def main() -> None:
    """Serve standard input and output."""
    serve(sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main()
