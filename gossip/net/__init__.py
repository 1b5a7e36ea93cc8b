"""The shell: trio and libp2p. It performs what `gossip.proto` decided and decides nothing itself."""
