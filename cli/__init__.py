"""The `fruits` command."""
