"""Spark on one machine: its Java, its jars, its folder, a fast start, and the configuration of a session."""
