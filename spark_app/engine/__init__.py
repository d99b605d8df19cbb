"""The network: its identity, its weights, its preprocessing, and what executes it."""
