"""The commands that use an environment in the cloud: upload, reprocess, status, runs, results."""
