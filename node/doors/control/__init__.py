"""The control door: HTTP/1.1 with JSON over a Unix socket, as `docs/protocol/control.md` describes it."""
