"""Methods about documents. `docs/protocol/control.md` is the specification."""

from collections.abc import Mapping
from typing import Final

from node.doors.control.parameters import BOOL, INT, NAME, TEXT, TEXTS, Method

METHODS: Final[Mapping[str, Method]] = {
    "doc/put": Method(
        {
            "name": NAME,
            "text": NAME,
            "title": TEXT,
            "media_type": TEXT,
            "follows": TEXTS,
            "force_root": BOOL,
        },
        part="drafting",
    ),
    "doc/list": Method({"search": TEXT, "limit": INT}, offline=True, part="drafting"),
    "doc/show": Method({"name": NAME, "version": TEXT}, offline=True, part="drafting"),
    "doc/history": Method({"name": NAME}, offline=True, part="drafting"),
    "doc/diff": Method({"name": NAME, "from": TEXT, "to": TEXT}, offline=True, part="drafting"),
}
"""Every method about documents."""
