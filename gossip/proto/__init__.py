"""The protocol as values in, values out. Nothing awaits below this line; time and chance are arguments."""
