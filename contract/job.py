"""The options that the state machine passes to a job, on the command line of `spark_app.main`."""

from enum import StrEnum


class JobOption(StrEnum):
    """Options of the application that the stack or the state machine sets; `pipeline_options` may set the others."""

    MODE = "--mode"
    RUN_ID = "--run-id"
    IMAGES = "--images"
    OUTPUT = "--output"
    WEIGHTS = "--weights"
    CATALOG = "--catalog"
    DATABASE = "--database"
    RETENTION_DAYS = "--retention-days"


class CatalogKind(StrEnum):
    """Values of `JobOption.CATALOG`."""

    HADOOP = "hadoop"
    """A folder."""
    GLUE = "glue"
    """The AWS Glue Data Catalog."""
