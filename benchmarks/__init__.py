"""Measurements, side by side with what they are compared to. Never part of a test."""
