"""Edge cases on which Ed25519 libraries disagree, for the start-up self-test of `store.crypto`.

Made by `tests/vectors/make_signature_vectors.py`; `docs/protocol/entry.md` says what each class is and
why it is accepted or refused. Each signature is (name, public key 32 bytes, signature 64 bytes,
message), each key (name, 32 bytes). Every refused signature satisfies the equation of RFC 8032, the
last two only once it is multiplied by the cofactor 8, so each is accepted by some verifier.
"""

from typing import Final

Case = tuple[str, bytes, bytes, bytes]

ACCEPTED: Final[tuple[Case, ...]] = (
    (
        "plain signature",
        bytes.fromhex("86281bc561615651019b1475c4203719f9cd33623cc19e4bc4b258be9161fcff"),
        bytes.fromhex(
            "bb5ab5d08051becd5c2209175c4ee4770ea2f60890e3af60935eb7490c75212d"
            "992c7d372c20dc8778bbe326177c3a6f71d9a04c74959d872f60e02b3100f60b"
        ),
        b"asterism/test/plain",
    ),
    (
        "plain signature of the empty message",
        bytes.fromhex("86281bc561615651019b1475c4203719f9cd33623cc19e4bc4b258be9161fcff"),
        bytes.fromhex(
            "bb5ab5d08051becd5c2209175c4ee4770ea2f60890e3af60935eb7490c75212d"
            "cc6ef4a9d9dc7428b89b6f07de78c4a735333124da5e51accc58d732a0b4de03"
        ),
        b"",
    ),
    (
        "A of mixed order, h divisible by 8",
        bytes.fromhex("d9df98d9ad010cb89b42badc1c746c8528b3434cf4cc87d206ecdf2df8e46e14"),
        bytes.fromhex(
            "bb5ab5d08051becd5c2209175c4ee4770ea2f60890e3af60935eb7490c75212d"
            "4b4fdaccb8ca1d098dc69f07c4c510f610eb91412ddd6975da98ab3474ba5507"
        ),
        b"asterism/test/64",
    ),
    (
        "A of mixed order, h divisible by 8 only once reduced",
        bytes.fromhex("d9df98d9ad010cb89b42badc1c746c8528b3434cf4cc87d206ecdf2df8e46e14"),
        bytes.fromhex(
            "bb5ab5d08051becd5c2209175c4ee4770ea2f60890e3af60935eb7490c75212d"
            "9032e8f188758787c9dc830b78b238a167316fb733c3942ad3d4f1ab3f70a301"
        ),
        b"asterism/test/9",
    ),
    (
        "A and R of mixed order, torsion cancels",
        bytes.fromhex("d9df98d9ad010cb89b42badc1c746c8528b3434cf4cc87d206ecdf2df8e46e14"),
        bytes.fromhex(
            "2818b02c1856cb4096a97f230a28a6c0234179cf22948f7b8f327ad5a138b1e4"
            "a503fd7d589413b8d1b2823ae341f9ec1325aa6d309ab3603cfd0758d5109709"
        ),
        b"asterism/test/0",
    ),
)

REFUSED: Final[tuple[Case, ...]] = (
    (
        "S not reduced",
        bytes.fromhex("86281bc561615651019b1475c4203719f9cd33623cc19e4bc4b258be9161fcff"),
        bytes.fromhex(
            "bb5ab5d08051becd5c2209175c4ee4770ea2f60890e3af60935eb7490c75212d"
            "2d4c64dfa92f6a99e93575c6d53af9401f93fac66abbc8bd50f4700cbf99f018"
        ),
        b"asterism/test/refused",
    ),
    (
        "A is the neutral element",
        bytes.fromhex("0100000000000000000000000000000000000000000000000000000000000000"),
        bytes.fromhex(
            "bb5ab5d08051becd5c2209175c4ee4770ea2f60890e3af60935eb7490c75212d"
            "8d7327727f2f14ce58799d37c260a9bc6b2810add676ddab997c51a76685e300"
        ),
        b"asterism/test/refused",
    ),
    (
        "A all zeros, of order 4",
        bytes.fromhex("0000000000000000000000000000000000000000000000000000000000000000"),
        bytes.fromhex(
            "bb5ab5d08051becd5c2209175c4ee4770ea2f60890e3af60935eb7490c75212d"
            "8d7327727f2f14ce58799d37c260a9bc6b2810add676ddab997c51a76685e300"
        ),
        b"asterism/test/78",
    ),
    (
        "A of order 8",
        bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
        bytes.fromhex(
            "bb5ab5d08051becd5c2209175c4ee4770ea2f60890e3af60935eb7490c75212d"
            "8d7327727f2f14ce58799d37c260a9bc6b2810add676ddab997c51a76685e300"
        ),
        b"asterism/test/16",
    ),
    (
        "A is the neutral element, y not reduced",
        bytes.fromhex("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        bytes.fromhex(
            "bb5ab5d08051becd5c2209175c4ee4770ea2f60890e3af60935eb7490c75212d"
            "8d7327727f2f14ce58799d37c260a9bc6b2810add676ddab997c51a76685e300"
        ),
        b"asterism/test/refused",
    ),
    (
        "A is the neutral element, sign bit set",
        bytes.fromhex("0100000000000000000000000000000000000000000000000000000000000080"),
        bytes.fromhex(
            "bb5ab5d08051becd5c2209175c4ee4770ea2f60890e3af60935eb7490c75212d"
            "8d7327727f2f14ce58799d37c260a9bc6b2810add676ddab997c51a76685e300"
        ),
        b"asterism/test/refused",
    ),
    (
        "R is the neutral element",
        bytes.fromhex("86281bc561615651019b1475c4203719f9cd33623cc19e4bc4b258be9161fcff"),
        bytes.fromhex(
            "0100000000000000000000000000000000000000000000000000000000000000"
            "e5400117667de7bc61cb1646a4bb6f78f4fa9d20bb0464d46918fd76b1056d0b"
        ),
        b"asterism/test/refused",
    ),
    (
        "R is the neutral element, y not reduced",
        bytes.fromhex("86281bc561615651019b1475c4203719f9cd33623cc19e4bc4b258be9161fcff"),
        bytes.fromhex(
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"
            "b0a217362656ea5cbce2597b036bb25566238c93dfa87228c21ad8f1f3713802"
        ),
        b"asterism/test/refused",
    ),
    (
        "R of order 8, cancels the torsion of A",
        bytes.fromhex("d9df98d9ad010cb89b42badc1c746c8528b3434cf4cc87d206ecdf2df8e46e14"),
        bytes.fromhex(
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"
            "f5494e7e5721c261e18b630a49d2139657106aea47d938b73c7d1044b39ec103"
        ),
        b"asterism/test/1",
    ),
    (
        "R of mixed order, A plain",
        bytes.fromhex("86281bc561615651019b1475c4203719f9cd33623cc19e4bc4b258be9161fcff"),
        bytes.fromhex(
            "67742cfe34ee5f4b06a889f6e825b2bf7a04729142398a68b685f4ed7c15a89e"
            "9b2340ad82da71f99c8e5ce1bf7e75b40afd33ce4dcc1c41a0d0988ac28ab900"
        ),
        b"asterism/test/refused",
    ),
    (
        "A of mixed order, R plain",
        bytes.fromhex("d9df98d9ad010cb89b42badc1c746c8528b3434cf4cc87d206ecdf2df8e46e14"),
        bytes.fromhex(
            "bb5ab5d08051becd5c2209175c4ee4770ea2f60890e3af60935eb7490c75212d"
            "1f06cf4d46f483eabdc6ea2d4a9fc019887097454c8c27d56e7f097006e3bb0f"
        ),
        b"asterism/test/7",
    ),
)

REFUSED_KEYS: Final[tuple[tuple[str, bytes], ...]] = (
    (
        "all zeros, of order 4",
        bytes.fromhex("0000000000000000000000000000000000000000000000000000000000000000"),
    ),
    (
        "neutral element",
        bytes.fromhex("0100000000000000000000000000000000000000000000000000000000000000"),
    ),
    (
        "mixed with the point of order 2",
        bytes.fromhex("67d7e43a9e9ea9aefe64eb8a3bdfc8e60632cc9dc33e61b43b4da7416e9e0300"),
    ),
    (
        "mixed with a point of order 4",
        bytes.fromhex("f21d1d136e2b63b149595a57c621f1b207508371a983994020f55a9bbcdb374a"),
    ),
    (
        "mixed with a point of order 8",
        bytes.fromhex("d9df98d9ad010cb89b42badc1c746c8528b3434cf4cc87d206ecdf2df8e46e14"),
    ),
    (
        "y not reduced",
        bytes.fromhex("f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    ),
    (
        "not on the curve",
        bytes.fromhex("0200000000000000000000000000000000000000000000000000000000000000"),
    ),
)
