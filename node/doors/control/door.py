"""The control door over the api: which method of the protocol is which function."""

from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING

from node.doors.control.protocol import Json, function_of, function_parameters
from node.home import read_network_file
from node.paths import Paths
from store.ids import to_text

if TYPE_CHECKING:
    from node.api import Api


class ApiDoor:
    """`node.doors.control.server.Door` over `node.api.Api`."""

    def __init__(self, api: "Api", paths: Paths, stop: Callable[[], None]) -> None:
        """`stop` ends the daemon; it is called by the method of that name."""
        self._api = api
        self._paths = paths
        self._stop = stop

    async def call(self, method: str, params: Json) -> Json:
        """Answer a method with one object. Raises: NodeError."""
        if method == "stop":
            self._stop()
            return {"ok": True}
        if method == "network/export":
            return read_network(self._paths)
        answer: Json = await function_of(self._api, method)(**function_parameters(params))
        return answer

    def stream(self, method: str, params: Json) -> AsyncGenerator[Json, None]:
        """Answer a method with one object a line. Raises: NodeError."""
        answers: AsyncGenerator[Json, None] = function_of(self._api, method)(**function_parameters(params))
        return answers


def read_network(paths: Paths) -> Json:
    """A home's network without opening its store: `file` (the text), `network`, `network_name`.

    Raises: Missing, BadData: there is no file, or it is damaged.
    """
    charter = read_network_file(paths.network)
    return {
        "file": paths.network.read_text("utf-8"),
        "network": to_text(charter.network_id()),
        "network_name": charter.name,
    }
