"""What a drill says about a federation: which sections could go on, and what is not here of what was said.

A section goes on where as many of its stewards act as its threshold asks for. What lies in a store are their
statements; their words and devices are with them. So the report says whom it takes.

Values in, values out.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from node.federation.names import RootId
from node.federation.roster import Roster
from node.federation.statements import (
    Admission,
    Change,
    Consent,
    End,
    Endorsement,
    Grant,
    Replacement,
    Settlement,
    Statement,
    read,
)
from node.federation.views import Device, Section, Standing
from node.naming import Names
from store.entry import Entry
from store.ids import LOG_ID, LogNo, to_text
from store.interface import LogState
from store.log import LogId

Json = dict[str, Any]

NO_STATEMENTS: Final = "none of its stewards' statements are here"
"""Said of a section of which nobody knows whom it let in: they never came, or this home lacks them."""


def sections_shown(roster: Roster, names: Names) -> list[Json]:
    """Every section: its threshold, and for each steward how many devices of his are known and count."""
    return [_section_shown(roster, section, names) for section in roster.sections()]


def _section_shown(roster: Roster, section: Section, names: Names) -> Json:
    stewards = [_steward_shown(roster, root, names) for root in section.terms.stewards]
    return {
        "section": to_text(section.id),
        "name": section.terms.name,
        "valid": section.valid,
        "members": section.members,
        "threshold": section.terms.threshold,
        "stewards": stewards,
        "known": sum(steward["devices"] > 0 for steward in stewards),
        "rivals": len(section.rivals),
    }


def _steward_shown(roster: Roster, root: RootId, names: Names) -> Json:
    member = roster.member(root)
    owner = root if member is None else member.id
    live = [
        device
        for device in _devices(roster, root)
        if device.standing in (Standing.MEMBER, Standing.CANDIDATE)
    ]
    return {"member": to_text(owner), "name": names.of_bearer(owner), "devices": len(live)}


def silent_sections(roster: Roster) -> list[Json]:
    """Valid sections of whose stewards no statement is here."""
    return [
        {"section": to_text(section.id), "name": section.terms.name, "why": NO_STATEMENTS}
        for section in roster.sections()
        if section.valid and not any(_devices(roster, root) for root in section.terms.stewards)
    ]


def _devices(roster: Roster, root: RootId) -> Sequence[Device]:
    member = roster.member(root)
    return () if member is None else member.devices


def cut_devices(roster: Roster) -> Iterator[Device]:
    """Devices of which some logs end where a member or a section said."""
    for member in roster.members():
        yield from (device for device in member.devices if device.ends is not None)


def cut_logs(roster: Roster, states: Mapping[LogId, LogState]) -> Iterator[tuple[LogId, int]]:
    """Logs that are cut, held or named by a cut, each with the last seq that is good."""
    for device in cut_devices(roster):
        ends = {LogNo(log): seq for log, seq in device.ends or ()}
        held = {log_id.log for log_id in states if log_id.author == device.id}
        for log in sorted({*ends, *held} - {LOG_ID}):
            yield LogId(device.id, log), ends.get(log, 0)


def unheard(roster: Roster, logs: Iterable[Sequence[Entry]]) -> Iterator[tuple[Entry, str, bytes]]:
    """What these `id` logs go on from and nobody here has said: the entry, what sort of thing, its id."""
    states = {state for section in roster.sections() for state in section.chain}
    known = states | {each.act for each in roster.acts()} | {each.entry for each in roster.grants()}
    for entries in logs:
        for entry in entries:
            said = read(entry, roster.network)
            if said is not None:
                for what, wanted in _grounds(said.statement):
                    if wanted not in known:
                        yield entry, what, wanted


def _grounds(statement: Statement) -> Sequence[tuple[str, bytes]]:
    """What else has to be known for a statement to have an effect."""
    match statement:
        case Grant() | Admission() | Endorsement() | End() | Replacement():
            return (("state", statement.state),)
        case Settlement():
            return ("state", statement.state), ("invite", statement.grant)
        case Change():
            return [("state", parent) for parent in statement.parents]
        case Consent():
            return (("act", statement.act),)
    return ()
