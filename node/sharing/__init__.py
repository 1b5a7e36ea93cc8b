"""Files and folders: what is asked of them and done with them."""
