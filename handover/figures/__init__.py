"""docs/figures.json: each section is made of what a command of the project computes or measures."""
