"""The directory: what a device says about itself."""
