"""A code as a QR code in a terminal. The only door to segno, which is imported when it is needed.

Two rows of squares share a line: the upper and the lower half of its characters. Light squares are drawn and
dark ones left out, as on a dark terminal; `colours` makes that true on a light one too.
"""

import io
from typing import Final

_BORDER: Final = 2
"""Light squares around: half of what the standard asks for; readers do with it, and 24 lines are few."""

_ON: Final = "\x1b[97;40m"
_OFF: Final = "\x1b[0m"


def draw(code: str, colours: bool = False) -> list[str]:
    """The lines of a QR code: 21 lines of 41 characters for a code of 149.

    `colours`: each line sets white on black for itself, with escape sequences.
    """
    import segno

    drawn = io.StringIO()
    symbol = segno.make_qr(code, error="L", boost_error=False)
    symbol.terminal(drawn, border=_BORDER, compact=True)
    lines = drawn.getvalue().splitlines()
    return [f"{_ON}{line}{_OFF}" for line in lines] if colours else lines
