"""The cloud infrastructure: one stack for each environment."""
