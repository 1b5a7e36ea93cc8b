"""What can go wrong in a node, as a person or a script is told it.

Every error has a `code` (the table in `docs/protocol/control.md`), a message that says what happened and
why, and an advice that says what to do about it. `NodeError.plain` is the JSON form that doors hand out.
Messages carry no secrets and no bodies. HTTP statuses belong to the control door, exit codes to the
command; neither is here.
"""

from typing import ClassVar, Final

MAKE_ONE: Final = "Make one with: aster join CODE, aster federation found, or aster init for an open circle"
"""Advice for whoever has no home."""


class NodeError(Exception):
    """Root of every error of this floor."""

    code: ClassVar[str] = "internal"

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice

    def plain(self) -> dict[str, str]:
        """The fields `code`, `message` and `advice`."""
        return {"code": self.code, "message": self.message, "advice": self.advice}


class BadRequest(NodeError):
    """A parameter is missing, of the wrong type or unknown."""

    code = "bad-request"


class UnknownMethod(NodeError):
    """No method of that name exists in this version of the control protocol."""

    code = "unknown-method"


class BadData(NodeError):
    """What was given is malformed: no UTF-8, no address, no id, or a body that breaks a rule."""

    code = "bad-data"


class TextTooLarge(NodeError):
    """A text, a document or a list is over its limit."""

    code = "too-large"


class Missing(NodeError):
    """No such entry, document, log, peer or home here."""

    code = "not-found"


class Ambiguous(NodeError):
    """A prefix or a name fits several things; the message lists them."""

    code = "ambiguous"


class Conflict(NodeError):
    """A document has several current versions, and none of them was named."""

    code = "conflict"


class Unavailable(NodeError):
    """No daemon runs, or a peer cannot be reached."""

    code = "unavailable"


class DiskFull(NodeError):
    """The store took no more; nothing of it was kept."""

    code = "disk-full"

    def __init__(
        self,
        message: str = "The disk is full: nothing was written.",
        advice: str = "Make room on the disk that holds the home and try again.",
    ) -> None:
        super().__init__(message, advice)


class NotSigning(NodeError):
    """A copied or restored home that has not yet heard its own heads from a peer."""

    code = "not-signing"


class WrongNetwork(NodeError):
    """A home or a peer of another network."""

    code = "wrong-network"


class WrongPassphrase(NodeError):
    """The passphrase does not open this home."""

    code = "wrong-key"

    def __init__(
        self,
        message: str = "The passphrase does not open this home.",
        advice: str = "Try again. A forgotten passphrase cannot be recovered.",
    ) -> None:
        super().__init__(message, advice)


class NoPassphrase(NodeError):
    """The home wants a passphrase and none can be had: no file is named and nobody can be asked."""

    code = "wrong-key"

    def __init__(
        self,
        message: str = "This home is locked by a passphrase and there is no terminal to ask for it.",
        advice: str = "Let ASTERISM_PASSPHRASE_FILE name a file (mode 0600) that begins with the passphrase.",
    ) -> None:
        super().__init__(message, advice)


class Refused(NodeError):
    """The federation's rules do not allow it: an invite that has expired, too many devices, not endorsed."""

    code = "refused"


class HomeLocked(NodeError):
    """Another process holds the home."""

    code = "locked"


class DamagedHome(NodeError):
    """A file of the home is missing or is not what it should be."""

    code = "internal"


class Fault(NodeError):
    """A fault of ours; the log has the details."""

    code = "internal"

    def __init__(
        self,
        message: str = "Something went wrong inside the node.",
        advice: str = "The details are in daemon.log in the home. Please report them.",
    ) -> None:
        super().__init__(message, advice)
