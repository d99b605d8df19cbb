"""The `fruits` command: its subcommands for this machine, and in `cli.cloud` those for an environment on AWS."""
