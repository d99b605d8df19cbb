"""The Lambda functions: one starts executions of the state machine, the other records the runs of these."""
