"""The drill: what would be left if this home were all that is left of the network."""
