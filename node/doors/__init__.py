"""Ways into a node, all of them local: the control socket, and the store itself where no daemon runs."""
