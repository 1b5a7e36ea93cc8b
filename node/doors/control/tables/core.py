"""Methods about the node itself: status, peers, logs, what is carried. See `docs/protocol/control.md`."""

from collections.abc import Mapping
from typing import Final

from node.doors.control.parameters import BOOL, INT, NAME, SECONDS, TEXT, TEXTS, Method

METHODS: Final[Mapping[str, Method]] = {
    "status": Method({}, offline=True),
    "log/list": Method({"author": TEXT}, offline=True),
    "log/show": Method(
        {"author": NAME, "log": NAME, "first": INT, "last": INT, "limit": INT},
        streaming=True,
        offline=True,
    ),
    "log/verify": Method({"author": TEXT, "log": TEXT}, waits=True, offline=True),
    "check": Method({}, streaming=True, offline=True),
    "peer/add": Method({"device": TEXT, "address": TEXT, "addresses": TEXTS, "name": TEXT}, offline=True),
    "peer/remove": Method({"device": NAME}, offline=True),
    "peer/list": Method({}, offline=True),
    "sync": Method({"peer": TEXT}, streaming=True),
    "interest/show": Method({}, offline=True, part="interest"),
    "interest/set": Method(
        {"sections": TEXTS, "purposes": TEXTS, "age_ms": INT, "everything": BOOL, "boxes": TEXT},
        offline=True,
        part="interest",
    ),
    "network/export": Method({}, offline=True),
    "wait": Method({"entries": INT, "id": TEXT, "timeout_s": SECONDS}, waits=True),
    "stop": Method({}),
}
"""Every method about the node itself."""
