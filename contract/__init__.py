"""Agreements between the packages, as types and constants. Uses only the standard library."""
