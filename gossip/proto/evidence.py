"""A look at evidence before it goes to the intake: about which log it is, and whether it says anything new.

Evidence may be large and costs signature checks. What is known, or about a log that is not carried here,
is dropped for the price of decoding it. Whether it proves anything is the intake's to find out.
"""

from typing import Any, NamedTuple

from gossip.errors import RemoteFault, Severity
from gossip.proto.context import Context
from store.codec import decode_shaped
from store.entry import parse
from store.errors import InvalidEntry
from store.ids import LOG_ID
from store.log import FORK, MAX_EVIDENCE_BYTES, MAX_RUN_ENTRIES, Evidence, LogId

_NAMED_BY_FORK = 2


class Glance(NamedTuple):
    """What evidence claims."""

    log_id: LogId
    seq: int
    digest: bytes
    """32 bytes, as `store.log.Evidence.digest`."""


def glance(encoded: bytes) -> Glance:
    """What `encoded` claims; no signature is checked.

    Raises:
        RemoteFault: it cannot be evidence.
    """
    try:
        value: Any = decode_shaped(encoded, MAX_EVIDENCE_BYTES, 2 * (MAX_RUN_ENTRIES + 1))
        if type(value) is not tuple or len(value) != 2 or type(value[1]) is not tuple:
            raise InvalidEntry("evidence is a kind and a list")
        kind, parts = value
        if type(kind) is not int or kind not in (0, 1) or len(parts) < 2 * _NAMED_BY_FORK:
            raise InvalidEntry("evidence is of two kinds and has two entries")
        count = _NAMED_BY_FORK if kind == FORK else 1
        named = tuple(parse(parts[2 * at], parts[2 * at + 1], None) for at in range(count))
    except InvalidEntry as error:
        raise RemoteFault(f"no evidence: {error}", Severity.HOSTILE) from error
    log_id = LogId(named[0].author, named[0].log)
    seq = named[0].seq
    return Glance(log_id, seq, Evidence(kind, log_id, seq, named).digest())


def is_news(context: Context, claim: Glance) -> bool:
    """Whether evidence says what we do not know about what is carried here of a log.

    An `id` log says itself whose it is, so anyone can sign evidence about one that nobody has heard of:
    of those it counts only where something of the log is held.
    """
    log_id = claim.log_id
    if not context.carries(log_id) or claim.seq > context.admission.last_carried(log_id):
        return False
    held = context.frontier.get(log_id)
    if held is None:
        return log_id.log != LOG_ID
    return held.evidence != claim.digest
