"""How entries travel: a protocol without I/O (`proto`), its shell over trio and libp2p (`net`), a simulator."""

HOUSE = "asterism"
