"""The engine of a Python worker, which all tasks of the worker share."""

from collections.abc import Callable
from importlib import import_module

from spark_app.engine.bounds import let_end
from spark_app.engine.interface import FeatureEngine
from spark_app.engine.litert_engine import LiteRtEngine
from spark_app.engine.preprocessing import prepare_decoders
from spark_app.settings import Engine

# The only state of the application that outlives a call. Spark reuses a Python worker for many tasks, and building an
# engine takes longer than a task. It has one entry, because a worker serves one model at a time.
_engines: dict[tuple[str, Engine], FeatureEngine] = {}


def worker_engine(
    model_id: str, engine: Engine, payload: bytes, on_build: Callable[[], None] = lambda: None
) -> FeatureEngine:
    """Return the engine of this process, which the first call builds.

    Parameters
    ----------
    payload
        What the engine executes (`spark_app.engine.model.FILES`).
    """
    if (model_id, engine) not in _engines:
        let_end()
        prepare_decoders()
        _engines.clear()
        _engines[model_id, engine] = _build(engine, payload)
        on_build()
    return _engines[model_id, engine]


def import_engine(engine: Engine) -> None:
    """Import the libraries that an engine needs, so that the first call of `worker_engine` takes less time."""
    import_module("ai_edge_litert.interpreter" if engine is Engine.LITERT else "tensorflow")


def _build(engine: Engine, payload: bytes) -> FeatureEngine:
    if engine is Engine.LITERT:
        return LiteRtEngine(payload)
    from spark_app.engine.tensorflow_engine import TensorFlowEngine

    return TensorFlowEngine(payload)
