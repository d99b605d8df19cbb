"""The report of a run: one HTML file without scripts or outside references."""
