"""Methods about documents. `docs/protocol/control.md` is the specification."""

from collections.abc import Mapping
from typing import Final

from node.doors.control.parameters import BOOL, INT, LINES, NAME, TEXT, TEXTS, Method

METHODS: Final[Mapping[str, Method]] = {
    "doc/put": Method(
        {
            "name": NAME,
            "text": NAME,
            "title": TEXT,
            "media_type": TEXT,
            "follows": TEXTS,
            "force_root": BOOL,
            "language": TEXT,
            "tags": TEXTS,
            "public": BOOL,
            "catch_up": BOOL,
            "force": BOOL,
        },
        part="drafting",
    ),
    "doc/list": Method(
        {
            "search": TEXT,
            "limit": INT,
            "tags": TEXTS,
            "language": TEXT,
            "author": TEXT,
            "section": TEXT,
            "before": TEXT,
        },
        offline=True,
        part="drafting",
    ),
    "doc/show": Method({"name": NAME, "version": TEXT, "language": TEXT}, offline=True, part="drafting"),
    "doc/history": Method({"name": NAME}, offline=True, part="drafting"),
    "doc/diff": Method({"name": NAME, "from": TEXT, "to": TEXT}, offline=True, part="drafting"),
    "doc/blame": Method({"name": NAME, "version": TEXT}, offline=True, part="drafting"),
    "doc/edit": Method({"name": NAME}, part="drafting"),
    "doc/merge": Method({"name": NAME}, offline=True, part="drafting"),
    "doc/merge-publish": Method({"name": NAME, "follows": LINES}, part="drafting"),
    "doc/status": Method({"name": NAME, "language": TEXT, "version": TEXT}, offline=True, part="drafting"),
    "doc/sheet": Method(
        {"name": NAME, "language": NAME, "version": TEXT, "due": BOOL}, offline=True, part="drafting"
    ),
    "doc/translate": Method({"sheet": NAME, "public": BOOL}, part="drafting"),
}
"""Every method about documents."""
