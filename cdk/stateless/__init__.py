"""Constructs without data, which a deployment can replace at any time."""
