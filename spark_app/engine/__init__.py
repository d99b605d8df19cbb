"""The network: its identity, its weights, its preprocessing, and its execution."""
