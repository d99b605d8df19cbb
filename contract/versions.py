"""Versions of Spark, Iceberg, EMR, Java and Python that must match."""

SPARK = "4.1.1"
"""Version of the `pyspark` package, here and in the EMR release."""

ICEBERG = "1.11.0"

ICEBERG_RUNTIME = f"org.apache.iceberg:iceberg-spark-runtime-4.1_2.13:{ICEBERG}"
"""Maven coordinates of Iceberg for this Spark. A deployment ships it, so that the cloud runs what the tests run."""

ICEBERG_AWS_BUNDLE = f"org.apache.iceberg:iceberg-aws-bundle:{ICEBERG}"
"""Maven coordinates of the classes that Iceberg needs for S3 and Glue."""

S3_CLIENT = (
    "org.apache.hadoop:hadoop-aws:3.4.2",
    "software.amazon.awssdk:s3:2.44.4",
    "software.amazon.awssdk:s3-transfer-manager:2.44.4",
)
"""Maven coordinates of Hadoop's S3 client, and of the modules of AWS's SDK that it needs. EMR has SDK 2.44.5."""

SPARK_OF_RELEASE = {"emr-spark-8.1.0": SPARK, "emr-spark-8.0.0": "4.0.2", "emr-7.14.0": "3.5.8"}
"""EMR release label → its version of Spark."""

RELEASES = tuple(label for label, spark in SPARK_OF_RELEASE.items() if spark == SPARK)
"""EMR releases whose Spark is the one that the packages are made for."""

IMAGE_PYTHONS = ("3.13", "3.11")
"""Versions of Python that AWS documents for the image of these releases. A deployment uses the first one by default."""

JAVAS = ("21", "17")
"""Major versions of Java that this Spark runs on."""
