"""Methods about files and folders. `docs/protocol/control.md` is the specification."""

from collections.abc import Mapping
from typing import Final

from node.doors.control.parameters import BOOL, INT, NAME, SECONDS, TEXT, TEXTS, Method

METHODS: Final[Mapping[str, Method]] = {
    "file/add": Method(
        {
            "path": NAME,
            "name": TEXT,
            "media_type": TEXT,
            "description": TEXT,
            "language": TEXT,
            "tags": TEXTS,
            "public": BOOL,
            "replaces": TEXTS,
        },
        streaming=True,
        part="sharing",
    ),
    "file/list": Method(
        {
            "author": TEXT,
            "tag": TEXT,
            "search": TEXT,
            "limit": INT,
            "before": TEXT,
            "folders": BOOL,
            "replaced": BOOL,
        },
        offline=True,
        part="sharing",
    ),
    "file/show": Method({"file": NAME}, offline=True, part="sharing"),
    "file/get": Method(
        {"file": NAME, "out": NAME, "force": BOOL, "timeout_s": SECONDS._replace(required=False)},
        streaming=True,
        offline=True,
        part="sharing",
    ),
    "file/pin": Method({"file": NAME}, offline=True, part="sharing"),
    "file/unpin": Method({"file": NAME}, offline=True, part="sharing"),
    "file/drop": Method({"file": NAME, "force": BOOL}, offline=True, part="sharing"),
    "file/usage": Method({}, offline=True, part="sharing"),
}
"""Every method about files."""
