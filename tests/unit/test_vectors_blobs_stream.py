"""The frozen vectors of the stream `/asterism/blobs/1`, read as a second implementation would read them."""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest

from gossip.errors import RemoteFault
from gossip.proto.blob_effects import Ask, Begin, Effect, Leave
from gossip.proto.blob_messages import (
    encode_answer,
    encode_question,
    parse_answer,
    parse_question,
)
from gossip.proto.blobsync import Asking
from store.codec import decode, encode
from store.ids import AuthorId

FOLDER = Path(__file__).parents[1] / "vectors"
NAMES = [f"blobs-stream-{kind}.json" for kind in ("accept", "reencode", "refuse")]
PEER = AuthorId(b"p" * 32)

Case = dict[str, Any]


def load(name: str) -> Any:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


ACCEPT, REFUSE = (load(f"blobs-stream-{kind}.json")["cases"] for kind in ("accept", "refuse"))
REENCODE = load("blobs-stream-reencode.json")["values"]


def cases_of(cases: Sequence[Case], *kinds: str) -> list[Any]:
    return [
        pytest.param(case, id=f"{case['what']}: {case['name']}") for case in cases if case["what"] in kinds
    ]


def raw(case: Case, name: str = "data") -> bytes:
    return bytes.fromhex(case[name]) + bytes(case.get("fill", 0))


def parser(case: Case) -> Callable[[bytes], Any]:
    return parse_question if case["what"] == "question" else parse_answer


def encoder(case: Case) -> Callable[[Any], bytes]:
    return encode_question if case["what"] == "question" else encode_answer


@pytest.mark.parametrize("case", cases_of(ACCEPT, "question", "answer"))
def test_messages_are_understood_and_written_alike(case: Case) -> None:
    assert encoder(case)(parser(case)(raw(case))) == raw(case)


@pytest.mark.parametrize("case", cases_of(REFUSE, "question", "answer"))
def test_what_is_no_message_is_a_fault(case: Case) -> None:
    with pytest.raises(RemoteFault) as caught:
        parser(case)(raw(case))
    assert caught.value.severity.name.lower() == case["severity"]


class Exchange:
    """An asker that hears what a case says."""

    def __init__(self, case: Case) -> None:
        self.asking = Asking(Random(0))
        self.asked: list[str] = []
        self.left: list[Leave] = []
        self.asking.opened(PEER, 0.0)
        self._perform(self.asking.want(raw(case, "blob"), frozenset(case["sizes"]), None, (), 0.0))

    def hear(self, data: bytes) -> None:
        """Raises: RemoteFault."""
        assert len(data) <= self.asking.longest_answer(PEER) or len(data) < 100
        self._perform(self.asking.received(PEER, parse_answer(data), 0.0))

    def _perform(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            match effect:
                case Ask(_, question):
                    self.asked.append(encode_question(question).hex())
                case Begin(manifest):
                    lacking = range(len(manifest.chunks))
                    self._perform(self.asking.begun(manifest.id, lacking, 0.0))
                case Leave():
                    self.left.append(effect)


def play(case: Case, steps: Sequence[Case]) -> Exchange:
    """Hear what was received, and see that what is asked is what the case says."""
    exchange = Exchange(case)
    for step in steps:
        if "asked" in step:
            assert exchange.asked.pop(0) == step["asked"]
        else:
            exchange.hear(raw(step, "received"))
    return exchange


@pytest.mark.parametrize("case", cases_of(ACCEPT, "exchange"))
def test_an_exchange_goes_as_it_is_written(case: Case) -> None:
    exchange = play(case, case["steps"])
    assert exchange.asked == exchange.left == []


@pytest.mark.parametrize("case", cases_of(REFUSE, "exchange"))
def test_a_wrong_answer_is_a_fault_and_those_before_it_are_not(case: Case) -> None:
    *before, last = case["steps"]
    exchange = play(case, before)
    try:
        exchange.hear(raw(last, "received"))
    except RemoteFault as fault:
        found = fault.severity
    else:
        [left] = exchange.left
        assert left.severity is not None
        found = left.severity
    assert found.name.lower() == case["severity"]


def value_of(shown: Any) -> Any:
    """The value that a tagged one in the files stands for."""
    match shown:
        case list():
            return [value_of(item) for item in shown]
        case {"int": text}:
            return int(text)
        case {"bytes": text}:
            return bytes.fromhex(text)
        case {"text": text}:
            return text
        case _:
            return shown


@pytest.mark.parametrize("case", cases_of(REENCODE, "question", "answer"))
def test_a_value_has_one_encoding(case: Case) -> None:
    assert encode(value_of(case["value"])) == raw(case)
    assert encode(decode(raw(case), 10_000, 4)) == raw(case)
    assert case["refused"]
    for other in case["refused"]:
        with pytest.raises(RemoteFault):
            parser(case)(bytes.fromhex(other["data"]))


def test_the_files_are_what_their_maker_writes(tmp_path: Path) -> None:
    maker = FOLDER / "make_blobs_stream_vectors.py"
    subprocess.run([sys.executable, maker, tmp_path], check=True, timeout=60)
    for name in NAMES:
        assert (tmp_path / name).read_text("utf-8") == (FOLDER / name).read_text("utf-8"), name


def test_every_message_of_the_page_has_a_case() -> None:
    numbers = {raw(case)[1] for case in ACCEPT if case["what"] in {"question", "answer"}}
    assert numbers == set(range(1, 8))
