"""`start_run` turns a batch of events into a file of notices, and starts one execution for the batch."""
