"""What the intake makes of pieces before the writer gets them: whose signatures are checked, what is left.

Pure, and about pieces alone: what is held of their logs is the writer's to look at.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from gossip.proto.events import Piece, Rejected, Unwanted, Verdict
from gossip.proto.judge import Inspected, inspected, log_of
from node.commits import size_of
from node.limits import CHECK_TOGETHER, SUBMIT_TOGETHER_BYTES
from store.entry import Entry
from store.errors import BadSignature

NOT_CARRIED: Final = "its author's log is not carried here so far"
"""Why an entry is not taken in that breaks no rule."""


class Candidate(NamedTuple):
    """A piece that is a chain, as far as its log is carried."""

    place: int
    """Its place among the pieces of the call."""
    piece: Piece
    asked: Sequence[Entry]
    """Entries whose signatures are to be checked."""
    each: bool
    """Each of them that is not held, not only the last one."""
    is_whole: bool
    """Nothing was cut off. Else its end, which vouched for what is before it, may be missing."""
    is_known: bool = True
    """False: of the `id` log of somebody whom the roster does not know."""


class Checked(NamedTuple):
    """What is left of candidates after their signatures were checked, by place."""

    found: dict[int, Inspected]
    """For the writer."""
    strangers: dict[int, Piece]
    """Of those whom the roster does not know."""


def in_groups(candidates: Sequence[Candidate]) -> list[list[Candidate]]:
    """Candidates in groups that are checked and submitted together."""
    groups: list[list[Candidate]] = []
    asked = size_bytes = 0
    for candidate in candidates:
        own_bytes = size_of(candidate.piece)
        if not groups or asked >= CHECK_TOGETHER or size_bytes + own_bytes > SUBMIT_TOGETHER_BYTES:
            groups.append([])
            asked = size_bytes = 0
        groups[-1].append(candidate)
        asked += len(candidate.asked)
        size_bytes += own_bytes
    return groups


def check_signed(group: Sequence[Candidate], bad: Sequence[Entry], verdicts: dict[int, Verdict]) -> Checked:
    """What is left of candidates of which `bad` entries are wrongly signed; those of which nothing is left
    get their verdict."""
    checked = Checked({}, {})
    bad_objects = set(map(id, bad))
    for candidate in group:
        place, piece = candidate.place, candidate.piece
        own_bad = [entry for entry in candidate.asked if id(entry) in bad_objects] if bad else []
        good = piece[: min((entry.seq for entry in own_bad), default=piece[-1].seq + 1) - piece[0].seq]
        try:
            if candidate.is_known and not candidate.is_whole:
                found = inspected(good, (), vouched=bool(candidate.asked), each=True) if good else None
            else:
                found = inspected(piece, own_bad, vouched=bool(candidate.asked), each=candidate.each)
        except BadSignature as error:
            verdicts[place] = Rejected(log_of(piece), str(error))
            continue
        if found is None or not (good or candidate.is_known):
            verdicts[place] = Unwanted(log_of(piece), NOT_CARRIED)
        elif candidate.is_known:
            checked.found[place] = found
        else:
            checked.strangers[place] = good
    return checked
