"""The public site: what is public in a home, as pages that need nothing but a browser."""
