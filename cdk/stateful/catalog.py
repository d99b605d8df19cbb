"""The database in the AWS Glue Data Catalog, by which Spark and Athena find the tables."""

from aws_cdk import Aws, RemovalPolicy
from aws_cdk import aws_glue as glue
from constructs import Construct

from cdk.settings import Environment


class Catalog(Construct):
    """The database. Spark creates its tables.

    Attributes
    ----------
    database
        Name of the database.
    arns
        ARNs of the resources that a user of the tables needs access to.
    """

    def __init__(self, scope: Construct, construct_id: str, *, settings: Environment) -> None:
        super().__init__(scope, construct_id)
        self.database = settings.database
        resource = glue.CfnDatabase(
            self,
            "Database",
            catalog_id=Aws.ACCOUNT_ID,
            database_input=glue.CfnDatabase.DatabaseInputProperty(
                name=self.database, description="Features, coordinates, rejects and findings of images (Iceberg)"
            ),
        )
        resource.apply_removal_policy(
            RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE if settings.keep_data else RemovalPolicy.DESTROY
        )
        glue_arn = f"arn:{Aws.PARTITION}:glue:{settings.region}:{Aws.ACCOUNT_ID}"
        self.arns = [
            f"{glue_arn}:catalog",
            f"{glue_arn}:database/{self.database}",
            f"{glue_arn}:table/{self.database}/*",
        ]
