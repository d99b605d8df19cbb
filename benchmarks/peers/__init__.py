"""What people use instead of this project. All but the notebook run in the environment of benchmarks/requirements.txt.

`on_cleanvision` looks for bad pictures and duplicates. The other programs compute the features of all images of a
folder with the same network, and write Parquet files with the columns `path`, `features`, and `processed_at`, the time
in seconds at which the batch of the image was complete.
"""

from pathlib import Path

ENVIRONMENT = Path("build/peers")
"""Environment that `make benchmark` installs."""

PYTHON = ENVIRONMENT / "bin" / "python"
