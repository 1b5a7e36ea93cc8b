"""One device to many: Megolm, as vodozemac has it. A session has one sender; who has its key reads it."""

import base64
import binascii
from typing import Final

from vodozemac import (
    ExportedSessionKey,
    GroupSession,
    InboundGroupSession,
    MegolmDecryptionException,
    MegolmMessage,
    PickleException,
    SessionKey,
    SessionKeyDecodeException,
)

from node.secrecy.errors import Unopenable
from node.secrecy.pairwise import Broken
from store.crypto import digest

TAG_BYTES: Final = 8
KEY_BYTES: Final = 229
"""A key as its sender gives it out: version, index, ratchet, public key, signature."""

EXPORT_BYTES: Final = 165
"""A key as a reader gives it out, from a place on: the same without the signature."""

MAX_INDEX: Final = 2**32 - 1
"""Of a message: Megolm counts in 32 bits."""

_TAG: Final = b"asterism/tag/1\x00"


def _tag_of(session_id: str) -> bytes:
    return digest(_TAG + _from_base64(session_id))[:TAG_BYTES]


class Sender:
    """A session to write with."""

    __slots__ = ("_session", "tag")

    def __init__(self, session: GroupSession) -> None:
        self._session = session
        self.tag = _tag_of(session.session_id)
        """8 bytes by which entries name the session."""

    @classmethod
    def new(cls) -> "Sender":
        """A new session."""
        return cls(GroupSession())

    @classmethod
    def load(cls, data: bytes, key: bytes) -> "Sender":
        """What `dump` gave; `key`: 32 bytes. Raises: Broken."""
        try:
            return cls(GroupSession.from_pickle(data.decode("ascii"), key))
        except (PickleException, UnicodeDecodeError):
            raise Broken("a session to write with is damaged") from None

    def dump(self, key: bytes) -> bytes:
        """All of it, sealed under a key of 32 bytes."""
        return self._session.pickle(key).encode("ascii")

    @property
    def index(self) -> int:
        """Of the next message, from 0."""
        return self._session.message_index

    def key(self) -> bytes:
        """The key (229 bytes) with which the next message and all later ones can be read."""
        return _from_base64(self._session.session_key.to_base64())

    def encrypt(self, data: bytes) -> bytes:
        """The next message."""
        return self._session.encrypt(data).to_bytes()

    def __repr__(self) -> str:
        return "Sender(…)"


class Receiver:
    """A session to read with, from some place on."""

    __slots__ = ("_session", "tag")

    def __init__(self, session: InboundGroupSession) -> None:
        self._session = session
        self.tag = _tag_of(session.session_id)

    @classmethod
    def from_key(cls, key: bytes) -> "Receiver":
        """A session by its key, of 229 or 165 bytes. Raises: Unopenable: it is none."""
        text = base64.b64encode(key).decode("ascii").rstrip("=")
        try:
            if len(key) == KEY_BYTES:
                return cls(InboundGroupSession(SessionKey(text)))
            if len(key) == EXPORT_BYTES:
                return cls(InboundGroupSession.import_session(ExportedSessionKey(text)))
        except (SessionKeyDecodeException, ValueError):
            pass
        raise Unopenable

    @classmethod
    def load(cls, data: bytes, key: bytes) -> "Receiver":
        """What `dump` gave; `key`: 32 bytes. Raises: Broken."""
        try:
            return cls(InboundGroupSession.from_pickle(data.decode("ascii"), key))
        except (PickleException, UnicodeDecodeError):
            raise Broken("a session to read with is damaged") from None

    def dump(self, key: bytes) -> bytes:
        """All of it, sealed under a key of 32 bytes."""
        return self._session.pickle(key).encode("ascii")

    @property
    def first(self) -> int:
        """Index of the first message that can be read."""
        return self._session.first_known_index

    def decrypt(self, message: bytes) -> tuple[int, bytes]:
        """Index and content of a message. Opening one twice works: who wants it once has to remember.

        Raises:
            Unopenable: it is of another session, from before this key, or damaged.
        """
        try:
            found = self._session.decrypt(MegolmMessage.from_bytes(message))
        except (MegolmDecryptionException, ValueError):
            raise Unopenable from None
        return found.message_index, found.plaintext

    def export_at(self, index: int) -> bytes:
        """The key (165 bytes) with which the message `index` and all later ones can be read.

        Raises:
            Unopenable: this session begins later itself, or there is no such place.
        """
        key = self._session.export_at(index) if 0 <= index <= MAX_INDEX else None
        if key is None:
            raise Unopenable
        return _from_base64(key.to_base64())

    def __repr__(self) -> str:
        return "Receiver(…)"


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        raise Unopenable from None
