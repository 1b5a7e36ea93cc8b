"""The social network as people use it: what is asked and done over the feed, and what this home chose."""
