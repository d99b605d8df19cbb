"""The archive that the school asks for: notebook, images and matrix, presentation."""
