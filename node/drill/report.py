"""What a drill found, in JSON for scripts and for `cli.hub`: what is equal, and what would be lost.

    digests   of logs, of the roster, of each app's view, and the number of texts in the search index
    lost      what others may have and this home has not, or what could not be made anew from it
    ended     logs that end before their author stopped: by a contradiction, or because they were cut. They
              end there everywhere
    named     what others refer to and is not here; whether it ever was, nobody here can say
    sections  in a federation: whom each section needs to go on

Values in, values out.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from gossip.proto.fields import ALL_LOGS
from node.drill.replay import Place, Seen
from node.drill.roster import cut_logs, sections_shown, silent_sections
from node.federation.roster import Roster
from node.naming import Names
from store.frontier import Frontier
from store.ids import LOG_ID, NetworkId, log_name, to_text
from store.interface import NOTHING_HELD, LogState, total_entries
from store.log import FORK, LogId
from store.sqlite.portrait import Portrait, View

Json = dict[str, Any]

MAX_LISTED: Final = 1_000
"""Items in one list of the report; how many there are in all is said beside it."""


class Look(NamedTuple):
    """What one home looked like."""

    portrait: Portrait
    texts: int | None
    """Entries in its search index; None: it could not follow, because the store is damaged."""
    roster: Roster | None = None
    """None: an open circle."""


class Drilled(NamedTuple):
    """What was here, and what could be rebuilt."""

    network: NetworkId
    here: Look
    rebuilt: Look
    seen: Seen
    unheard: Sequence[tuple[LogId, str, bytes]] = ()
    """What stewards' statements go on from and is not here: in which log, what sort of thing, its id."""


def report(drilled: Drilled, names: Names) -> Json:
    """All of it. `ok`: everything is equal and nothing would be lost."""
    digests = _digests(drilled)
    here, seen, roster = _counted(drilled.here), drilled.seen, drilled.here.roster
    cuts = [] if roster is None else list(cut_logs(roster, here))
    absent = sum(seen.absent.values())
    lost = {
        "bodies": _listed(_bodies(seen, names), absent),
        "entries": _all(_shortfalls(drilled, names), _beyond(here, names), _before_cuts(here, cuts, names)),
        "sections": _all([] if roster is None else silent_sections(roster)),
    }
    equal = all(each["equal"] for each in digests)
    return {
        "ok": equal and not any(each["count"] for each in lost.values()),
        "equal": equal,
        "logs": len(here),
        "entries": total_entries(here.values()),
        "bodies": total_entries(here.values()) - absent - seen.deleted - seen.unwanted - seen.expired,
        "deleted": seen.deleted,
        "expired": seen.expired,
        "unwanted": seen.unwanted,
        "digests": digests,
        "lost": lost,
        "ended": _all(_ended(here, names), _cut(here, cuts, names)),
        "named": _all(_named(drilled, names)),
        "sections": [] if roster is None else sections_shown(roster, names),
    }


def _counted(look: Look) -> dict[LogId, LogState]:
    """The logs that count. Evidence is kept against `id` logs that are no longer carried; it is not one."""
    states = look.portrait.states.items()
    return {log_id: state for log_id, state in states if state.head is not None or log_id.log != LOG_ID}


def _all(*parts: Iterable[Json]) -> Json:
    items = [each for part in parts for each in part]
    return _listed(items, len(items))


def _listed(items: Iterable[Json], count: int) -> Json:
    return {"count": count, "listed": list(items)[:MAX_LISTED]}


def _digests(drilled: Drilled) -> list[Json]:
    """What is compared, here and rebuilt."""
    sides = (drilled.here, drilled.rebuilt)
    one, other = (Frontier(drilled.network, look.portrait.states) for look in sides)
    compared = [_compared("logs", to_text(one.digest(ALL_LOGS)), to_text(other.digest(ALL_LOGS)))]
    mine, made = drilled.here.roster, drilled.rebuilt.roster
    if mine is not None and made is not None:
        compared.append(_compared("roster", to_text(mine.digest()), to_text(made.digest())))
    for app in drilled.here.portrait.views:
        held, folded = (look.portrait.views[app] for look in sides)
        compared.append(
            _compared(f"{app} view", _shown(held), _shown(folded))
            | {"rows_here": held and held.rows, "rows_rebuilt": folded and folded.rows}
        )
    compared.append(_compared("search index", drilled.here.texts, drilled.rebuilt.texts))
    return compared


def _compared(what: str, here: object, rebuilt: object) -> Json:
    return {"what": what, "here": here, "rebuilt": rebuilt, "equal": here == rebuilt and here is not None}


def _shown(view: View | None) -> str | None:
    return None if view is None else to_text(view.digest)


def _shortfalls(drilled: Drilled, names: Names) -> Iterator[Json]:
    """Logs that could not be rebuilt as they are held, with the place and the reason."""
    here, rebuilt = _counted(drilled.here), _counted(drilled.rebuilt)
    for log_id in sorted({*here, *rebuilt}):
        held, made = here.get(log_id, NOTHING_HELD), rebuilt.get(log_id, NOTHING_HELD)
        if _essence(held) != _essence(made):
            place = _reason(log_id, made, drilled.seen)
            last = max(_last(held), place.seq)
            yield _of(log_id, names) | {"first": place.seq, "last": last, "why": place.why}


def _reason(log_id: LogId, made: LogState, seen: Seen) -> Place:
    found = [places[log_id] for places in (seen.holes, seen.refused) if log_id in places]
    return min(
        found, default=Place(log_id, _last(made) + 1, "it came out otherwise"), key=lambda place: place.seq
    )


def _beyond(here: Mapping[LogId, LogState], names: Names) -> Iterator[Json]:
    """Entries that must have been there before a contradiction that is known, and are not here."""
    for log_id, state in sorted(here.items()):
        if state.evidence is not None and state.evidence.seq > _last(state) + 1:
            why = "they are not here, and what contradicts them or follows them is known"
            span = {"first": _last(state) + 1, "last": state.evidence.seq - 1}
            yield _of(log_id, names) | span | {"why": why}


def _before_cuts(
    here: Mapping[LogId, LogState], cuts: Iterable[tuple[LogId, int]], names: Names
) -> Iterator[Json]:
    """Entries that a cut calls good, and that are not here."""
    for log_id, last in cuts:
        held = _last(here.get(log_id, NOTHING_HELD))
        if held < last:
            span = {"first": held + 1, "last": last}
            yield _of(log_id, names) | span | {"why": "a cut calls them good, and they are not here"}


def _bodies(seen: Seen, names: Names) -> Iterator[Json]:
    for log_id, count in sorted(seen.absent.items()):
        yield _of(log_id, names) | {"count": count}


def _ended(here: Mapping[LogId, LogState], names: Names) -> Iterator[Json]:
    for log_id, state in sorted(here.items()):
        if state.evidence is not None:
            kind = "fork" if state.evidence.kind == FORK else "bad signature"
            yield _of(log_id, names) | {"seq": state.evidence.seq, "kind": kind}


def _cut(here: Mapping[LogId, LogState], cuts: Iterable[tuple[LogId, int]], names: Names) -> Iterator[Json]:
    for log_id, last in cuts:
        yield _of(log_id, names) | {"seq": last + 1, "kind": "cut"}


def _named(drilled: Drilled, names: Names) -> Iterator[Json]:
    for entry_id, log_id in sorted(drilled.seen.named.items()):
        yield _of(log_id, names) | {"what": "entry", "id": to_text(entry_id)}
    for log_id, what, wanted in drilled.unheard:
        yield _of(log_id, names) | {"what": what, "id": to_text(wanted)}


def _essence(state: LogState) -> tuple[object, object]:
    """What of a state is the same wherever the same was seen."""
    return state.head, state.evidence and state.evidence.digest()


def _last(state: LogState) -> int:
    return 0 if state.head is None else state.head.seq


def _of(log_id: LogId, names: Names) -> Json:
    author = log_id.author
    return {"author": to_text(author), "name": names.of(author), "log": log_name(log_id.log)}
