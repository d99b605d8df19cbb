"""What the pipeline costs: the arithmetic, and docs/costs.md, which is printed from it."""
