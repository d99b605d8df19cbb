"""`record_run` writes the record of a run, `run.json`, after its job run has ended."""
