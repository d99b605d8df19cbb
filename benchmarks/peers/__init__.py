"""What people use instead of this project. `daft` and Ray Data run in the environment of benchmarks/requirements.txt.

Each program computes the features of all images of a folder with the same network, and writes Parquet files with the
columns `path`, `features`, and `processed_at`, the time in seconds at which the batch of the image was complete.
"""

from pathlib import Path

ENVIRONMENT = Path("build/peers")
"""Environment that `make benchmark` installs."""

PYTHON = ENVIRONMENT / "bin" / "python"
