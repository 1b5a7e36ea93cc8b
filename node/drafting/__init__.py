"""Work on documents: what is asked of them and done with them."""
