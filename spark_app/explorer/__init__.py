"""The explorer of the images: its data, its pictures, and one HTML file that needs no network."""
