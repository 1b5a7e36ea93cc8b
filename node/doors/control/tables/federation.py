"""Methods about members, sections and devices. `docs/protocol/control.md` is the specification."""

from collections.abc import Mapping
from typing import Final

from node.doors.control.parameters import BOOL, INT, NAME, NUMBER, TEXT, TEXTS, Method, Parameter

_INVITE: Final = {"section": TEXT, "uses": INT, "valid_ms": INT, "hub": TEXT}
_CHANGE: Final = {"section": TEXT, "threshold": INT, "choose": BOOL}
_CUTS: Final = {"section": TEXT, "before_ms": INT, "without": TEXTS, "preview": BOOL}


def _asked(**parameters: Parameter) -> Method:
    """A method that the store can answer without a daemon."""
    return Method(parameters, offline=True, part="federation")


def _done(parameters: Mapping[str, Parameter], waits: bool = False) -> Method:
    """A method that publishes something."""
    return Method(parameters, waits=waits, part="federation")


METHODS: Final[Mapping[str, Method]] = {
    "section/list": _asked(),
    "section/show": _asked(section=TEXT),
    "section/invite": _done(_INVITE, waits=True),
    "section/endorse": _done({"name": NAME, "section": TEXT}),
    "section/change": _done(
        {"section": TEXT, "name": TEXT, "territory": TEXT, "languages": TEXTS, "choose": BOOL}
    ),
    "steward/list": _asked(section=TEXT),
    "steward/add": _done({"member": NAME, **_CHANGE}),
    "steward/retire": _done({"member": NAME, **_CHANGE}),
    "steward/threshold": _done({"threshold": NUMBER, "section": TEXT, "choose": BOOL}),
    "steward/pending": _asked(section=TEXT, all=BOOL),
    "steward/consent": _done({"act": NAME}),
    "invite/create": _done(_INVITE, waits=True),
    "invite/list": _asked(section=TEXT, all=BOOL),
    "invite/revoke": _done({"invite": NAME}),
    "member/list": _asked(section=TEXT),
    "member/admit": _done({"root": NAME, "section": TEXT}),
    "member/end": _done({"member": NAME, **_CUTS}),
    "member/replace": _done({"member": NAME, "root": NAME, **_CUTS}),
    "roster": Method({"at_ms": INT}, streaming=True, offline=True, part="federation"),
    "whois": _asked(who=TEXT, safety=BOOL),
    "petname/set": _asked(who=NAME, name=NAME),
    "petname/remove": _asked(who=NAME),
    "petname/list": _asked(),
    "device/list": _asked(member=TEXT),
    "device/cut": _asked(device=NAME, before_ms=INT),
    "device/revoke": _done({"cut": NAME, "signature": NAME}, waits=True),
    "contact": _done({"hub": TEXT}),
}
"""Every method about a federation."""
