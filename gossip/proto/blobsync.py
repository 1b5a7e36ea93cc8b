"""The asker's side of blob streams: which chunks to ask of whom. Values in, effects out.

Every source is asked what it holds of a hunted blob (`Look`), one of them for the manifest as well. Chunks
are asked for in runs, those first that one source alone holds, each source as far ahead as it is fast. A
chunk goes back and is asked of others when its source says that it has it not, sends another one, is silent
or leaves; one that is late is asked of a second source. Each answer has to fit the oldest question that is
open, so that nobody can send what was not asked for. What is wrong is a `RemoteFault`; the shell ends the
stream then.

The shell checks and keeps chunks (`Keep`) and says what came of it (`kept`, `refused`). It calls `tick` every
`blob_limits.BLOB_TICK_S`, and ends with `forget` a hunt whose blob cannot be kept.
"""

from collections.abc import Iterable
from random import Random

from gossip.errors import RemoteFault, Severity
from gossip.proto import blob_limits, limits
from gossip.proto.blob_effects import (
    Advanced,
    Ask,
    Available,
    Begin,
    Effect,
    Finished,
    GivenUp,
    Keep,
    Leave,
    Nobody,
    Progress,
)
from gossip.proto.blob_hunts import Asked, Hunt, Owed, Source, is_map_over
from gossip.proto.blob_messages import (
    MAX_CHUNK_MESSAGE_BYTES,
    MAX_HOLDING_BYTES,
    MAX_QUESTION_BYTES,
    MAX_WHOLE_BYTES,
    Answer,
    Chunk,
    Got,
    Holding,
    Lacking,
    Look,
    NoChunk,
    Question,
    Want,
)
from gossip.proto.fields import expect, require
from store.blobs import Manifest, blob_id
from store.errors import InvalidBlob
from store.ids import AuthorId


class Asking:
    """All hunts and sources of one node."""

    # long because hunts and sources are one state: whatever happens to one of them concerns the others

    def __init__(self, random: Random) -> None:
        """`random`: chance that may be guessed, for where in a blob to begin."""
        self._random = random
        self._hunts: dict[bytes, Hunt] = {}
        self._sources: dict[AuthorId, Source] = {}
        self._rests: dict[AuthorId, tuple[float, float]] = {}
        """Until when a peer that was left is not asked, and how long that rest is."""

    # --- what is wanted -----------------------------------------------------------------------------

    @property
    def hunted(self) -> list[bytes]:
        """The blobs that are hunted, in the order in which they are asked for."""
        return list(self._hunts)

    def want(
        self,
        blob: bytes,
        sizes: frozenset[int],
        manifest: Manifest | None,
        lacking: Iterable[int],
        now: float,
        *,
        first: bool = False,
    ) -> list[Effect]:
        """Hunt a blob; `manifest` with the places of the chunks that are `lacking`, where it is known.

        `sizes`: how many bytes it may have; empty: whatever it has. `first`: before those
        that are not.
        """
        if blob in self._hunts:
            return []
        self._hunts[blob] = hunt = Hunt(blob, sizes, first)
        self._hunts = dict(sorted(self._hunts.items(), key=lambda item: not item[1].first))
        if manifest is not None:
            if not hunt.may_have(manifest.size):
                return self._give_up(hunt, _other_size(hunt, manifest))
            self._begin(hunt, manifest, lacking)
            if not hunt.lacking:
                return self._finish(hunt)
        looks = [effect for peer in list(self._sources) for effect in self._look(hunt, peer, now)]
        return looks or self._settle(hunt)

    def forget(self, blob: bytes) -> None:
        """Hunt a blob no more. What is owed of it is dropped when it comes."""
        if self._hunts.pop(blob, None) is not None:
            for source in self._sources.values():
                source.forget(blob)

    def begun(self, blob: bytes, lacking: Iterable[int], now: float) -> list[Effect]:
        """A manifest was kept; these chunks of the blob are lacking."""
        hunt = self._hunts.get(blob)
        if hunt is None or hunt.manifest is None:
            return []
        self._begin(hunt, hunt.manifest, lacking)
        if not hunt.lacking:
            return self._finish(hunt)
        return [*self._fill_all(now), *self._settle(hunt)]

    def progress(self, blob: bytes) -> Progress | None:
        """How far a hunt is; None: that blob is not hunted."""
        hunt = self._hunts.get(blob)
        if hunt is None:
            return None
        size = max(hunt.sizes, default=0) if hunt.manifest is None else hunt.manifest.size
        sources = sum(1 for source in self._sources.values() if source.holds.get(blob))
        return Progress(hunt.held_bytes, size, sources)

    def _begin(self, hunt: Hunt, manifest: Manifest, lacking: Iterable[int]) -> None:
        hunt.begin(manifest, lacking, self._random.randrange(max(len(manifest.chunks), 1)))

    def _finish(self, hunt: Hunt) -> list[Effect]:
        self.forget(hunt.blob)
        return [Finished(hunt.blob)]

    def _give_up(self, hunt: Hunt, why: str) -> list[Effect]:
        self.forget(hunt.blob)
        return [GivenUp(hunt.blob, why)]

    # --- who may be asked ---------------------------------------------------------------------------

    @property
    def sources(self) -> list[AuthorId]:
        """The peers with a stream."""
        return list(self._sources)

    def is_resting(self, peer: AuthorId, now: float) -> bool:
        """Was a peer left a short while ago?"""
        return now < self._rests.get(peer, (0.0, 0.0))[0]

    def spare(self, now: float) -> list[AuthorId]:
        """Sources that owe nothing and have had nothing for us for a while."""
        return [
            peer
            for peer, source in self._sources.items()
            if not source.owing and now - source.useful_s > blob_limits.SPARE_SOURCE_S
        ]

    def opened(self, peer: AuthorId, now: float) -> list[Effect]:
        """A stream to a peer is open."""
        self._sources[peer] = Source(now, now)
        return [effect for hunt in list(self._hunts.values()) for effect in self._look(hunt, peer, now)]

    def closed(self, peer: AuthorId, now: float) -> list[Effect]:
        """The stream to a peer ended: what it owed is asked of others."""
        source = self._sources.pop(peer, None)
        if source is None:
            return []
        for owed in source.owing:
            hunt = self._hunts.get(owed.blob)
            if hunt is not None and isinstance(owed, Owed):
                hunt.put_back(owed.place, peer)
        effects: list[Effect] = []
        for hunt in list(self._hunts.values()):
            if hunt.whole_from == peer:
                hunt.whole_from = None
                effects += self._seek_manifest(hunt, now)
        effects += self._fill_all(now)
        return effects + [effect for hunt in list(self._hunts.values()) for effect in self._settle(hunt)]

    def without_sources(self) -> list[Effect]:
        """There is no stream and none is being opened: nobody has what is hunted."""
        alone = [hunt for hunt in self._hunts.values() if not hunt.is_alone]
        for hunt in alone:
            hunt.is_alone = True
        return [Nobody(hunt.blob) for hunt in alone]

    def longest_answer(self, peer: AuthorId) -> int:
        """Bytes of the longest message that a source may send now."""
        source = self._sources.get(peer)
        match source.owing[0] if source is not None and source.owing else None:
            case Owed():
                return MAX_CHUNK_MESSAGE_BYTES
            case Look(_, whole):
                return MAX_WHOLE_BYTES if whole else MAX_HOLDING_BYTES
            case None:
                return MAX_QUESTION_BYTES

    # --- answers ------------------------------------------------------------------------------------

    def received(self, peer: AuthorId, answer: Answer, now: float) -> list[Effect]:
        """A source said something. Raises: RemoteFault: it was not asked that, or what it says is wrong."""
        source = self._sources.get(peer)
        if source is None:
            return []
        if isinstance(answer, Got):
            return self._got(source, peer, answer.blob, now)
        expect(bool(source.owing), "an answer to no question")
        owed = source.owing[0]
        hunt = self._hunts.get(owed.blob)
        if isinstance(owed, Owed):
            effects = self._chunk_came(source, peer, owed, answer, hunt, now)
        else:
            effects = self._look_answered(source, peer, owed, answer, hunt, now)
        return [*effects, *self._fill(peer, now)]

    def kept(self, blob: bytes, place: int) -> list[Effect]:
        """A chunk was checked and kept."""
        hunt = self._hunts.get(blob)
        if hunt is None:
            return []
        hunt.kept(place)
        return [Advanced(blob)] if hunt.lacking else self._finish(hunt)

    def refused(self, peer: AuthorId, blob: bytes, place: int, now: float) -> list[Effect]:
        """A chunk has another content than the manifest says: it is asked of others."""
        source = self._sources.get(peer)
        if source is not None:
            source.holds[blob] = 0
        hunt = self._hunts.get(blob)
        if hunt is None or place not in hunt.asked:
            return []
        hunt.asked[place].keeping = False
        hunt.put_back(place, None)
        return [*self._fill_all(now), *self._settle(hunt)]

    def _got(self, source: Source, peer: AuthorId, blob: bytes, now: float) -> list[Effect]:
        if blob not in source.lacked:
            raise RemoteFault("a hint about a blob that it was not asked for", Severity.SLIGHT)
        del source.lacked[blob]
        hunt = self._hunts.get(blob)
        return [Available(blob, peer)] if hunt is None else self._look(hunt, peer, now)

    def _chunk_came(
        self, source: Source, peer: AuthorId, owed: Owed, answer: Answer, hunt: Hunt | None, now: float
    ) -> list[Effect]:
        if not isinstance(answer, (Chunk, NoChunk)) or answer.place != owed.place:
            raise RemoteFault("another answer than was due")
        source.owing.popleft()
        source.chunks -= 1
        waited_s, source.quiet_since_s = now - source.quiet_since_s, now
        if hunt is None:
            return []
        if isinstance(answer, NoChunk):
            source.holds[owed.blob] = 0
            source.looked_s[owed.blob] = now
            hunt.put_back(owed.place, peer)
            return [*self._fill_all(now), *self._settle(hunt)]
        source.useful_s = now
        source.pace_s = 0.75 * source.pace_s + 0.25 * waited_s
        self._rests.pop(peer, None)
        asked = hunt.asked.get(owed.place)
        if hunt.manifest is None or asked is None or peer not in asked.peers:
            return []
        asked.peers.remove(peer)
        if asked.keeping:
            return []
        asked.keeping = True
        return [Keep(peer, hunt.manifest, owed.place, answer.data)]

    def _look_answered(
        self, source: Source, peer: AuthorId, owed: Look, answer: Answer, hunt: Hunt | None, now: float
    ) -> list[Effect]:
        if not isinstance(answer, (Holding, Lacking)) or answer.blob != owed.blob:
            raise RemoteFault("another answer than was due")
        if isinstance(answer, Holding):
            expect(owed.whole == (answer.manifest is not None), "a manifest that was not due, or none")
        if hunt is not None and isinstance(answer, Holding):
            _check(answer, hunt)
        source.owing.popleft()
        source.quiet_since_s = now
        if isinstance(answer, Lacking):
            source.note_lacking(owed.blob)
        if hunt is None:
            return []
        if owed.whole and hunt.whole_from == peer:
            hunt.whole_from = None
        source.looked_s[owed.blob] = now
        source.holds[owed.blob] = 0
        if isinstance(answer, Lacking):
            return [*self._seek_manifest(hunt, now), *self._settle(hunt)]
        return self._holding(source, peer, answer, hunt, now)

    def _holding(
        self, source: Source, peer: AuthorId, answer: Holding, hunt: Hunt, now: float
    ) -> list[Effect]:
        if answer.manifest is not None and hunt.manifest is None:
            try:
                manifest = Manifest.parse(answer.manifest)
            except InvalidBlob as error:
                why = f"its manifest is invalid: {error}"
                return [*self._give_up(hunt, why), Leave(peer, why, Severity.BAD), *self.closed(peer, now)]
            return self._manifest_came(source, peer, hunt, manifest, answer.held)
        source.holds[hunt.blob] = held = int.from_bytes(answer.held, "little")
        if hunt.manifest is None:
            return self._seek_manifest(hunt, now)
        if hunt.beginning or not held & hunt.lacking:
            return self._settle(hunt)
        source.useful_s = now
        hunt.is_alone = False
        return [Advanced(hunt.blob)]

    def _manifest_came(
        self, source: Source, peer: AuthorId, hunt: Hunt, manifest: Manifest, held: bytes
    ) -> list[Effect]:
        require(is_map_over(held, manifest), "a bitmap")
        if not hunt.may_have(manifest.size):
            return self._give_up(hunt, _other_size(hunt, manifest))
        hunt.manifest, hunt.beginning, hunt.is_alone = manifest, True, False
        source.holds[hunt.blob] = int.from_bytes(held, "little")
        for other in self._sources.values():
            if other.holds.get(hunt.blob, 0).bit_length() > len(manifest.chunks):
                other.holds[hunt.blob] = 0
        return [Begin(manifest)]

    # --- questions ----------------------------------------------------------------------------------

    def _look(self, hunt: Hunt, peer: AuthorId, now: float) -> list[Effect]:
        """Ask a source what it holds of a blob, and for the manifest if nobody was asked for that."""
        source = self._sources[peer]
        if source.is_looking(hunt.blob):
            return []
        hunt.is_alone = False
        whole = hunt.manifest is None and hunt.whole_from is None
        if whole:
            hunt.whole_from, hunt.whole_since_s = peer, now
        source.looked_s[hunt.blob] = now
        return [_ask(source, peer, Look(hunt.blob, whole), now)]

    def _seek_manifest(self, hunt: Hunt, now: float) -> list[Effect]:
        """Ask another source for the manifest, if it is not known and nobody owes it."""
        if hunt.manifest is not None or hunt.whole_from is not None:
            return []
        for peer, source in self._sources.items():
            if source.holds.get(hunt.blob):
                return self._look(hunt, peer, now)
        return []

    def _seek_manifest_elsewhere(self, hunt: Hunt, now: float) -> list[Effect]:
        """Ask a second source for a manifest that is late, if there is one; either may send it then."""
        late = hunt.whole_from
        hunt.whole_from = None
        effects = self._seek_manifest(hunt, now)
        if not effects:
            hunt.whole_from = late
        return effects

    def _fill_all(self, now: float) -> list[Effect]:
        return [effect for peer in list(self._sources) for effect in self._fill(peer, now)]

    def _fill(self, peer: AuthorId, now: float) -> list[Effect]:
        """Ask a source for as many chunks as it may owe."""
        source = self._sources.get(peer)
        room = 0 if source is None else source.room
        effects: list[Effect] = []
        if source is None or not room:
            return effects
        for hunt in self._hunts.values():
            held = source.holds.get(hunt.blob, 0)
            if hunt.beginning or not hunt.todo & held:
                continue
            others = self._held_beside(peer, hunt.blob)
            while room and hunt.todo & held:
                first, count = hunt.take(held, others, room)
                room -= count
                for place in range(first, first + count):
                    hunt.asked[place] = Asked([peer], now)
                effects.append(_ask(source, peer, Want(hunt.blob, first, count), now))
            if not room:
                break
        return effects

    def _held_beside(self, peer: AuthorId, blob: bytes) -> int:
        """What sources other than `peer` hold of a blob."""
        held = 0
        for other, source in self._sources.items():
            if other != peer:
                held |= source.holds.get(blob, 0)
        return held

    def _settle(self, hunt: Hunt) -> list[Effect]:
        """Say it, once, if no source has anything to go on with; `without_sources`: if there is none."""
        if not self._sources or hunt.is_alone or hunt.beginning or hunt.asked or hunt.blob not in self._hunts:
            return []
        for source in self._sources.values():
            held = source.holds.get(hunt.blob, 0)
            if source.is_looking(hunt.blob) or (held and (hunt.manifest is None or held & hunt.lacking)):
                return []
        hunt.is_alone = True
        return [Nobody(hunt.blob)]

    # --- time ---------------------------------------------------------------------------------------

    def tick(self, now: float) -> list[Effect]:
        """Look at what is late: silent sources, late chunks, sources that may hold more by now."""
        effects: list[Effect] = []
        for hunt in list(self._hunts.values()):
            if hunt.whole_from is not None and now - hunt.whole_since_s > blob_limits.CHUNK_LATE_S:
                effects += self._seek_manifest_elsewhere(hunt, now)
        for peer, source in list(self._sources.items()):
            if source.owing and now - source.quiet_since_s > blob_limits.SOURCE_SILENCE_S:
                effects += self._leave(peer, now)
                continue
            for hunt in list(self._hunts.values()):
                if _is_worth_a_look(hunt, source, now):
                    effects += self._look(hunt, peer, now)
            effects += self._fill(peer, now)
            if not source.chunks:
                effects += self._help_out(source, peer, now)
        return effects

    def _leave(self, peer: AuthorId, now: float) -> list[Effect]:
        """Stop asking a source that did nothing wrong, for a while."""
        rest_s = self._rests.pop(peer, (0.0, blob_limits.SOURCE_REST_S / 2))[1] * 2
        rest_s = min(rest_s, blob_limits.SOURCE_REST_LAST_S)
        if len(self._rests) >= limits.ADDRESS_BOOK:
            self._rests.clear()
        self._rests[peer] = (now + rest_s, rest_s)
        return [Leave(peer, "it owes an answer for too long", None), *self.closed(peer, now)]

    def _help_out(self, source: Source, peer: AuthorId, now: float) -> list[Effect]:
        """Ask an idle source for chunks that another one owes for too long."""
        effects: list[Effect] = []
        for hunt in self._hunts.values():
            held = source.holds.get(hunt.blob, 0)
            for place, asked in hunt.asked.items():
                if len(effects) >= blob_limits.LEAST_CHUNKS_AHEAD:
                    return effects
                is_late = now - asked.since_s > blob_limits.CHUNK_LATE_S and not asked.keeping
                if is_late and held >> place & 1 and len(asked.peers) == 1 and peer not in asked.peers:
                    asked.peers.append(peer)
                    effects.append(_ask(source, peer, Want(hunt.blob, place, 1), now))
        return effects


def _check(answer: Holding, hunt: Hunt) -> None:
    """Raises: RemoteFault: the manifest is that of another blob, or the bitmap has another length."""
    if answer.manifest is not None and blob_id(answer.manifest) != hunt.blob:
        raise RemoteFault("the manifest of another blob", Severity.HOSTILE)
    require(hunt.manifest is None or is_map_over(answer.held, hunt.manifest), "a bitmap")


def _ask(source: Source, peer: AuthorId, question: Question, now: float) -> Ask:
    """Ask, and note what is owed."""
    if not source.owing:
        source.quiet_since_s = now
    if isinstance(question, Look):
        source.owing.append(question)
    else:
        places = range(question.first, question.first + question.chunks)
        source.owing.extend(Owed(question.blob, place) for place in places)
        source.chunks += question.chunks
    return Ask(peer, question)


def _is_worth_a_look(hunt: Hunt, source: Source, now: float) -> bool:
    """May a source hold something by now that it did not hold when it was asked?"""
    held = source.holds.get(hunt.blob, 0)
    if hunt.beginning or (held and hunt.manifest is None and hunt.whole_from is not None):
        return False
    if held and hunt.manifest is not None and not hunt.todo & ~held:
        return False
    wait_s = blob_limits.LOOK_AGAIN_S if held else blob_limits.LOOK_LACKING_S
    return now - source.looked_s.get(hunt.blob, now) > wait_s


def _other_size(hunt: Hunt, manifest: Manifest) -> str:
    said = " or ".join(f"{size:,}" for size in sorted(hunt.sizes)[:3])
    return f"it has {manifest.size:,} bytes, where {said} were said"
