"""The explained variance in the results: ``explained_variance.csv``."""

import csv
import io

from spark_app.numerics.pca import Assessment


def explained_variance_csv(assessment: Assessment | None) -> bytes:
    """Return the rows component, variance, ratio and cumulative; a header only without a basis."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["component", "variance", "ratio", "cumulative"])
    if assessment:
        table = zip(assessment.variances, assessment.ratios, assessment.ratios.cumsum(), strict=True)
        writer.writerows([number, *map(repr, map(float, row))] for number, row in enumerate(table, start=1))
    return text.getvalue().encode()
