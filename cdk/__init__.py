"""The cloud: one stack for each environment."""
