"""The documents that are handed over: figures, diagrams, the site of docs/, the presentation, the notebook, the zip."""
