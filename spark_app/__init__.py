"""The Spark application: from images to a published matrix."""
