"""What becomes of a piece of a log: pure rules between `store.log` and `node.intake`.

`inspect` looks at the piece alone (is it one chain, who vouches for it) and may run anywhere, before the
store is asked. `decide` places an inspected piece against what is held of its log; it must be asked in the
order of commits. Neither keeps anything.

    the piece                                          becomes
    is no chain, or its last signature is wrong        Rejected
    begins after the next entry of its log             Behind
    follows another entry than the one held            Diverged, or Stopped where the fork is in sight
    shows another entry at a place that is held        Stopped, with a fork proof
    holds a bad signature that later entries vouch     Stopped, with a proof against the author
    begins where the log ended                         Stopped
    is known, or continues the log                     Accepted
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from gossip.proto.events import Accepted, Behind, Diverged, Piece, Rejected, Stopped, Verdict
from store.entry import Entry
from store.errors import BadSignature, InvalidEntry
from store.ids import NetworkId
from store.interface import LogState
from store.log import MAX_RUN_ENTRIES, Evidence, Head, LogId, bad_proof, fork_proof, stronger

EMPTY: Final = LogState(None, 0, None)
"""The state of a log that nothing is known of."""

ReadHeld = Callable[[LogId, int, int], Sequence[Entry]]
"""Entries of a log that are held, from one seq to another, both included, in order."""


class Inspected(NamedTuple):
    """A piece that is one chain."""

    piece: Piece
    vouched: bool
    """The last signature was checked (and with `each`, all from `checked_from` on but `bad_at`)."""
    each: bool
    """Each signature from the first entry that is not held was checked."""
    bad_at: int
    """Index of the first entry whose signature is wrong though later ones vouch for it; else the length."""


class Decision(NamedTuple):
    """What to do with a piece: append `fresh`, end the log with `evidence`, answer `verdict`."""

    fresh: Piece
    checked: bool
    """Each signature of `fresh` was checked."""
    evidence: Evidence | None
    """News about the author; ends the log. `verdict` is then `Stopped`."""
    verdict: Verdict


def log_of(piece: Piece) -> LogId:
    """The log that a piece says it belongs to."""
    return LogId(piece[0].author, piece[0].log)


def check_chain(piece: Piece) -> None:
    """Check that a piece is 1 to `MAX_RUN_ENTRIES` entries of one log, each linked to the one before.

    Raises:
        InvalidEntry: it is not.
    """
    if not 1 <= len(piece) <= MAX_RUN_ENTRIES:
        raise InvalidEntry(f"a piece has 1 to {MAX_RUN_ENTRIES} entries")
    first = piece[0]
    author, log, seq, last_id = first.author, first.log, first.seq, first.id
    for entry in piece[1:]:
        seq += 1
        if entry.back != last_id or entry.seq != seq or entry.log != log or entry.author != author:
            raise InvalidEntry("a piece that is not one chain")
        last_id = entry.id


def unchecked(piece: Piece, state: LogState, *, each: bool) -> Sequence[Entry]:
    """The entries of a piece whose signatures have to be checked before `inspected`, the last one first.

    None where the whole piece lies at places that are held: `decide` looks there.
    """
    held = 0 if state.head is None else state.head.seq
    if piece[-1].seq <= held:
        return ()
    if not each:
        return piece[-1:]
    return piece[max(0, held + 1 - piece[0].seq) :][::-1]


def inspected(piece: Piece, bad: Sequence[Entry], *, vouched: bool, each: bool) -> Inspected:
    """A chain whose signatures were checked as `unchecked` asked; `bad` are those found wrong.

    Raises:
        BadSignature: the last one is among them, so nobody vouches for the piece.
    """
    if any(entry is piece[-1] for entry in bad):
        raise BadSignature("the signature does not fit")
    bad_at = min((entry.seq for entry in bad), default=piece[-1].seq + 1) - piece[0].seq
    return Inspected(piece, vouched, each, bad_at)


def decide(found: Inspected, state: LogState, read_held: ReadHeld, network: NetworkId) -> Decision:
    """Place a piece against the state of its log, which must be the one of this moment. Never raises."""
    piece = found.piece
    log_id = log_of(piece)
    if found.bad_at < len(piece):
        proof = _shortest_proof(piece[found.bad_at :], network)
        if state.evidence is None or stronger(state.evidence, proof) != state.evidence:
            return _ended_by(proof, found, state, read_held, network)
    ended = state.evidence
    if ended is not None and piece[0].seq >= ended.seq:
        return Decision((), False, None, Stopped(log_id, ended))
    next_seq = 1 if state.head is None else state.head.seq + 1
    if piece[0].seq > next_seq:
        return Decision((), False, None, Behind(log_id, next_seq))
    if piece[0].seq == next_seq:
        if state.head is not None and piece[0].back != state.head.id:
            return Decision((), False, None, Diverged(log_id, state.head.seq))
        return _append(found, piece, state, network)
    return _overlap(found, state, read_held, network)


def _ended_by(
    proof: Evidence, found: Inspected, state: LogState, read_held: ReadHeld, network: NetworkId
) -> Decision:
    """The decision about a piece with a badly signed entry: its good part counts, and then the proof."""
    stopped = Stopped(proof.log_id, proof)
    good = found.piece[: found.bad_at]
    if not good:
        return Decision((), False, proof, stopped)
    before = decide(found._replace(piece=good), state, read_held, network)
    if before.evidence is not None and stronger(before.evidence, proof) == before.evidence:
        return before
    return Decision(before.fresh, before.checked, proof, stopped)


def _append(found: Inspected, fresh: Piece, state: LogState, network: NetworkId) -> Decision:
    """Append entries that continue the log, as far as it goes."""
    log_id = log_of(found.piece)
    if not found.vouched and not _is_signed(found.piece[-1], network):
        return Decision((), False, None, Rejected(log_id, "the signature does not fit"))
    ended = state.evidence
    if ended is not None and found.piece[-1].seq >= ended.seq:
        fresh = tuple(entry for entry in fresh if entry.seq < ended.seq)
        stopped = Stopped(log_id, ended)
        if not fresh:
            return Decision((), False, None, stopped)
        if not found.each and not _is_signed(fresh[-1], network):
            proof = _shortest_proof(found.piece[fresh[-1].seq - found.piece[0].seq :], network)
            return Decision((), False, proof, Stopped(log_id, proof))
        return Decision(fresh, found.each, None, stopped)
    last = found.piece[-1]
    verdict = Accepted(log_id, Head(last.seq, last.id), len(fresh))
    return Decision(fresh, found.each or len(fresh) == 1, None, verdict)


def _overlap(found: Inspected, state: LogState, read_held: ReadHeld, network: NetworkId) -> Decision:
    """Place a piece that begins where entries are held: the same ones, or is this a contradiction?"""
    piece, head = found.piece, state.head
    assert head is not None
    log_id = log_of(piece)
    common = min(piece[-1].seq, head.seq)
    at = common - piece[0].seq
    held_id = head.id if common == head.seq else read_held(log_id, common, common)[0].id
    if piece[at].id != held_id:
        return _contradiction(found, common, read_held, network)
    fresh = piece[at + 1 :]
    if fresh:
        return _append(found, fresh, state, network)
    return Decision((), False, None, Accepted(log_id, head, 0))


def _contradiction(found: Inspected, common: int, read_held: ReadHeld, network: NetworkId) -> Decision:
    """The piece differs from what is held at the same places: find where, and who is to blame."""
    piece = found.piece
    log_id = log_of(piece)
    if not found.vouched and not _is_signed(piece[-1], network):
        return Decision((), False, None, Rejected(log_id, "the signature does not fit"))
    held = read_held(log_id, piece[0].seq, common)
    at = next(index for index, entry in enumerate(held) if entry.id != piece[index].id)
    if at == 0 and piece[0].back != held[0].back:
        return Decision((), False, None, Diverged(log_id, piece[0].seq - 1))
    proof = _proof(piece[at:], held[at], read_held, network)
    if proof is None:
        return Decision((), False, None, Diverged(log_id, piece[at].seq))
    return Decision((), False, proof, Stopped(log_id, proof))


def _proof(shown: Piece, held: Entry, read_held: ReadHeld, network: NetworkId) -> Evidence | None:
    """Evidence from a chain that parts at its first entry from the one held; its last is well signed."""
    if not _is_signed(shown[0], network):
        return _shortest_proof(shown, network)
    if _is_signed(held, network):
        return fork_proof(shown[0], held, network)
    return prove_bad(log_of(shown), held.seq, read_held, network)


def _shortest_proof(chain: Piece, network: NetworkId) -> Evidence:
    """Evidence that the first entry of a chain is badly signed, with those up to the first that is not.

    Evidence goes to everyone: of a long run whose second entry vouches it is 1 kB and not some 500.
    """
    end = next((n for n in range(2, len(chain)) if _is_signed(chain[n - 1], network)), len(chain))
    return bad_proof(chain[:end], network)


def prove_bad(log_id: LogId, seq: int, read_held: ReadHeld, network: NetworkId) -> Evidence | None:
    """Evidence that the entry held at `seq` is badly signed: with those up to the first that vouches for it.

    None where it is not held, or nothing held vouches for it. Raises: InvalidEntry: it is well signed.
    """
    chain = read_held(log_id, seq, seq + MAX_RUN_ENTRIES)
    for end in range(2, len(chain) + 1):
        if _is_signed(chain[end - 1], network):
            return bad_proof(chain[:end], network)
    return None


def settle(evidence: Evidence, state: LogState, read_held: ReadHeld, network: NetworkId) -> Evidence:
    """The evidence that ends a log for good, before its entries from there on are dropped.

    What is left of the log has to end with a good signature: the entries that vouched for it may be
    among those dropped. Where it would not, that is evidence too, at a lower seq.
    """
    last = evidence.seq - 1
    if state.head is None or last > state.head.seq:
        return evidence
    lowest = last + 1
    while lowest - 1 > state.checked_seq:
        before = read_held(evidence.log_id, lowest - 1, lowest - 1)
        if not before or _is_signed(before[0], network):
            break
        lowest -= 1
    if lowest > last:
        return evidence
    return prove_bad(evidence.log_id, lowest, read_held, network) or evidence


def _is_signed(entry: Entry, network: NetworkId) -> bool:
    try:
        entry.check_signature(network)
    except BadSignature:
        return False
    return True
