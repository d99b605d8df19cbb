"""The functions between the events of the bucket and the workflow."""
