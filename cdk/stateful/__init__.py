"""Constructs that hold data, which a deployment must not replace."""
