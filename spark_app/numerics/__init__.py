"""The arithmetic of the PCA, with NumPy only."""
