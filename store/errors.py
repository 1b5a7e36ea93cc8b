"""What can go wrong with an entry or with the place that keeps it.

The first line of a message can be shown to a person. Nothing here carries secrets or bodies.
"""


class StoreError(Exception):
    """Root of every error of this floor."""


class InvalidEntry(StoreError):
    """These bytes are no valid entry, for everyone and for ever. Whoever handed them on is at fault."""


class NotCanonical(InvalidEntry):
    """The bytes are not the one canonical encoding of a value, or break a bound of the codec."""


class BadSignature(InvalidEntry):
    """The signature does not fit the bytes and the key."""


class InvalidBlob(StoreError):
    """These bytes are no manifest, or not the chunk that a manifest names. Whoever sent them is at fault."""


class TooLarge(StoreError):
    """A body, a name or a list is larger than its limit; nothing was written."""


class GapInLog(StoreError):
    """An entry is further on than the next one of its log: those between are missing here.

    `expected_seq` is the sequence number (from 1) that the log needs next.
    """

    def __init__(self, message: str, expected_seq: int) -> None:
        super().__init__(message)
        self.expected_seq = expected_seq


class Forked(StoreError):
    """An entry contradicts what is held of its log: same place, or wrong back link. Not the relay's fault."""

    def __init__(self, message: str, seq: int) -> None:
        super().__init__(message)
        self.seq = seq


class LogEnded(StoreError):
    """The log was ended by evidence against its author; nothing is appended after that place."""


class NotFound(StoreError):
    """No such entry, log or body is held here."""


class StoreLocked(StoreError):
    """Another process holds the store."""


class WrongKey(StoreError):
    """The store cannot be opened with this key, or the file is not one of ours."""


class Damaged(StoreError):
    """Bytes on disk do not match their hash."""


class StorageFull(StoreError):
    """The disk took no more; the transaction was rolled back and nothing of it is kept."""
