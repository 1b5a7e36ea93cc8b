"""One device to another: Olm (the Double Ratchet), as vodozemac has it."""

from typing import Final, Protocol, cast

from vodozemac import (
    Account as _Account,
)
from vodozemac import (
    AnyOlmMessage,
    Curve25519PublicKey,
    DecodeException,
    KeyException,
    OlmDecryptionException,
    OlmEncryptionException,
    PickleException,
    PreKeyMessage,
    Session,
    SessionCreationException,
)

from node.secrecy.errors import BadBundle, SecrecyError, Unopenable

PRE_KEY: Final = 0
"""Type of a message that begins a session; 1 is any other."""


class Broken(SecrecyError):
    """A pickle that this home kept cannot be read: the store is damaged, or it is of another home."""


class _Fallback(Protocol):
    """What the published types of vodozemac 0.10 leave out."""

    @property
    def fallback_key(self) -> dict[str, Curve25519PublicKey]: ...

    def generate_fallback_key(self) -> Curve25519PublicKey | None: ...


class Account:
    """The long-lived keys of this device: identity, and the fallback keys of this week and the last."""

    __slots__ = ("_account", "fallback")

    def __init__(self, account: _Account, fallback: bytes) -> None:
        self._account = account
        self.fallback = fallback
        """The public fallback key, 32 bytes."""

    @classmethod
    def new(cls) -> "Account":
        """New keys."""
        made = cls(_Account(), b"")
        made.rotate()
        return made

    @classmethod
    def load(cls, data: bytes, key: bytes) -> "Account":
        """What `dump` gave; `key`: 32 bytes. Raises: Broken."""
        try:
            return cls(_Account.from_pickle(data[_CURVE:].decode("ascii"), key), data[:_CURVE])
        except (PickleException, UnicodeDecodeError):
            raise Broken("the keys of this device are damaged") from None

    def dump(self, key: bytes) -> bytes:
        """All of it, sealed under a key of 32 bytes."""
        return self.fallback + self._account.pickle(key).encode("ascii")

    @property
    def identity(self) -> bytes:
        """The public identity key, 32 bytes."""
        return self._account.curve25519_key.to_bytes()

    def rotate(self) -> None:
        """Make a new fallback key; the present one stays good until the next time, the one before goes."""
        account = cast("_Fallback", self._account)
        account.generate_fallback_key()
        [public] = account.fallback_key.values()
        self.fallback = public.to_bytes()
        self._account.mark_keys_as_published()

    def __repr__(self) -> str:
        return "Account(…)"


_CURVE: Final = 32


class Pair:
    """An Olm session with one other device."""

    __slots__ = ("_session", "id")

    def __init__(self, session: Session) -> None:
        self._session = session
        self.id = session.session_id.encode("ascii")
        """Names the session, on both sides the same."""

    @classmethod
    def load(cls, data: bytes, key: bytes) -> "Pair":
        """What `dump` gave; `key`: 32 bytes. Raises: Broken."""
        try:
            return cls(Session.from_pickle(data.decode("ascii"), key))
        except (PickleException, UnicodeDecodeError):
            raise Broken("a session with another device is damaged") from None

    def dump(self, key: bytes) -> bytes:
        """All of it, sealed under a key of 32 bytes."""
        return self._session.pickle(key).encode("ascii")

    @classmethod
    def outbound(cls, account: Account, identity: bytes, fallback: bytes) -> "Pair":
        """A session that begins with our first message, to a device with these public keys (32 bytes each).

        Raises:
            BadBundle: a key cannot be used.
        """
        try:
            theirs = Curve25519PublicKey.from_bytes(identity), Curve25519PublicKey.from_bytes(fallback)
            return cls(account._account.create_outbound_session(*theirs))
        except (KeyException, SessionCreationException, ValueError):
            raise BadBundle("these keys begin no session") from None

    @classmethod
    def inbound(cls, account: Account, identity: bytes, message: bytes) -> tuple["Pair", bytes]:
        """The session that begins with this message of type 0, and what the message says.

        `identity`: 32 bytes, the key that the sender has published; the message has to be from it.

        Raises:
            Unopenable: it is not, or not for the keys that this account has.
        """
        first = _pre_key(message)
        try:
            sender = Curve25519PublicKey.from_bytes(identity)
            session, plain = account._account.create_inbound_session(sender, first)
        except (KeyException, SessionCreationException, ValueError):
            raise Unopenable from None
        return cls(session), plain

    def matches(self, message: bytes) -> bool:
        """Does a message of type 0 belong to this session?"""
        try:
            return self._session.session_matches(_pre_key(message))
        except Unopenable:
            return False

    def encrypt(self, data: bytes) -> tuple[int, bytes]:
        """The next message: its type (0 or 1) and bytes. Raises: BadBundle: the session cannot go on."""
        try:
            return self._session.encrypt(data).to_parts()
        except OlmEncryptionException:
            raise BadBundle("this session cannot go on") from None

    def decrypt(self, kind: int, message: bytes) -> bytes:
        """What a message of type 0 or 1 says. Raises: Unopenable: of another session, damaged, or old."""
        if kind not in (PRE_KEY, PRE_KEY + 1):
            raise Unopenable
        try:
            return self._session.decrypt(AnyOlmMessage.from_parts(kind, message))
        except (DecodeException, OlmDecryptionException, ValueError):
            raise Unopenable from None

    def __repr__(self) -> str:
        return "Pair(…)"


def _pre_key(message: bytes) -> PreKeyMessage:
    try:
        found = AnyOlmMessage.from_parts(PRE_KEY, message).to_pre_key()
    except (DecodeException, ValueError):
        raise Unopenable from None
    if found is None:
        raise Unopenable
    return found
