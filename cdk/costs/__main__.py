"""`python -m cdk.costs` prints docs/costs.md."""

import sys

from cdk.costs.page import render

if __name__ == "__main__":
    sys.stdout.write(render())
