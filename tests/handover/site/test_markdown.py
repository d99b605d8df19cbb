"""Tests of the translation of GitHub's Markdown into that of the site."""

import markdown
import pytest

from handover.site.markdown import (
    anchor,
    anchors_of_translation,
    outside_code,
    titles,
    with_anchors,
    with_links,
    with_wide_lists,
)

PAGE = """# One

```sh
# no title
[no](link.md)
```

## Two [words](x.md)
"""


def test_code_stays_as_it_is() -> None:
    """Neither titles nor links are found in blocks of code."""
    assert titles(PAGE) == [(1, "One"), (2, "Two [words](x.md)")]
    assert "[no](link.md)" in with_links(PAGE, lambda *_: "changed")
    assert outside_code(PAGE, str.upper).count("no title") == 1


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ("see [a\nb](x.md#y), and ![p](p.png)", "see <|a\nb|x.md#y>, and <!|p|p.png>"),
        ("[`x[0]`](a.py) (in brackets)", "<|`x[0]`|a.py> (in brackets)"),
        ("a [note] (not a link)", "a [note] (not a link)"),
    ],
)
def test_links_are_found(text: str, changed: str) -> None:
    """A link may go over lines and contain brackets; an image is told from a link."""
    assert with_links(text, lambda *parts: f"<{'|'.join(parts)}>") == changed


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("The first deployment", "the-first-deployment"),
        ("Où tout se trouve", "où-tout-se-trouve"),
        ("Le premier déploiement\N{NO-BREAK SPACE}: `dev`", "le-premier-déploiement-dev"),
        ("Les étapes d’une exécution", "les-étapes-dune-exécution"),
    ],
)
def test_anchors_are_those_of_github(title: str, expected: str) -> None:
    """Links in our pages name the anchors that GitHub makes."""
    assert anchor(title) == expected


def test_a_translation_gets_the_anchors_of_the_original() -> None:
    """Titles that correspond share an anchor; pages of different structure share none."""
    french = "# Un\n\n## Deux\n"
    anchors = anchors_of_translation("# One\n\n## Two\n", french)
    assert anchors == {"un": "one", "deux": "two"}
    assert with_anchors(french, anchors) == "# Un {#one}\n\n## Deux {#two}\n"
    assert anchors_of_translation("# One\n\n### Two\n", french) is None
    assert anchors_of_translation("# One\n", french) is None


def test_code_and_text_stay_in_their_item_of_a_list() -> None:
    """Python-Markdown keeps code of an item in the item, and the numbers of the list go on."""
    text = "1. first:\n\n   ```sh\n   deploy\n   ```\n\n2. second\n\n- a\n  b\n\nend\n"
    html = markdown.markdown(with_wide_lists(text), extensions=["pymdownx.superfences"])
    assert html.count("<ol>") == 1
    assert html.index("deploy") < html.index("second") < html.index("</ol>")
    assert "<p>end</p>" in html
