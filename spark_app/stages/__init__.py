"""The stages of a run, each a noun of the flow: listing, plan, features, statistics, matrix, results."""
