"""The folders of the repository that documents are made of and written to."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
BUILD = ROOT / "build"

NODE_MODULES = ROOT / "handover" / "node_modules"
"""What the documents need of npm."""
