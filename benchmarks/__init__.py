"""Measurements, each side by side with a reference. No test runs them."""
