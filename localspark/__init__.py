"""Spark on this machine: its Java, its jars, its folder, its fast start, and the configuration of a session.

`spark_app` gets a configuration and does not know where Spark runs; on EMR Serverless, nothing of this package runs.
"""
