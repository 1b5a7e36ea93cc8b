"""Documents: named texts in versions. Each put is a version that follows the ones before."""
