"""The page for bookmarks, which leads a browser to the report of the last complete run."""

from html import escape

from contract.layout import ResultFile
from contract.summary import Summary

PAGE = """\
<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="refresh" content="0; url={report}">
<title>Fruits! last results</title>
<p>The last complete run is {run_id}: <a href="{report}">report</a>{explorer}.
</html>
"""


def latest_page(summary: Summary) -> str:
    """Return a page in the folder of all results, which leads to those of a run."""
    folder = escape(summary.run_id)
    explorer = f', <a href="{folder}/{ResultFile.EXPLORER}">explorer</a>' if summary.explorer else ""
    return PAGE.format(run_id=folder, report=f"{folder}/{ResultFile.REPORT}", explorer=explorer)
