"""The apps: what bodies mean to people. Each folder has the same three rooms:

bodies   pure: the wire form of a body and its rules
fold     pure: entries to rows of a view
service  commands and queries

Apps never import each other nor `gossip`, and are reached only through `node.api`.
"""
