"""An entry: header, signature, body. The unit that is signed, carried and kept.

Header, a canonical msgpack array (see `store.codec`), positional:

    0  version      int   1
    1  author       bin   32 bytes, Ed25519 public key
    2  log          int   0 to 31, see `store.ids.LOG_NAMES`
    3  seq          int   1 to 2**40 - 1, counts the log's entries without gaps
    4  back         bin   32 bytes, id of the entry before; empty at seq 1
    5  body_bytes   int   17 to 32,768, salt included
    6  commitment   bin   32 bytes, BLAKE2b-256 over salt ‖ content
    7  time_ms      int   0 to 2**53 - 1, Unix time as the author claims it
    8  links        array of at most 16 different ids, 32 bytes each

Signature: Ed25519, 64 bytes, over ``asterism/entry/1`` ‖ 0x00 ‖ network id (32) ‖ header.
Id: BLAKE2b-256 over header ‖ signature. Body: 16 bytes of salt ‖ canonical msgpack ``[kind, …]``.

Validity of a header is a function of its bytes and of its own log, of nothing else. What is inside a
body is the apps' matter: a body that no app understands is carried all the same.
`docs/protocol/entry.md` is the specification.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from store.codec import decode, decode_shaped, encode, encode_trusted
from store.crypto import DIGEST_BYTES, SIGNATURE_BYTES, SigningKey, digest, verify
from store.errors import InvalidEntry, TooLarge
from store.ids import (
    LOG_BOX_0,
    LOG_ID,
    LOG_SEALED,
    MAX_LOGS_PER_AUTHOR,
    AuthorId,
    EntryId,
    LogNo,
    NetworkId,
)

VERSION: Final = 1
DOMAIN: Final = b"asterism/entry/1\x00"

SALT_BYTES: Final = 16
MAX_BODY_BYTES: Final = 32_768
"""Salt and content together. Longer things are blobs."""

MIN_BODY_BYTES: Final = SALT_BYTES + 1
MAX_ID_BODY_BYTES: Final = 2_048
"""Bodies of the `id` log are held by everyone for ever, so they are small."""

MAX_ID_SEQ: Final = 4_096
"""Last seq of an `id` log, for the same reason."""

MAX_LINKS: Final = 16
MAX_SEQ: Final = 2**40 - 1
"""A trillion entries a log; leaves room for a log number beside it in one 64-bit integer."""

MAX_TIME_MS: Final = 2**53 - 1
"""Largest integer that every JSON reader keeps exact; some 285,000 years."""

MAX_HEADER_BYTES: Final = 700
"""16 links of 34 bytes, two hashes, a key and the small fields."""

MAX_KIND: Final = 65_535
_MAX_BODY_ITEMS: Final = 1_024
_HEADER_ITEMS: Final = 9


class Entry(NamedTuple):
    """A parsed entry. One that exists has a well-formed header; `check_signature` says more.

    A named tuple and not a dataclass: building one is five times cheaper, and bulk replication
    builds tens of thousands a second.
    """

    id: EntryId
    author: AuthorId
    log: LogNo
    seq: int
    back: bytes
    """32 bytes, or empty at seq 1."""
    body_bytes: int
    commitment: bytes
    time_ms: int
    links: tuple[EntryId, ...]
    header: bytes
    """The signed bytes themselves."""
    signature: bytes
    body: bytes | None
    """Salt and content, `body_bytes` long; None where it is not here."""

    def check_signature(self, network: NetworkId) -> None:
        """Check the author's signature. Raises: BadSignature."""
        verify(self.author, self.signature, DOMAIN + network + self.header)

    def without_body(self) -> "Entry":
        """The same entry as one whose body is not here."""
        return self._replace(body=None)

    def with_body(self, body: bytes) -> "Entry":
        """The same entry with its body. Raises: InvalidEntry: the body is not the one committed to."""
        check_body(body, self.body_bytes, self.commitment)
        return self._replace(body=body)


def sign(
    key: SigningKey,
    network: NetworkId,
    log: LogNo,
    seq: int,
    back: bytes,
    body: bytes,
    time_ms: int,
    links: Sequence[EntryId] = (),
) -> Entry:
    """Sign the entry `seq` (from 1) of `log` after the entry `back` (32 bytes, empty at seq 1).

    Raises:
        TooLarge: the body, the log or the list of links is over its limit.
        InvalidEntry: another rule of the header is broken.
    """
    _check_limits(log, seq, len(body), len(links))
    commitment = digest(body)
    fields = (
        VERSION,
        key.author,
        log,
        seq,
        back,
        len(body),
        commitment,
        time_ms,
        tuple(links),
    )
    check_fields(fields)
    header = encode_trusted(fields)
    signature = key.sign(DOMAIN + network + header)
    return build(fields, header, signature, body)


def _check_limits(log: int, seq: int, body_bytes: int, links: int) -> None:
    limit = MAX_ID_BODY_BYTES if log == LOG_ID else MAX_BODY_BYTES
    if body_bytes > limit:
        raise TooLarge(f"a body has at most {limit} bytes, this has {body_bytes}")
    if links > MAX_LINKS:
        raise TooLarge(f"an entry has at most {MAX_LINKS} links, this has {links}")
    if log == LOG_ID and seq > MAX_ID_SEQ:
        raise TooLarge(f"an id log ends at entry {MAX_ID_SEQ}")


def parse(header: bytes, signature: bytes, body: bytes | None) -> Entry:
    """The entry that these bytes are. The signature is not checked here.

    Raises:
        InvalidEntry: the header is not canonical or breaks a rule, the signature is not 64 bytes, or
            the body is not the one that the header commits to.
    """
    if type(header) is not bytes:
        raise InvalidEntry("a header is bytes")
    fields = decode_shaped(header, MAX_HEADER_BYTES, MAX_LINKS)
    if type(fields) is not tuple or len(fields) != _HEADER_ITEMS:
        raise InvalidEntry("a header is a list of nine values")
    check_fields(fields)
    if type(signature) is not bytes or len(signature) != SIGNATURE_BYTES:
        raise InvalidEntry("a signature has 64 bytes")
    if body is not None:
        check_body(body, fields[5], fields[6])
    return build(fields, header, signature, body)


def build(fields: Sequence[Any], header: bytes, signature: bytes, body: bytes | None) -> Entry:
    """The entry of header fields that were checked already, in the order of the header."""
    return Entry(
        EntryId(digest(header + signature)),
        fields[1],
        fields[2],
        fields[3],
        fields[4],
        fields[5],
        fields[6],
        fields[7],
        fields[8],
        header,
        signature,
        body,
    )


def check_body(body: bytes, body_bytes: int, commitment: bytes) -> None:
    """Check salt ‖ content against a header's size and commitment. Raises: InvalidEntry."""
    if type(body) is not bytes or len(body) != body_bytes or digest(body) != commitment:
        raise InvalidEntry("the body is not the one that the header commits to")


def check_fields(fields: Sequence[Any]) -> None:
    """The rules of the header that need no other entry. Raises: InvalidEntry."""
    version, author, log, seq, back, body_bytes, commitment, time_ms, links = fields
    if type(version) is not int or version != VERSION:
        raise InvalidEntry("unknown version of the entry format")
    if type(author) is not bytes or len(author) != DIGEST_BYTES:
        raise InvalidEntry("an author is a key of 32 bytes")
    if type(commitment) is not bytes or len(commitment) != DIGEST_BYTES:
        raise InvalidEntry("a commitment has 32 bytes")
    if type(log) is not int or not 0 <= log < MAX_LOGS_PER_AUTHOR:
        raise InvalidEntry("there is no log of that number")
    if type(seq) is not int or not 1 <= seq <= MAX_SEQ:
        raise InvalidEntry("a sequence number begins at 1")
    if type(back) is not bytes or len(back) != (0 if seq == 1 else DIGEST_BYTES):
        raise InvalidEntry("a back link has 32 bytes, and none at seq 1")
    if type(time_ms) is not int or not 0 <= time_ms <= MAX_TIME_MS:
        raise InvalidEntry("a time is a number of milliseconds from 0 to 2**53 - 1")
    if type(body_bytes) is not int or not MIN_BODY_BYTES <= body_bytes <= MAX_BODY_BYTES:
        raise InvalidEntry("a body has 17 to 32,768 bytes")
    if log == LOG_ID and (body_bytes > MAX_ID_BODY_BYTES or seq > MAX_ID_SEQ):
        raise InvalidEntry("an id log has at most 4,096 entries, with bodies of at most 2,048 bytes")
    if links or type(links) is not tuple:
        _check_links(links, log)


def _check_links(links: object, log: int) -> None:
    if type(links) is not tuple or len(links) > MAX_LINKS:
        raise InvalidEntry("an entry has at most 16 links")
    if any(type(link) is not bytes or len(link) != DIGEST_BYTES for link in links):
        raise InvalidEntry("a link is an id of 32 bytes")
    if len(set(links)) != len(links):
        raise InvalidEntry("a link is named once")
    if links and (log == LOG_SEALED or log >= LOG_BOX_0):
        raise InvalidEntry("sealed entries carry no links")


def make_body(salt: bytes, content: Sequence[Any]) -> bytes:
    """Salt (16 random bytes) and canonical content ``[kind, …]`` as one body.

    Raises:
        ValueError: the salt has another length, or a text has a lone surrogate.
        TypeError, OverflowError, NotCanonical: as `store.codec.encode`.
        TooLarge: more than `MAX_BODY_BYTES` in all.
    """
    if len(salt) != SALT_BYTES:
        raise ValueError(f"a salt has {SALT_BYTES} bytes")
    body = salt + encode(list(content))
    if len(body) > MAX_BODY_BYTES:
        raise TooLarge(f"a body has at most {MAX_BODY_BYTES} bytes, this has {len(body)}")
    return body


def content_of(body: bytes) -> tuple[Any, ...]:
    """The content ``(kind, …)`` of a body; which types its elements have is the app's to check.

    Raises:
        NotCanonical: not the canonical encoding of a value, see `store.codec.decode`.
        InvalidEntry: it does not begin with a kind from 1 to 65,535.
    """
    content = decode(body[SALT_BYTES:], MAX_BODY_BYTES, _MAX_BODY_ITEMS)
    if type(content) is not tuple or not content or type(content[0]) is not int:
        raise InvalidEntry("a body begins with its kind")
    if not 1 <= content[0] <= MAX_KIND:
        raise InvalidEntry("a kind is a number from 1 to 65,535")
    return content
