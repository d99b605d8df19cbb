"""The steps of a run, and of the mode `maintain`. `spark_app.pipeline` knows their order."""
