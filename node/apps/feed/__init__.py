"""The feed: short public messages, with replies."""
