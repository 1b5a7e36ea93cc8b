"""Files and folders: what is said about a blob, and by whom."""
