"""How entries travel: the protocol without I/O (`proto`), its shell (`net`), and a simulator."""

HOUSE = "asterism"
