"""The tables' entry in the catalog of AWS Glue: what makes them visible to Spark and Athena."""

from aws_cdk import Aws, RemovalPolicy
from aws_cdk import aws_glue as glue
from constructs import Construct

from cdk.settings import Environment


class Catalog(Construct):
    """The database; Spark makes the tables in it.

    Attributes
    ----------
    database
        Its name.
    arns
        What somebody who works with its tables must be allowed to touch.
    """

    def __init__(self, scope: Construct, construct_id: str, *, settings: Environment) -> None:
        super().__init__(scope, construct_id)
        self.database = settings.database
        resource = glue.CfnDatabase(
            self,
            "Database",
            catalog_id=Aws.ACCOUNT_ID,
            database_input=glue.CfnDatabase.DatabaseInputProperty(
                name=self.database, description="Features, coordinates and refusals of images (Iceberg)"
            ),
        )
        resource.apply_removal_policy(RemovalPolicy.RETAIN if settings.keep_data else RemovalPolicy.DESTROY)
        glue_arn = f"arn:{Aws.PARTITION}:glue:{settings.region}:{Aws.ACCOUNT_ID}"
        self.arns = [
            f"{glue_arn}:catalog",
            f"{glue_arn}:database/{self.database}",
            f"{glue_arn}:table/{self.database}/*",
        ]
