"""What is wrong with the images of a corpus: pure functions of measurements and coordinates, without Spark."""
