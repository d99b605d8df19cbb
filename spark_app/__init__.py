"""The PySpark application: images to features to a PCA matrix."""
