"""What draws the diagrams of the documents as Mermaid text.

The bricks and their connections come from the synthesised template, the phases from the definition of the state
machine, and the steps from the code of the pipeline. Only the words are written by hand, and a diagram that does not
fit them is an error.
"""

import ast
import json
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from handover.diagrams.template_graph import DiagramError, Pair, TemplateGraph
from handover.diagrams.words import (
    BRICKS,
    CONNECTIONS,
    GROUPS,
    HIDDEN,
    NOT_DRAWN,
    PARTS,
    PHASES,
    RARE,
    STEPS,
    TRANSITIONS,
    UPLOADS,
    USER,
    WATCHING,
    Words,
)
from handover.folders import DOCS, ROOT
from handover.templates import Language

FOLDER = DOCS / "diagrams"
PIPELINE = ROOT / "spark_app" / "pipeline.py"

ENVIRONMENT = "prod"
"""The environment whose template is drawn: it has all bricks."""

MARKER = re.compile(r"(<!-- `make diagrams` draws (\w+) -->\n)(?:```mermaid\n.*?^```\n)?", re.DOTALL | re.MULTILINE)
"""Where a page contains a diagram: a comment, and the diagram that was drawn last."""


def synthesised_template() -> dict[str, Any]:
    """Return the template of the drawn environment, with an address for alarms."""
    from aws_cdk import App

    from cdk.app import build
    from cdk.settings import changed, environment_named

    settings = changed(environment_named(ENVIRONMENT), {"weights": "seeded", "alarm_email": "alarms@example.org"})
    with tempfile.TemporaryDirectory() as folder:
        app = App(outdir=folder, context=json.loads((ROOT / "cdk.json").read_text())["context"])
        stack = build(app, settings)
        return dict(app.synth().get_stack_by_name(stack.stack_name).template)


def bricks(graph: TemplateGraph, language: Language) -> str:
    """Draw the bricks that an image passes through, and which of them uses which.

    Raises
    ------
    DiagramError
        If the template contains a brick or a connection that has no words, or lacks one that has.
    """
    _check_bricks(graph)
    lines = ["flowchart TB", f'user(["{_in(language, USER)}"])']
    for group, (title, members) in GROUPS.items():
        boxes = [f"  {box}" for box in _boxes(members, graph, language)]
        lines += [f'subgraph {group}["{_in(language, title)}"]', *boxes, "end"]
    lines.append(_arrow(("user", "bucket"), _in(language, UPLOADS)))
    return _text(lines + _arrows({brick for _, members in GROUPS.values() for brick in members}, graph, language))


def watching(graph: TemplateGraph, language: Language) -> str:
    """Draw the bricks that watch the others.

    Raises
    ------
    DiagramError
        If the template contains a brick or a connection that has no words, or lacks one that has.
    """
    _check_bricks(graph)
    return _text(["flowchart LR", *_boxes(WATCHING, graph, language), *_arrows({*WATCHING}, graph, language)])


def _check_bricks(graph: TemplateGraph) -> None:
    _check("brick", graph.bricks - HIDDEN.keys(), BRICKS)
    shown = {pair for pair in graph.pairs if HIDDEN.keys().isdisjoint(pair)}
    _check("connection", shown, {**CONNECTIONS, **NOT_DRAWN})


def _boxes(members: Iterable[str], graph: TemplateGraph, language: Language) -> list[str]:
    facts = _facts(graph)
    return [f'{brick}["{_in(language, BRICKS[brick]).format(**facts)}"]' for brick in members]


def _arrows(members: set[str], graph: TemplateGraph, language: Language) -> list[str]:
    """Draw the connections between some bricks."""
    facts = _facts(graph)
    drawn = ((pair, words) for pair, words in CONNECTIONS.items() if members.issuperset(pair))
    return [_arrow(pair, _in(language, words).format(**facts)) for pair, words in drawn]


def _facts(graph: TemplateGraph) -> dict[str, int]:
    """Return the numbers of the template that the boxes show."""
    queues, (budget,) = graph.of_type("AWS::SQS::Queue"), graph.of_type("AWS::Budgets::Budget")
    (deliveries,) = (queue["RedrivePolicy"]["maxReceiveCount"] for queue in queues if "RedrivePolicy" in queue)
    notifications = [one["Notification"] for one in budget["NotificationsWithSubscribers"]]
    limits = {one["NotificationType"]: one["Threshold"] for one in notifications}
    return {
        "alarms": len(graph.of_type("AWS::CloudWatch::Alarm")),
        "deliveries": deliveries,
        "spent": limits["ACTUAL"],
        "forecast": limits["FORECASTED"],
    }


def workflow(graph: TemplateGraph, language: Language) -> str:
    """Draw the phases of an execution, from the definition of the state machine.

    Raises
    ------
    DiagramError
        If a state belongs to no phase.
    """
    definition = graph.definition()
    phase_of = {str(state): phase for phase, (_, states) in PHASES.items() for state in states}
    _check("state", definition["States"].keys(), phase_of)
    pairs = dict.fromkeys(
        (phase_of[name], phase_of[following])
        for name, state in definition["States"].items()
        for following in _following(state)
        if phase_of[name] != phase_of[following]
    )
    if missing := (TRANSITIONS.keys() | RARE) - pairs.keys():
        raise DiagramError(f"The state machine has no transition {missing}: correct handover/diagrams/words.py.")
    lines = ["stateDiagram-v2", *(f'state "{_in(language, title)}" as {phase}' for phase, (title, _) in PHASES.items())]
    lines.append(f"[*] --> {phase_of[definition['StartAt']]}")
    lines += [_transition(pair, _in(language, TRANSITIONS.get(pair, ("", "")))) for pair in pairs if pair not in RARE]
    lines += [f"{phase_of[name]} --> [*]" for name in ("Done", "Joined", "Failed")]
    return _text(lines)


def _following(state: object) -> Iterator[str]:
    """Find the states that a state may lead to."""
    parts = state.items() if isinstance(state, dict) else enumerate(state) if isinstance(state, list) else ()
    for key, part in parts:
        if key in {"Next", "Default"}:
            yield part
        else:
            yield from _following(part)


def steps(_: TemplateGraph, language: Language) -> str:
    """Draw the steps of a run in the order of `spark_app/pipeline.py`.

    Raises
    ------
    DiagramError
        If the pipeline has a step without words.
    """
    names = steps_of(PIPELINE.read_text())
    _check("step", names, STEPS)
    _check("order of steps", enumerate(names), enumerate(name for _, members in PARTS.values() for name in members))
    lines = ["flowchart TB"]
    for part, (title, members) in PARTS.items():
        boxes = [f'  {name}["<b>{name}</b><br>{_in(language, STEPS[name])}"]' for name in members]
        row = f"  {' --> '.join(members)}"
        lines += [f'subgraph {part}["{_in(language, title)}"]', "  direction LR", *boxes, row, "end"]
    return _text([*lines, " --> ".join(PARTS)])


def steps_of(source: str) -> list[str]:
    """Read the order of the steps from the code of the pipeline: those of `process`, and of what it calls."""
    functions = {node.name: node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)}
    found: dict[str, None] = {}
    seen: set[str] = set()

    def visit(node: ast.AST) -> None:
        for child in ast.iter_child_nodes(node):
            match child:
                case ast.Call(func=ast.Attribute(attr="step"), args=[ast.Constant(value=str(name))]):
                    found[name] = None
                case ast.Call(func=ast.Name(id=name)) if name in functions and name not in seen:
                    seen.add(name)
                    visit(functions[name])
            visit(child)

    visit(functions["process"])
    return list(found)


DIAGRAMS: dict[str, Callable[[TemplateGraph, Language], str]] = {
    "bricks": bricks,
    "watching": watching,
    "workflow": workflow,
    "steps": steps,
}
"""Name of a diagram → what draws it."""


def with_diagrams(page: str, graph: TemplateGraph, language: Language) -> str:
    """Draw the diagrams of a page anew, behind their markers."""
    return MARKER.sub(lambda found: f"{found[1]}```mermaid\n{DIAGRAMS[found[2]](graph, language)}```\n", page)


def files(graph: TemplateGraph, folder: Path = FOLDER) -> dict[Path, str]:
    """Return the files of all diagrams, in both languages."""
    return {
        folder / f"{name}.{language}.mmd": draw(graph, language)
        for name, draw in DIAGRAMS.items()
        for language in Language
    }


def _check(kind: str, found: Iterable[Any], known: Iterable[Any]) -> None:
    """Raise an error that names what has no words, or no longer exists."""
    found, known = set(found), set(known)
    if found != known:
        differing = ", ".join(map(str, sorted(found ^ known)))
        raise DiagramError(
            f"A diagram and its source differ in a {kind} ({differing}): correct handover/diagrams/words.py."
        )


def _in(language: Language, words: Words) -> str:
    return words[language is Language.FRENCH]


def _arrow(pair: Pair, text: str) -> str:
    return f'{pair[0]} -->|"{text}"| {pair[1]}' if text else f"{pair[0]} --> {pair[1]}"


def _transition(pair: Pair, text: str) -> str:
    return f"{pair[0]} --> {pair[1]}{': ' + text if text else ''}"


def _text(lines: list[str]) -> str:
    return "\n".join(lines) + "\n"
