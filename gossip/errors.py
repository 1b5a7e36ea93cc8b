"""Whose fault it is, and how bad.

`LocalFault`: we asked for something impossible, or our own machine failed. `RemoteFault`: the other
side broke the protocol; it carries a severity that `gossip.proto.reputation` turns into a score.
"""

from enum import IntEnum


class GossipError(Exception):
    """Root of every error of this floor."""


class LocalFault(GossipError):
    """Our side: a wrong address, a port in use, a closed host."""


class BadAddress(LocalFault):
    """The text is no multiaddr that this node can use."""


class PortInUse(LocalFault):
    """The address to listen on belongs to another program."""


class Unreachable(LocalFault):
    """No connection to that peer could be made in time."""


class NotConnected(LocalFault):
    """There is no connection to that peer, or it ended."""


class NotSpoken(NotConnected):
    """The peer answered that it does not speak that protocol with us."""


class Severity(IntEnum):
    """How bad a remote fault is, in points; see `gossip.proto.reputation`."""

    SLIGHT = 1
    """Could be an accident or an older version."""
    BAD = 10
    """No correct program does this."""
    HOSTILE = 100
    """Only on purpose: invalid signatures, contradicting hashes."""


class RemoteFault(GossipError):
    """The other side broke the protocol."""

    def __init__(self, message: str, severity: Severity = Severity.BAD) -> None:
        super().__init__(message)
        self.severity = severity
