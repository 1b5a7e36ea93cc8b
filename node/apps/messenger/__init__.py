"""The messenger: conversations that only those in them can read. docs/protocol/secrecy.md."""
