"""End-to-end encryption as values in, values out: Olm and Megolm (vodozemac), HPKE (OpenSSL), files
(libsodium).

No cryptography of our own: these rooms put library calls together and say what may go wrong. The libraries
take their randomness from the system by themselves. docs/protocol/secrecy.md is the specification.
"""
