"""Messages between members, put together for people: what is asked of the messenger and told of it."""
