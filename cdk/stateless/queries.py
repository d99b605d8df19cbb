"""Athena: a workgroup that limits the data a query reads, and the most frequent queries on the tables."""

from aws_cdk import aws_athena as athena
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk.settings import Environment
from contract.environments import stack_name
from contract.findings import FINDING_COLUMNS, Kind
from contract.layout import QUERIES
from contract.tables import Table

MATRIX_BY_LABEL = f"""\
-- Coordinates of all images of a variety. Replace Apple Braeburn by yours.
SELECT key, components
FROM {Table.COMPONENTS}
WHERE label = 'Apple Braeburn'
ORDER BY key
"""

REJECTS_OF_LAST_RUN = f"""\
-- Files that the last run with new images refused, with the reasons.
SELECT key, reason, detail
FROM {Table.REJECTS}
WHERE run_id = (
    SELECT max(run_id) FROM (SELECT run_id FROM {Table.FEATURES} UNION ALL SELECT run_id FROM {Table.REJECTS})
)
ORDER BY key
"""

WORST_FINDINGS = f"""\
-- The worst findings of a kind. Replace {Kind.LABEL_DOUBT} by one of:
-- {", ".join(kind for kind in Kind if kind is not Kind.LABEL_DOUBT)}.
SELECT {", ".join(FINDING_COLUMNS)}
FROM {Table.FINDINGS}
WHERE kind = '{Kind.LABEL_DOUBT}'
ORDER BY score DESC, key
LIMIT 100
"""

DUPLICATES = f"""\
-- Pairs of equal or similar images, first those of two varieties, with the sizes in pixels.
SELECT finding.kind, finding.key, finding.label, one.width, one.height,
    finding.other_key, other.label AS other_label, other.width AS other_width, other.height AS other_height,
    finding.score
FROM {Table.FINDINGS} AS finding
JOIN {Table.FEATURES} AS one ON one.key = finding.key
JOIN {Table.FEATURES} AS other ON other.key = finding.other_key
WHERE finding.kind IN ('{Kind.DUPLICATE}', '{Kind.NEAR_DUPLICATE}')
ORDER BY finding.label IS DISTINCT FROM other.label DESC, finding.kind, finding.score DESC, finding.key
"""

QUERIES_BY_NAME = {
    "MatrixByLabel": MATRIX_BY_LABEL,
    "RejectsOfLastRun": REJECTS_OF_LAST_RUN,
    "WorstFindings": WORST_FINDINGS,
    "Duplicates": DUPLICATES,
}


class Queries(Construct):
    """The workgroup and its named queries.

    Attributes
    ----------
    workgroup
        Name of the workgroup.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: Environment, bucket: s3.Bucket, database: str
    ) -> None:
        super().__init__(scope, construct_id)
        self.workgroup = stack_name(settings.name)
        group = athena.CfnWorkGroup
        workgroup = group(
            self,
            "Workgroup",
            name=self.workgroup,
            recursive_delete_option=True,
            work_group_configuration=group.WorkGroupConfigurationProperty(
                bytes_scanned_cutoff_per_query=settings.query_limit_gb * 10**9,
                enforce_work_group_configuration=True,
                publish_cloud_watch_metrics_enabled=True,
                result_configuration=group.ResultConfigurationProperty(
                    output_location=f"s3://{bucket.bucket_name}/{QUERIES}",
                    encryption_configuration=group.EncryptionConfigurationProperty(encryption_option="SSE_S3"),
                ),
            ),
        )
        for name, text in QUERIES_BY_NAME.items():
            query = athena.CfnNamedQuery(
                self, name, name=name, database=database, query_string=text, work_group=self.workgroup
            )
            query.node.add_dependency(workgroup)
