"""Cases of the stream `/asterism/blobs/1`, for blobs-stream-accept.json, -refuse.json and -reencode.json."""

from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

from entry_reencode import tagged
from gossip_reencode import other_forms

from gossip.errors import RemoteFault
from gossip.proto.blob_effects import Ask, Begin, Effect
from gossip.proto.blob_messages import (
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
    encode_answer,
    encode_question,
    parse_answer,
    parse_question,
)
from gossip.proto.blobsync import Asking
from store.blobs import CHUNK_BYTES, MAX_CHUNKS, Manifest, blob_id, chunk_id, held_map
from store.codec import decode, encode
from store.ids import AuthorId

Case = dict[str, Any]

CONTENT = (bytes(CHUNK_BYTES), b"the end")
MANIFEST = Manifest(CHUNK_BYTES + 7, tuple(map(chunk_id, CONTENT)))
BLOB = MANIFEST.id
OTHER = bytes([7] * 32)
PEER = AuthorId(bytes([9] * 32))
BOTH, FIRST, NONE = b"\x03", b"\x01", b"\x00"


def questions() -> dict[str, Question]:
    """What an asker may say."""
    return {
        "look": Look(BLOB, False),
        "look with the manifest": Look(BLOB, True),
        "want of one chunk": Want(BLOB, 0, 1),
        "want of 64 chunks up to the last that there can be": Want(BLOB, MAX_CHUNKS - 64, 64),
    }


def answers() -> dict[str, Answer]:
    """What a holder may say."""
    return {
        "holding": Holding(BLOB, None, BOTH),
        "holding of the first chunk": Holding(BLOB, None, FIRST),
        "holding of no chunk": Holding(BLOB, None, NONE),
        "holding with the manifest": Holding(BLOB, MANIFEST.encode(), BOTH),
        "holding of the empty blob": Holding(OTHER, Manifest(0, ()).encode(), b""),
        "holding of 9 chunks of 12": Holding(OTHER, None, held_map(range(9), 12)),
        "chunk": Chunk(1, CONTENT[1]),
        "chunk of one byte at the last place": Chunk(MAX_CHUNKS - 1, b"x"),
        "chunk of 256 bytes": Chunk(300, bytes(256)),
        "chunk of 65,536 bytes": Chunk(3, bytes(65_536)),
        "chunk of full length": Chunk(0, CONTENT[0]),
        "no chunk": NoChunk(1),
        "lacking": Lacking(BLOB),
        "got": Got(BLOB),
    }


def encoded() -> Iterator[tuple[str, str, bytes]]:
    """Kind, name and bytes of each of them."""
    for name, question in questions().items():
        yield "question", name, encode_question(question)
    for name, answer in answers().items():
        yield "answer", name, encode_answer(answer)


def shown(data: bytes) -> Case:
    """Bytes as the files have them: of long ones without the zeros at the end."""
    if len(data) < 1_000:
        return {"data": data.hex()}
    kept = data.rstrip(b"\x00")
    return {"data": kept.hex(), "fill": len(data) - len(kept)}


def messages() -> Iterator[Case]:
    """Each message."""
    for what, name, data in encoded():
        yield {"what": what, "name": name, **shown(data)}


def malformed() -> Iterator[Case]:
    """What is no message."""
    wrong_questions: dict[str, Any] = {
        "look at a blob of 31 bytes": [1, BLOB[1:], False],
        "look without saying whether the manifest is wanted": [1, BLOB],
        "look with a number where a bool belongs": [1, BLOB, 1],
        "look with a fourth value": [1, BLOB, True, None],
        "want of no chunk": [3, BLOB, 0, 0],
        "want of 65 chunks": [3, BLOB, 0, 65],
        "want from before the first chunk": [3, BLOB, -1, 1],
        "want beyond the last chunk that there can be": [3, BLOB, MAX_CHUNKS - 1, 2],
        "an answer where a question belongs": [6, BLOB],
        "a question of no known number": [8, BLOB],
        "an empty list": [],
        "no list": 1,
        "a number that is a bool": [True, BLOB, False],
    }
    wrong_answers: dict[str, Any] = {
        "holding without a bitmap": [2, BLOB, None],
        "holding with a text for a manifest": [2, BLOB, "", BOTH],
        "holding with a bitmap of 8,193 bytes": [2, BLOB, None, bytes(8_193)],
        "chunk without content": [4, 0, b""],
        "chunk that is too long": [4, 0, bytes(CHUNK_BYTES + 1)],
        "chunk at a place that there cannot be": [4, MAX_CHUNKS, b"x"],
        "chunk at a place before the first": [4, -1, b"x"],
        "no chunk with a fourth value": [5, 1, 2, 3],
        "lacking a blob of 33 bytes": [6, BLOB + b"x"],
        "got nothing": [7, None],
        "a question where an answer belongs": [3, BLOB, 0, 1],
        "an answer of no known number": [9, BLOB],
    }
    for what, wrong in (("question", wrong_questions), ("answer", wrong_answers)):
        for name, value in wrong.items():
            yield refused(what, name, encode(value))
    yield refused("answer", "chunk whose place is not in its shortest form", b"\x93\x04\xcc\x01\xc4\x01x")
    body = b"\xc6" + (65_536).to_bytes(4, "big") + bytes(65_536)
    yield refused("answer", "large chunk whose place is not in its shortest form", b"\x93\x04\xcc\x01" + body)
    yield refused("answer", "large chunk with a byte after its end", b"\x93\x04\x01" + body + b"\x00")
    yield refused("question", "bytes that are no msgpack", b"\xc1")


def refused(what: str, name: str, data: bytes) -> Case:
    """A case of a message that is a fault."""
    try:
        (parse_question if what == "question" else parse_answer)(data)
    except RemoteFault as fault:
        return {"what": what, "name": name, **shown(data), "severity": fault.severity.name.lower()}
    raise AssertionError(name)


# Exchanges


def exchange(name: str, sizes: Sequence[int], said: Sequence[Answer], blob: bytes = BLOB) -> Case:
    """What an asker asks who hears these answers; the last may be a fault."""
    asking = Asking(Random(0))
    steps: list[Case] = []

    def perform(effects: Sequence[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Ask):
                steps.append({"asked": encode_question(effect.question).hex()})
            elif isinstance(effect, Begin):
                perform(asking.begun(effect.manifest.id, range(len(effect.manifest.chunks)), 0.0))

    asking.opened(PEER, 0.0)
    perform(asking.want(blob, frozenset(sizes), None, (), 0.0))
    case: Case = {"what": "exchange", "name": name, "blob": blob.hex(), "sizes": list(sizes), "steps": steps}
    for answer in said:
        received = shown(encode_answer(answer))
        steps.append({"received": received.pop("data"), **received})
        try:
            perform(asking.received(PEER, answer, 0.0))
        except RemoteFault as fault:
            return {**case, "severity": fault.severity.name.lower()}
    return case


def exchanges() -> Iterator[Case]:
    """Answers that are right."""
    whole = Holding(BLOB, MANIFEST.encode(), BOTH)
    chunks = [Chunk(place, data) for place, data in enumerate(CONTENT)]
    yield exchange("the manifest, then both chunks", [], [whole, *in_turn(chunks)])
    yield exchange("the size is one of those that were said", [5, MANIFEST.size], [whole])
    yield exchange("a holder of the first chunk", [], [whole._replace(held=FIRST), chunks[0]])
    yield exchange("a holder that lost a chunk", [], [whole._replace(held=FIRST), NoChunk(0)])
    yield exchange("a holder of nothing that gets it later", [], [Lacking(BLOB), Got(BLOB), whole])
    yield exchange(
        "the empty blob",
        [0],
        [Holding(Manifest(0, ()).id, Manifest(0, ()).encode(), b"")],
        Manifest(0, ()).id,
    )


def in_turn(chunks: Sequence[Chunk]) -> list[Chunk]:
    """Chunks in the order in which the asker of these cases asks for them."""
    asking = Asking(Random(0))
    asking.opened(PEER, 0.0)
    asking.want(BLOB, frozenset(), None, (), 0.0)
    asking.received(PEER, Holding(BLOB, MANIFEST.encode(), BOTH), 0.0)
    asked = asking.begun(BLOB, [0, 1], 0.0)
    places: list[int] = []
    for effect in asked:
        if isinstance(effect, Ask) and isinstance(effect.question, Want):
            places += range(effect.question.first, effect.question.first + effect.question.chunks)
    return [chunks[place] for place in places]


def faulty_exchanges() -> Iterator[Case]:
    """Answers of which the last is a fault."""
    whole = Holding(BLOB, MANIFEST.encode(), BOTH)
    first = in_turn([Chunk(place, data) for place, data in enumerate(CONTENT)])[0]
    nonsense = encode([1, 5, b""])
    named: dict[str, Sequence[Answer]] = {
        "the manifest of another blob": [Holding(BLOB, Manifest(0, ()).encode(), b"")],
        "what is held of another blob": [Holding(OTHER, MANIFEST.encode(), BOTH)],
        "no manifest where it is due": [Holding(BLOB, None, BOTH)],
        "a bitmap that is too long": [whole._replace(held=b"\x03\x00")],
        "a bitmap with a spare bit": [whole._replace(held=b"\x07")],
        "a chunk where a manifest is due": [Chunk(0, b"x")],
        "another chunk than is due": [whole, first._replace(place=1 - first.place)],
        "a chunk too many": [whole._replace(held=FIRST), Chunk(0, CONTENT[0]), Chunk(1, CONTENT[1])],
        "lacking where a chunk is due": [whole, Lacking(BLOB)],
        "a hint about what was not asked for": [Got(OTHER)],
        "a hint about what is held": [whole, Got(BLOB)],
        "the same hint twice": [Lacking(BLOB), Got(BLOB), Got(BLOB)],
    }
    for name, said in named.items():
        case = exchange(name, [], said)
        assert "severity" in case, name
        yield case
    ill = Holding(blob_id(nonsense), nonsense, b"")
    yield {
        **exchange("bytes with the right hash that are no manifest", [], [ill], ill.blob),
        "severity": "bad",
    }


def accept() -> list[Case]:
    """All that is right."""
    return [*messages(), *exchanges()]


def refuse() -> list[Case]:
    """All that is not."""
    return [*malformed(), *faulty_exchanges()]


def reencode() -> list[Case]:
    """Short messages as values, and other encodings of them."""
    found = []
    for what, name, data in encoded():
        if len(data) < 1_000:
            value: Any = decode(data, MAX_WHOLE_BYTES, 4)
            forms = list(other_forms(value, data))
            found.append(
                {"what": what, "name": name, "value": tagged(value), "data": data.hex(), "refused": forms}
            )
    return found
