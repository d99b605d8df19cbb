"""The sections of docs/figures.json, each made of what a command of the project computes or measures."""
