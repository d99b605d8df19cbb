"""Tests of the numbers of the report."""

from spark_app.report.data import RefusedImages, ReportData, SampledImage


def test_the_numbers_of_the_report_survive_their_file() -> None:
    """The next run reads exactly the numbers that the last run wrote."""
    refusals = RefusedImages({"empty": 2, "corrupt": 1}, [("é", "empty", "0 bytes")])
    data = ReportData([2.5, 0.1], [0.9], 0.25, [SampledImage("k", None, 0.5, -1.0)], refusals)
    assert ReportData.from_json(data.to_json()) == data
    assert refusals.count == 3
