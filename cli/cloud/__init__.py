"""The subcommands that use an environment on AWS: upload, reprocess, status, runs, results; and what they share."""
