"""`python -m cdk.costs` prints docs/costs.md, and `python -m cdk.costs fr` prints docs/costs.fr.md."""

import sys

from cdk.costs.page import render, render_in_french

if __name__ == "__main__":
    sys.stdout.write(render_in_french() if sys.argv[1:] == ["fr"] else render())
