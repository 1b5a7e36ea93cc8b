"""Are the four packages really ours? Asked before anything of theirs is imported.

Other programs install packages called `node`, `gossip` and `store`, and pip overwrites silently. Each of
our four carries a mark. It is read from the file, so that nothing of a stranger's is run. Nothing but the
standard library may be imported here.
"""

import sys
from importlib.util import find_spec
from typing import Final

PACKAGES: Final = ("cli", "node", "gossip", "store")
MARK: Final = b'HOUSE = "asterism"'
EXIT_CONFIG: Final = 78
"""sysexits: something is wrong with how this machine is set up."""

_ADVICE: Final = """\
aster: the package {name!r} at {path} is not Asterism's but another program's.
Asterism's packages are called cli, node, gossip and store. Give it an environment of its own; in its folder:
    uv tool install --overrides constraints.txt ."""


def check_house() -> None:
    """Leave the process with exit code 78 and advice on stderr unless all four packages are ours."""
    for name in PACKAGES:
        spec = find_spec(name)
        path = spec.origin if spec is not None else None
        if path is None or not _is_marked(path):
            print(_ADVICE.format(name=name, path=path or "no file at all"), file=sys.stderr)
            raise SystemExit(EXIT_CONFIG)


def _is_marked(path: str) -> bool:
    try:
        with open(path, "rb") as source:
            return MARK in source.read()
    except OSError:
        return False
