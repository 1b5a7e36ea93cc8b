"""What the vectors of secrecy refuse: what they accept, damaged or taken elsewhere."""

from typing import Any

import secrecy_record

Case = dict[str, Any]

SMALL_ORDER = [
    "00" * 32,
    "01" + "00" * 31,
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ec" + "ff" * 30 + "7f",
    "ed" + "ff" * 30 + "7f",
    "ee" + "ff" * 30 + "7f",
]
"""Every point of small order on Curve25519, in each form that is read as one."""


def cases(accepted: list[Case]) -> list[Case]:
    """Everything."""
    makers = {
        "bundle": _bundles,
        "envelope": _envelopes,
        "olm": _olm,
        "megolm": _megolm,
        "padding": _paddings,
        "stream": _streams,
        "archive": _archives,
    }
    found = []
    for case in accepted:
        if case["what"] in makers and (case["what"] != "envelope" or case["info"]):
            found += [
                _without_answers({**case, **change, "name": f"{case['name']}: {why}"})
                for why, change in makers[case["what"]](case)
            ]
    return found


def _without_answers(case: Case) -> Case:
    return {name: part for name, part in case.items() if name not in ("data", "public", "session", "tag")}


def flipped(text: str, at: int) -> str:
    """Bytes in hex with the lowest bit of one changed."""
    data = bytearray.fromhex(text)
    data[at] ^= 1
    return data.hex()


def _bundles(case: Case) -> list[tuple[str, Case]]:
    key = case["envelope"]
    found: list[tuple[str, Case]] = []
    for number, point in enumerate(SMALL_ORDER):
        found += [
            (f"identity of small order, {number}", {"identity": point}),
            (f"fallback of small order, {number}", {"fallback": point}),
            (f"envelope key of small order, {number}", {"envelope": key[:-64] + point}),
        ]
    return [
        *found,
        ("identity of 31 bytes", {"identity": case["identity"][2:]}),
        ("fallback of 33 bytes", {"fallback": case["fallback"] + "00"}),
        ("envelope key without its last byte", {"envelope": key[:-2]}),
        ("envelope key of X25519 alone", {"envelope": key[-64:]}),
        ("envelope key beyond the modulus", {"envelope": "ff" * 1_184 + key[-64:]}),
    ]


def _envelopes(case: Case) -> list[tuple[str, Case]]:
    sealed = case["sealed"]
    return [
        ("for another purpose", {"info": flipped(case["info"], 20)}),
        ("for a longer purpose", {"info": case["info"] + "00"}),
        ("the other key's", {"private": flipped(case["private"], 3)}),
        ("flipped in ML-KEM", {"sealed": flipped(sealed, 5)}),
        ("flipped in X25519", {"sealed": flipped(sealed, 1_100)}),
        ("flipped in its content", {"sealed": flipped(sealed, 1_125)}),
        ("flipped in its tag", {"sealed": flipped(sealed, -1)}),
        ("cut", {"sealed": sealed[:-2]}),
        ("cut to nothing", {"sealed": ""}),
        ("followed by something", {"sealed": sealed + "00"}),
    ]


def _olm(case: Case) -> list[tuple[str, Case]]:
    [first, *_] = case["messages"]

    identity, fallback, before = (case[name] for name in ("identity", "fallback", "fallback_before"))

    def with_message(message: str, kind: int = 0) -> Case:
        return {"messages": [{"type": kind, "message": message}]}

    def with_keys(*keys: str) -> Case:
        account = secrecy_record.account_of(*map(bytes.fromhex, keys))
        names = ("identity", "fallback", "fallback_before")
        return {
            **dict(zip(names, keys, strict=True)),
            "account": account.hex(),
            **with_message(first["message"]),
        }

    return [
        ("as of someone else", {"sender": flipped(case["sender"], 9), **with_message(first["message"])}),
        ("to another identity", with_keys(flipped(identity, 9), fallback, before)),
        ("to fallback keys that went", with_keys(identity, flipped(fallback, 9), flipped(before, 9))),
        ("of no session", with_message(first["message"], 1)),
        ("of an unknown type", with_message(first["message"], 2)),
        ("flipped in its content", with_message(flipped(first["message"], -20))),
        ("flipped in its tag", with_message(flipped(first["message"], -1))),
        ("cut", with_message(first["message"][:-2])),
        ("cut to nothing", with_message("")),
    ]


def _megolm(case: Case) -> list[tuple[str, Case]]:
    key, nothing = case["key"], {"messages": [], "closed": []}
    found: list[tuple[str, Case]] = [
        ("a key that was cut", {"key": key[:-2], **nothing}),
        ("a key of an unknown version", {"key": flipped(key, 0), **nothing}),
        ("a key followed by something", {"key": key + "00", **nothing}),
    ]
    if len(key) == 2 * 229:
        found.append(("a key with another's signature", {"key": flipped(key, -1), **nothing}))
    if case["messages"]:
        message = case["messages"][0]["message"]
        found += [
            (f"a message {why}", {"messages": [], "closed": [{"message": bad}]})
            for why, bad in (
                ("flipped in its content", flipped(message, 6)),
                ("flipped in its code", flipped(message, -66)),
                ("flipped in its signature", flipped(message, -1)),
                ("that was cut", message[:-2]),
                ("of nothing", ""),
            )
        ]
    return found


def _paddings(case: Case) -> list[tuple[str, Case]]:
    size = len(case["padded"]) // 2
    return [
        ("zeros alone", {"padded": "00" * size}),
        ("another end", {"padded": case["padded"][:-2] + "01"}),
        ("nothing", {"padded": ""}),
    ]


def _streams(case: Case) -> list[tuple[str, Case]]:
    sealed = case["sealed"]
    found: list[tuple[str, Case]] = [
        ("another key", {"key": flipped(case["key"], 0)}),
        ("flipped in its header", {"sealed": flipped(sealed, 0)}),
        ("flipped in its first byte", {"sealed": flipped(sealed, 24)}),
        ("flipped in its code", {"sealed": flipped(sealed, -1)}),
        ("cut", {"sealed": sealed[:-2]}),
        ("its header alone", {"sealed": sealed[:48]}),
        ("nothing", {"sealed": ""}),
        ("followed by something", {"sealed": sealed + "00"}),
    ]
    if case["plain_bytes"] is not None:
        found.append(("shorter than it should be", {"plain_bytes": 4_097}))
    return found


def _archives(case: Case) -> list[tuple[str, Case]]:
    sealed = case["sealed"]
    return [
        ("another passphrase", {"passphrase": case["passphrase"] + "!"}),
        ("no passphrase", {"passphrase": ""}),
        ("another beginning", {"sealed": flipped(sealed, 0)}),
        ("another salt", {"sealed": flipped(sealed, 20)}),
        ("4,294,967,295 passes", {"sealed": sealed[:70] + "ffffffff" + sealed[78:]}),
        ("4 TiB of memory", {"sealed": sealed[:78] + "ffffffff" + sealed[86:]}),
        ("cut", {"sealed": sealed[:-2]}),
        ("cut in its head", {"sealed": sealed[:60]}),
    ]
