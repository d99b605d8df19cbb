"""The engine of a Python worker: built once, and kept for all its tasks."""

from collections.abc import Callable
from typing import Protocol

from spark_app.engine.onnx_engine import Features, OnnxEngine, Pixels
from spark_app.engine.preprocessing import prepare_decoders
from spark_app.settings import Engine


class FeatureEngine(Protocol):
    """Whatever computes features."""

    def features(self, pixels: Pixels) -> Features:
        """(n, 224, 224, 3) uint8 RGB → (n, 1280) float32."""


# The only state of the application that outlives a call. Spark reuses a Python worker for many tasks; building the
# engine anew in each would cost more than the task. One entry: a worker serves one model at a time.
_engines: dict[tuple[str, Engine], FeatureEngine] = {}


def worker_engine(
    model_id: str, engine: Engine, payload: bytes, on_build: Callable[[], None] = lambda: None
) -> FeatureEngine:
    """Return this process's engine, built at the first call.

    Parameters
    ----------
    model_id, engine
        Which one.
    payload
        What it executes (`spark_app.engine.model.FILES`).
    on_build
        Called when an engine was built.
    """
    if (model_id, engine) not in _engines:
        prepare_decoders()
        _engines.clear()
        _engines[model_id, engine] = _build(engine, payload)
        on_build()
    return _engines[model_id, engine]


def _build(engine: Engine, payload: bytes) -> FeatureEngine:
    if engine is Engine.ONNX:
        return OnnxEngine(payload)
    from spark_app.engine.tensorflow_engine import TensorFlowEngine

    return TensorFlowEngine(payload)
