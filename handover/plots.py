"""`python -m handover.plots` draws the figures of the presentation as SVG files, in English and French.

Two of them show a run (`--output`), the others what `cdk.costs` computes and what docs/figures.json contains. A unit
of a figure is a pixel of a slide. Its letters are text, so that a slide shows them in its own font and at a known size.
"""

import re
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cdk.costs.arithmetic import first_run, update
from cdk.costs.assumptions import ASSUMED, PHOTO, SMALL
from cli.written_files import make_folder
from contract.layout import ResultFile
from handover.commands import results_of
from handover.errors import HandoverError
from handover.figures.run import components_for, rows_of
from handover.folders import DOCS
from handover.mains import run_main
from handover.templates import Language, figures, filters
from spark_app.options import Parser, path

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FOLDER = DOCS / "presentation" / "figures"
PIXELS_PER_INCH = 72
"""matplotlib writes SVG in 1/72 of an inch, and each is a pixel of the slide."""

LETTERS = 24
"""Pixels. A slide of 1280 pixels is 960 pt wide, so that these are 18 pt."""

INK, PALE, GREEN, ORANGE, RED, BLUE = "#1f2a33", "#c9ced3", "#14746f", "#c2571a", "#b3263c", "#2c5f9e"

FRUIT_COLOURS = {"Apple": GREEN, "Cherry": RED, "Tomato": ORANGE}
"""Colour of the varieties whose names begin with a word. Varieties of other fruits are blue."""

FRUITS_IN_FRENCH = {"Apple": "Pommes", "Cherry": "Cerises", "Tomato": "Tomates"}
"""Word with which the names of varieties begin → its French name in a legend."""

ENGLISH = {
    "images": "images in the corpus",
    "dollars": "USD",
    "small": "first run, 5 KB each",
    "photos": "first run, 2 MB each",
    "update": "add 100 images",
    "components": "principal components",
    "explained": "explained variance",
    "rate": "images per second",
    "this_project": "this chain",
    "bare_loops": "network alone",
    "daft": "Daft",
    "ray_data": "Ray Data",
}
FRENCH = {
    "images": "images du corpus",
    "dollars": "dollars US",
    "small": "1er calcul, 5 ko",
    "photos": "1er calcul, 2 Mo",
    "update": "ajouter 100 images",
    "components": "composantes principales",
    "explained": "variance expliquée",
    "rate": "images par seconde",
    "this_project": "cette chaîne",
    "bare_loops": "réseau seul",
    "daft": "Daft",
    "ray_data": "Ray Data",
}
WORDS = {Language.ENGLISH: ENGLISH, Language.FRENCH: FRENCH}

SCALES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
"""Numbers of images that costs are drawn for."""

Draw = Callable[["Axes", Language], None]


def main(words: Sequence[str] | None = None) -> int:
    """Draw the figures; a mistake of the user is one sentence and exit code 2, an interruption one and 130."""
    parser = Parser(prog="python -m handover.plots", description="Draw the figures of the presentation.")
    parser.add_argument("--output", type=path, help="output of `fruits run`; without it, its two figures stay")
    parser.add_argument("--folder", type=path, default=FOLDER, help="folder of the figures")
    arguments = parser.parse_args(words)
    return run_main("plots", lambda: _print(draw_all(arguments.folder, arguments.output)))


def _print(files: Sequence[Path]) -> int:
    print("\n".join(map(str, files)))
    return 0


def draw_all(folder: Path, output: Path | None = None) -> list[Path]:
    """Draw the figures in both languages, and return their files.

    Parameters
    ----------
    output
        Output of a run. Without it, the figures that show a run are not drawn again.

    Raises
    ------
    HandoverError
        If the output has no complete results, or if no benchmark has been recorded.
    """
    make_folder(folder)
    plots = dict(OF_FIGURES)
    if output is not None:
        results = results_of(output)
        plots |= {"scree": scree(results), "scatter": scatter(results)}
    if "benchmark" not in figures():
        raise HandoverError("docs/figures.json has no benchmark: run `python -m handover.figures benchmark` first.")
    return [
        _draw(folder / f"{name}.{language}.svg", plot, language)
        for name, plot in plots.items()
        for language in Language
    ]


def scree(results: Path) -> Draw:
    """Return a plot of the cumulative explained variance, with the number of components for 80, 90 and 95 %."""
    shares = [float(row["cumulative"]) for row in rows_of(results / ResultFile.EXPLAINED_VARIANCE)]

    def draw(axes: "Axes", language: Language) -> None:
        percent, words = filters(language)["percent"], WORDS[language]
        axes.plot(range(1, len(shares) + 1), shares, color=GREEN, linewidth=4)
        for share in (0.8, 0.9, 0.95):
            count = components_for(share, shares)
            axes.plot([0, count, count], [share, share, 0], color=PALE, linewidth=2, zorder=0)
            axes.plot([count], [share], "o", color=ORANGE, markersize=12)
            axes.annotate(
                f"{percent(share)} : {count}" if language is Language.FRENCH else f"{percent(share)}: {count}",
                (count, share),
                (14, -34),
                textcoords="offset points",
                color=ORANGE,
                weight="bold",
            )
        axes.set(xlim=(0, 1.22 * len(shares)), ylim=(0, 1), xlabel=words["components"])
        _name_vertical_axis(axes, words["explained"])
        axes.yaxis.set_major_formatter(lambda value, _: percent(value))

    return draw


def scatter(results: Path) -> Draw:
    """Return a plot of the images along the first two components, in the colour of their fruit."""
    rows = [(row["label"], float(row["pc_1"]), float(row["pc_2"])) for row in rows_of(results / ResultFile.MATRIX)]

    def draw(axes: "Axes", language: Language) -> None:
        share = _shares(results)
        for fruit in dict.fromkeys(label.split()[0] for label, *_ in rows):
            xs, ys = zip(*((x, y) for label, x, y in rows if label.split()[0] == fruit), strict=True)
            name = FRUITS_IN_FRENCH.get(fruit, fruit) if language is Language.FRENCH else fruit
            axes.scatter(xs, ys, s=70, color=FRUIT_COLOURS.get(fruit, BLUE), alpha=0.65, linewidth=0, label=name)
        percent = filters(language)["percent"]
        axes.set(xlabel=f"PC1 ({percent(share[0])})", xticks=[], yticks=[])
        _name_vertical_axis(axes, f"PC2 ({percent(share[1])})")
        axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5), markerscale=1.6, handletextpad=0.2)

    return draw


def _name_vertical_axis(axes: "Axes", name: str) -> None:
    """Write the name above the axis, because letters that stand upright are easier to read."""
    axes.set_title(name, loc="left", fontsize=LETTERS, pad=14)


def _shares(results: Path) -> list[float]:
    return [float(row["ratio"]) for row in rows_of(results / ResultFile.EXPLAINED_VARIANCE)]


def costs(axes: "Axes", language: Language) -> None:
    """Draw the price of the first run over photos and over small images, and that of an update of 100 images."""
    lines = (
        ("photos", ORANGE, [first_run(n, PHOTO) for n in SCALES]),
        ("small", BLUE, [first_run(n, SMALL) for n in SCALES]),
        ("update", GREEN, [update(SMALL, min(n, ASSUMED.near_rows)) for n in SCALES]),
    )
    _cost_lines(axes, language, lines)


def _cost_lines(axes: "Axes", language: Language, lines: Iterable[tuple[str, str, list[float]]]) -> None:
    dollars, number = filters(language)["dollars"], filters(language)["number"]
    for name, colour, prices in lines:
        axes.loglog(SCALES, prices, "o-", color=colour, linewidth=4, markersize=10)
        text = f"{WORDS[language][name]}\n{_money(dollars, prices[-1])}"
        above = {"photos": 30, "small": -30}.get(name, 0)  # the two lines end close to each other
        style: Any = {"color": colour, "va": "center", "weight": "bold", "annotation_clip": False}
        axes.annotate(text, (SCALES[-1], prices[-1]), (18, above), textcoords="offset points", **style)
    axes.set(xlabel=WORDS[language]["images"], ylim=(0.006, 400), xlim=(800, 1.3 * SCALES[-1]))
    axes.xaxis.set_major_formatter(lambda value, _: number(value))
    axes.yaxis.set_major_formatter(lambda value, _: _money(dollars, value))
    axes.minorticks_off()


def _money(dollars: Callable[[float, int], str], amount: float) -> str:
    return dollars(amount, 2 if amount < 1 else 0)


def rates(axes: "Axes", language: Language) -> None:
    """Draw the images per second of this chain, of its peers, and of the network alone."""
    benchmark, words = figures()["benchmark"], WORDS[language]
    values = benchmark["rates"] | {"bare_loops": benchmark["bare_rate"]}
    shown = sorted((name for name in values if name in words), key=values.__getitem__)
    colours = [GREEN if name == "this_project" else PALE for name in shown]
    bars = axes.barh([words[name] for name in shown], [values[name] for name in shown], color=colours, height=0.62)
    axes.bar_label(bars, [filters(language)["number"](values[name]) for name in shown], padding=12, weight="bold")
    axes.set(xlabel=words["rate"], xticks=[], xlim=(0, 1.15 * max(values[name] for name in shown)))
    axes.spines["bottom"].set_visible(False)
    axes.tick_params(length=0)


OF_FIGURES: dict[str, Draw] = {"costs": costs, "rates": rates}
"""Figure that needs no run → the function that draws it."""

SIZE = (1120, 424)
"""Width and height of a figure in pixels, which leaves room for a title and a line below the figure."""

STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "fruits",  # the same file for the same figures
    "font.size": LETTERS,
    "font.family": "DejaVu Sans",
    "axes.edgecolor": PALE,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.pad": 12,
}

NAMESPACES = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'


def _draw(file: Path, plot: Draw, language: Language) -> Path:
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib.figure import Figure

    width, height = SIZE
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(width / PIXELS_PER_INCH, height / PIXELS_PER_INCH), layout="constrained")
        plot(figure.subplots(), language)
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    file.write_text(_for_slides(file.read_text(), width, height))
    return file


def _for_slides(svg: str, width: int, height: int) -> str:
    """Return an SVG that a page can contain: without a prologue, a style for the whole page, and a font of its own."""
    inner = svg[svg.index("<svg") :]
    inner = re.sub(r"<metadata>.*?</metadata>\s*", "", inner, flags=re.DOTALL)
    inner = re.sub(r"<style.*?</style>", "", inner, flags=re.DOTALL)
    inner = re.sub(r"'DejaVu Sans'(, [^;\"]*)?", "Inter, 'DejaVu Sans', sans-serif", inner)
    opening = f'<svg {NAMESPACES} viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">'
    lines = (line.rstrip() for line in re.sub(r"<svg[^>]*>", opening, inner, count=1).splitlines())
    # A blank line would end the block of HTML in the Markdown of a slide.
    return "\n".join(line for line in lines if line) + "\n"


if __name__ == "__main__":
    sys.exit(main())
