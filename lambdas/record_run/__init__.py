"""A finished job → `run.json`."""
