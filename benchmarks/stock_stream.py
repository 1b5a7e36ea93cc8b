"""A plain stream between two processes with py-libp2p as it comes (Noise, Yamux), in writes of 1 MiB.

    python benchmarks/stock_stream.py [MiB]

Prints bytes a second as one JSON number. `files.py` uses it too.
"""

import json
import subprocess
import sys
import time
from typing import Any

import trio

PROTOCOL = "/benchmark/plain/1"
PIECE_BYTES = 1_048_576
MIB = 256


def make_host(number: int) -> tuple[Any, Any]:
    """A host that does not run yet, and where it is to listen."""
    from libp2p import new_host
    from libp2p.crypto.ed25519 import create_new_key_pair
    from libp2p.crypto.x25519 import create_new_key_pair as create_noise_key_pair
    from libp2p.security.noise.transport import PROTOCOL_ID, Transport
    from multiaddr import Multiaddr  # type: ignore[import-untyped]

    keys = create_new_key_pair(bytes([number]) * 32)
    noise = Transport(keys, create_noise_key_pair().private_key)
    address = Multiaddr("/ip4/127.0.0.1/tcp/0")
    return new_host(key_pair=keys, sec_opt={PROTOCOL_ID: noise}, listen_addrs=[address]), address


async def send(size: int) -> None:
    """Send so many bytes to whoever opens a stream, until standard input ends."""
    host, loopback = make_host(1)
    piece = bytes(PIECE_BYTES)

    async def serve(stream: Any) -> None:  # noqa: ANN401 (of a library that is imported late)
        for _ in range(0, size, PIECE_BYTES):
            await stream.write(piece)
        await stream.close()

    host.set_stream_handler(PROTOCOL, serve)
    async with host.run([loopback]):
        print(host.get_addrs()[0], flush=True)
        await trio.to_thread.run_sync(sys.stdin.read)
        await host.close()


async def receive(address: str, size: int) -> float:
    """Receive them: seconds."""
    from libp2p.peer.peerinfo import info_from_p2p_addr
    from multiaddr import Multiaddr

    host, loopback = make_host(2)
    info = info_from_p2p_addr(Multiaddr(address))
    async with host.run([loopback]):
        await host.connect(info)
        begun = time.perf_counter()
        stream = await host.new_stream(info.peer_id, [PROTOCOL])
        left = size
        while left > 0:
            left -= len(await stream.read(PIECE_BYTES))
        seconds = time.perf_counter() - begun
        await host.close()
    return seconds


def stock_bytes_per_s(size: int) -> float:
    """Bytes a second of a stream of `size` bytes, a multiple of 1 MiB."""
    command = [sys.executable, __file__]
    sender = subprocess.Popen(
        [*command, "--send", str(size)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert sender.stdout is not None
        address = sender.stdout.readline().strip()
        said = subprocess.run(
            [*command, "--receive", address, str(size)], stdout=subprocess.PIPE, check=True, timeout=600
        )
    finally:
        sender.communicate(timeout=30)
    return size / float(said.stdout.split()[-1])


def main() -> None:
    """Be one side, or measure and print."""
    match sys.argv[1:]:
        case ["--send", size]:
            trio.run(send, int(size))
        case ["--receive", address, size]:
            print(trio.run(receive, address, int(size)))
        case rest:
            print(json.dumps(stock_bytes_per_s((int(rest[0]) if rest else MIB) << 20)))


if __name__ == "__main__":
    main()
