"""The home that the environment names, and the door to it: the daemon's, or the store's own.

A verb says what it wants with `Session.call` and `Session.stream`. Where a daemon runs it is asked over
the control socket with the standard library alone; else methods that only read are answered from the
store in this process, which imports far more and is slower.
"""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from node.config import Environment, read_environment
from node.doors.control.client import Client, NoDaemon, works_offline
from node.errors import MAKE_ONE, Missing
from node.paths import Paths

if TYPE_CHECKING:
    from node.doors.offline import OfflineDoor

Json = dict[str, Any]


def environment() -> Environment:
    """What the process's environment says."""
    return read_environment(os.environ)


def check_home(paths: Paths) -> None:
    """Check that there is a home. Raises: Missing."""
    if not paths.network.exists():
        raise Missing(f"There is no home at {paths.home}.", MAKE_ONE)


class Session:
    """One verb's way to the node."""

    def __init__(self) -> None:
        self.environment = environment()
        self.paths = Paths(self.environment.home)
        self._client = Client(self.paths)

    def call(self, method: str, extra_timeout_s: float = 0, **params: object) -> Json:
        """Call a method; parameters that are None are left out. Raises: NodeError."""
        given = _given(params)
        try:
            return self._client.call(method, given, extra_timeout_s)
        except NoDaemon as error:
            self._check_offline(method, error)
        return self._offline().call(method, given)

    def stream(self, method: str, **params: object) -> Iterator[Json]:
        """Call a streaming method; parameters that are None are left out. Raises: NodeError."""
        given = _given(params)
        try:
            yield from self._client.stream(method, given)
            return
        except NoDaemon as error:
            self._check_offline(method, error)
        yield from self._offline().stream(method, given)

    def stop(self) -> None:
        """End the daemon and wait until it has ended. Raises: NodeError, also where none runs."""
        try:
            self._client.stop()
        except NoDaemon:
            check_home(self.paths)
            raise

    def _check_offline(self, method: str, error: NoDaemon) -> None:
        check_home(self.paths)
        if not works_offline(method):
            raise error

    def _offline(self) -> "OfflineDoor":
        from cli.passphrase import asker
        from node.doors.offline import OfflineDoor

        return OfflineDoor(self.paths, asker(self.environment))


def _given(params: Json) -> Json:
    """Parameters that were given, under their names on the wire."""
    return {name.rstrip("_"): value for name, value in params.items() if value is not None}
