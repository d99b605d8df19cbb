"""`fruits evidence`: what proves a run in the cloud, and the verdicts on it."""
