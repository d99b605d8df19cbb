"""The arithmetic of the PCA. NumPy only."""
