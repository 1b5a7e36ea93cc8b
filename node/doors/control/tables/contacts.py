"""Methods about profiles, the directory, the public site. `docs/protocol/control.md` is the specification."""

from collections.abc import Mapping
from typing import Final

from node.doors.control.parameters import BOOL, INT, LINES, NAME, TEXT, TEXTS, Method, Parameter

MAX_FIELDS: Final = 64
"""Fields in one request: as many as a profile has."""


def _are_fields(value: object) -> bool:
    return isinstance(value, list) and len(value) <= MAX_FIELDS and all(type(each) is dict for each in value)


_FIELDS: Final = Parameter(_are_fields, f"a list of at most {MAX_FIELDS} fields", required=True)

METHODS: Final[Mapping[str, Method]] = {
    "profile/show": Method({"section": TEXT}, offline=True, part="contacts"),
    "profile/set": Method({"fields": _FIELDS, "section": TEXT}, part="contacts"),
    "profile/unset": Method({"fields": LINES, "section": TEXT}, part="contacts"),
    "directory/show": Method({"who": TEXT, "section": TEXT}, offline=True, part="contacts"),
    "directory/list": Method(
        {"section": TEXT, "language": TEXT, "public": BOOL, "search": TEXT, "limit": INT},
        streaming=True,
        offline=True,
        part="contacts",
    ),
    "site/build": Method(
        {"out": NAME, "section": TEXT, "languages": TEXTS, "base_url": TEXT},
        streaming=True,
        offline=True,
        part="contacts",
    ),
}
"""Every method about profiles, the directory and the public site."""
