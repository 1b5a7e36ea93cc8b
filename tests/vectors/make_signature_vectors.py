"""Makes `store/crypto_vectors.py`: signatures and keys that tell Ed25519 verifiers apart.

Run it and it prints that file. The arithmetic is written for the reader, from RFC 8032, in affine
coordinates; it is slow, leaks secrets by its timing, and must not be used for anything else.

A valid signature satisfies S·B = R + h·A with h = SHA-512(R ‖ A ‖ message). B generates a group of
prime order L; the whole curve has 8·L points, and the eight whose order divides 8 are the torsion. A
point is of mixed order where it is the sum of a point of prime order and a point of the torsion.
"""

import hashlib
from collections.abc import Iterator
from itertools import count

Point = tuple[int, int]
Case = tuple[str, bytes, bytes, bytes]

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P


def add(one: Point, other: Point) -> Point:
    """The sum of two points of -x² + y² = 1 + d x² y²."""
    (x1, y1), (x2, y2) = one, other
    product = D * x1 * x2 * y1 * y2 % P
    x = (x1 * y2 + x2 * y1) * pow(1 + product, -1, P) % P
    y = (y1 * y2 + x1 * x2) * pow(1 - product, -1, P) % P
    return x, y


def multiply(scalar: int, point: Point) -> Point:
    """`scalar` times `point`; the scalar is not reduced, as torsion needs it whole."""
    result = NEUTRAL
    for bit in bin(scalar)[2:]:
        result = add(result, result)
        if bit == "1":
            result = add(result, point)
    return result


def root(y: int, odd: int) -> int | None:
    """The x with that parity of a point with this y, or None where there is no such point."""
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * pow(2, (P - 1) // 4, P) % P
    if x * x % P != square:
        return None
    return x if x % 2 == odd else (P - x) % P


def encoded(point: Point) -> bytes:
    """The 32 bytes of a point."""
    return (point[1] | (point[0] % 2) << 255).to_bytes(32, "little")


def decoded(data: bytes) -> Point | None:
    """The point that 32 bytes name, canonical or not; None where there is none."""
    number = int.from_bytes(data, "little")
    y = (number & (2**255 - 1)) % P
    x = root(y, number >> 255)
    return None if x is None else (x, y)


def challenge(r: bytes, a: bytes, message: bytes) -> int:
    """SHA-512 over R, A and message, not reduced."""
    return int.from_bytes(hashlib.sha512(r + a + message).digest(), "little")


def fits(a: bytes, signature: bytes, message: bytes, cofactor: int) -> bool:
    """Whether the bare equation holds, times `cofactor` (1 or 8): no encoding is judged."""
    point_a, point_r = decoded(a), decoded(signature[:32])
    if point_a is None or point_r is None:
        return False
    s = int.from_bytes(signature[32:], "little") % L
    h = challenge(signature[:32], a, message) % L
    right = add(point_r, multiply(h, point_a))
    return multiply(cofactor * s, BASE) == multiply(cofactor, right)


def is_good(a: bytes, signature: bytes, message: bytes) -> bool:
    """The rule of `docs/protocol/entry.md` in its five steps."""
    r, s = signature[:32], int.from_bytes(signature[32:], "little")
    y_a, y_r = (int.from_bytes(data, "little") & (2**255 - 1) for data in (a, r))
    small = {y for _, y in (multiply(part, TORSION) for part in range(8))} | {P, P + 1}
    point = decoded(a)
    if s >= L or y_r in small or y_a >= P or y_a in small or point is None:
        return False
    h = challenge(r, a, message) % L
    minus = (P - point[0], point[1])
    return encoded(add(multiply(s, BASE), multiply(h, minus))) == r


NEUTRAL: Point = (0, 1)
_BASE_Y = 4 * pow(5, -1, P) % P
BASE: Point = (root(_BASE_Y, 0) or 0, _BASE_Y)
TORSION: Point = multiply(L, (root(3, 0) or 0, 3))
"""A point of order 8: L times a point of mixed order leaves its torsion."""


def scalar(name: bytes) -> int:
    """A fixed number below L."""
    return int.from_bytes(hashlib.sha512(b"asterism/vectors/" + name).digest(), "little") % L


KEY, NONCE = scalar(b"key"), scalar(b"nonce")
HONEST_A, HONEST_R = multiply(KEY, BASE), multiply(NONCE, BASE)


def forged(a: bytes, r: bytes, message: bytes, key: int = KEY, nonce: int = NONCE) -> bytes:
    """R and the S that `key` and `nonce` give for it."""
    s = (nonce + challenge(r, a, message) * key) % L
    return r + s.to_bytes(32, "little")


def messages() -> Iterator[bytes]:
    """Messages to try until the challenge has the remainder that a case needs."""
    return (b"asterism/test/%d" % number for number in count())


def searched(name: str, a: bytes, key: int, wanted: str) -> Case:
    """The first case with an honest R whose challenge h leaves the `wanted` remainder modulo 8."""
    r = encoded(HONEST_R)
    for message in messages():
        whole = challenge(r, a, message)
        reduced = whole % L
        found = {
            "0": reduced % 8 == 0 and whole % 8 == 0,
            "0, but not 0 before reduction": reduced % 8 == 0 and whole % 8 != 0,
            "1": reduced % 8 == 1,
        }[wanted]
        if found:
            return name, a, forged(a, r, message, key), message
    raise AssertionError("unreachable")


def mixed_pair(name: str) -> Case:
    """A and R both carry torsion, and the two parts cancel."""
    a = encoded(add(HONEST_A, TORSION))
    for message in messages():
        for part in range(1, 8):
            r = encoded(add(HONEST_R, multiply(part, TORSION)))
            if (part + challenge(r, a, message) % L) % 8 == 0:
                return name, a, forged(a, r, message), message
    raise AssertionError("unreachable")


def small_pair(name: str) -> Case:
    """R has order 8 and cancels the torsion of A."""
    a = encoded(add(HONEST_A, TORSION))
    for message in messages():
        for part in (1, 3, 5, 7):
            r = encoded(multiply(part, TORSION))
            if (part + challenge(r, a, message) % L) % 8 == 0:
                return name, a, forged(a, r, message, nonce=0), message
    raise AssertionError("unreachable")


def accepted() -> list[Case]:
    """Cases that this network accepts."""
    a, r = encoded(HONEST_A), encoded(HONEST_R)
    mixed_a = encoded(add(HONEST_A, TORSION))
    return [
        ("plain signature", a, forged(a, r, b"asterism/test/plain"), b"asterism/test/plain"),
        ("plain signature of the empty message", a, forged(a, r, b""), b""),
        searched("A of mixed order, h divisible by 8", mixed_a, KEY, "0"),
        searched(
            "A of mixed order, h divisible by 8 only once reduced",
            mixed_a,
            KEY,
            "0, but not 0 before reduction",
        ),
        mixed_pair("A and R of mixed order, torsion cancels"),
    ]


def refused() -> list[Case]:
    """Cases that this network refuses."""
    m = b"asterism/test/refused"
    a, r = encoded(HONEST_A), encoded(HONEST_R)
    mixed_a = encoded(add(HONEST_A, TORSION))
    mixed_r = encoded(add(HONEST_R, TORSION))
    neutral = encoded(NEUTRAL)
    neutral_long = (P + 1).to_bytes(32, "little")
    neutral_signed = neutral[:31] + b"\x80"
    plain = forged(a, r, m)
    long_s = r + (int.from_bytes(plain[32:], "little") + L).to_bytes(32, "little")
    return [
        ("S not reduced", a, long_s, m),
        ("A is the neutral element", neutral, forged(neutral, r, m, key=0), m),
        searched("A all zeros, of order 4", bytes(32), 0, "0"),
        searched("A of order 8", encoded(TORSION), 0, "0"),
        ("A is the neutral element, y not reduced", neutral_long, forged(neutral_long, r, m, key=0), m),
        ("A is the neutral element, sign bit set", neutral_signed, forged(neutral_signed, r, m, key=0), m),
        ("R is the neutral element", a, forged(a, neutral, m, nonce=0), m),
        ("R is the neutral element, y not reduced", a, forged(a, neutral_long, m, nonce=0), m),
        small_pair("R of order 8, cancels the torsion of A"),
        ("R of mixed order, A plain", a, forged(a, mixed_r, m), m),
        searched("A of mixed order, R plain", mixed_a, KEY, "1"),
    ]


def refused_keys() -> list[tuple[str, bytes]]:
    """Public keys that are not let in, whatever they sign."""
    off_curve = next(y for y in count(2) if root(y, 0) is None)
    return [
        ("all zeros, of order 4", bytes(32)),
        ("neutral element", encoded(NEUTRAL)),
        ("mixed with the point of order 2", encoded(add(HONEST_A, multiply(4, TORSION)))),
        ("mixed with a point of order 4", encoded(add(HONEST_A, multiply(2, TORSION)))),
        ("mixed with a point of order 8", encoded(add(HONEST_A, TORSION))),
        ("y not reduced", (P + 3).to_bytes(32, "little")),
        ("not on the curve", off_curve.to_bytes(32, "little")),
    ]


HEAD = '''"""Edge cases on which Ed25519 libraries disagree, for the start-up self-test of `store.crypto`.

Made by `tests/vectors/make_signature_vectors.py`; `docs/protocol/entry.md` says what each class is and
why it is accepted or refused. Each signature is (name, public key 32 bytes, signature 64 bytes,
message), each key (name, 32 bytes). Every refused signature satisfies the equation of RFC 8032, the
last two only once it is multiplied by the cofactor 8, so each is accepted by some verifier.
"""

from typing import Final

Case = tuple[str, bytes, bytes, bytes]
'''


def literal(data: bytes) -> str:
    """A bytes literal of at most one line."""
    return f'bytes.fromhex("{data.hex()}")'


def shown(case: Case) -> str:
    """One case as source text."""
    name, a, signature, message = case
    lines = [f'    (\n        "{name}",', f"        {literal(a)},", "        bytes.fromhex("]
    lines += [f'            "{signature[:32].hex()}"', f'            "{signature[32:].hex()}"', "        ),"]
    quoted = message.decode("ascii")
    return "\n".join([*lines, f'        b"{quoted}",', "    ),"])


def source() -> str:
    """The text of `store/crypto_vectors.py`."""
    parts = [HEAD, "ACCEPTED: Final[tuple[Case, ...]] = ("]
    parts += [shown(case) for case in accepted()]
    parts += [")", "", "REFUSED: Final[tuple[Case, ...]] = ("]
    parts += [shown(case) for case in refused()]
    parts += [")", "", "REFUSED_KEYS: Final[tuple[tuple[str, bytes], ...]] = ("]
    for name, key in refused_keys():
        parts.append(f'    (\n        "{name}",\n        {literal(key)},\n    ),')
    return "\n".join([*parts, ")"])


if __name__ == "__main__":
    print(source())
