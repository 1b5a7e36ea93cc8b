"""The node: what entries mean, and everything that belongs to one home.

May import `gossip` and `store`. Inside: daemon, doors, api, apps, then author and intake, each only
what stands after it.
"""

HOUSE = "asterism"
