"""What holds data, and outlives deployments."""
