"""The notebook of many tutorials: `python -m benchmarks.peers.classic_notebook IMAGES WEIGHTS OUTPUT`.

The set-up follows the guide of Databricks on featurisation for transfer learning
(https://docs.databricks.com/aws/en/machine-learning/preprocess-data/transfer-learning-tensorflow): Spark reads the
files with its source `binaryFile`, a pandas UDF from iterator to iterator loads the network of Keras once per task, and
`model.predict` computes. The features go to Parquet. Then MLlib's `StandardScaler` and `PCA` make 50 components.

It runs in the environment of this project, which has TensorFlow and Spark, with Spark as PySpark ships it.
"""

import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd  # type: ignore[import-untyped]  # it publishes no types

from localspark.plain_spark import use_plain_spark

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

PARTITIONS = 20
COMPONENTS = 50


def main() -> None:
    """Compute the features, and the PCA."""
    from pyspark.ml.functions import array_to_vector
    from pyspark.sql import SparkSession
    from pyspark.sql.functions import col, pandas_udf  # type: ignore[attr-defined]  # its stubs omit it

    images, weights, output = sys.argv[1:]
    use_plain_spark()
    spark = SparkSession.builder.master("local[*]").config("spark.driver.memory", "4g").getOrCreate()
    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", "1024")
    shared = spark.sparkContext.broadcast(_weights(weights))

    def featurise(batches: Iterator[pd.Series]) -> Iterator[pd.DataFrame]:
        import time

        import tensorflow as tf

        network = tf.keras.applications.MobileNetV2(
            input_shape=(224, 224, 3), include_top=False, weights=None, pooling="avg"
        )
        network.set_weights(shared.value)
        for batch in batches:
            features = network.predict(np.stack([_preprocessed(body) for body in batch]), verbose=0)
            yield pd.DataFrame({"features": list(features), "processed_at": time.time()})

    featurised = pandas_udf("features array<float>, processed_at double")(featurise)
    files = spark.read.format("binaryFile").option("pathGlobFilter", "*.jpg").option("recursiveFileLookup", "true")
    answers = files.load(images).repartition(PARTITIONS).select("path", featurised("content").alias("answer"))
    answers.select("path", "answer.*").write.parquet(output)
    vectors = spark.read.parquet(output).select("path", array_to_vector(col("features")).alias("vector"))
    _components(vectors).write.parquet(f"{output}-components")
    spark.stop()


def _components(vectors: "DataFrame") -> "DataFrame":
    from pyspark.ml.feature import PCA, StandardScaler

    scaler = StandardScaler(inputCol="vector", outputCol="scaled", withMean=True)
    scaled = scaler.fit(vectors).transform(vectors)
    return PCA(k=COMPONENTS, inputCol="scaled", outputCol="components").fit(scaled).transform(scaled)


def _preprocessed(body: bytes) -> npt.NDArray[np.float32]:
    from PIL import Image

    pixels = Image.open(io.BytesIO(body)).convert("RGB").resize((224, 224))
    return np.asarray(pixels, np.float32) / np.float32(127.5) - np.float32(1)


def _weights(path: str) -> list[npt.NDArray[Any]]:
    with np.load(Path(path)) as arrays:
        return [arrays[name] for name in arrays.files]


if __name__ == "__main__":
    main()
