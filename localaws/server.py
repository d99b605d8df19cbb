"""The local AWS in this process: moto's server with all parts, from its start to its end."""

import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from moto.moto_api._internal.models import moto_api_backend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from localaws.account import LocalAws
from localaws.alarm_actions import AlarmActions
from localaws.authorization import Authorization
from localaws.cloudformation import CloudFormation
from localaws.custom_resources import CustomResources
from localaws.faults import Faults
from localaws.front import Front
from localaws.functions import Functions
from localaws.interpreter import Interpreter
from localaws.jobs import Jobs
from localaws.metrics import Metrics
from localaws.notifications import Notifications
from localaws.pages import own_pages
from localaws.patches import Part
from localaws.queues import Queues
from localaws.rules import Rules
from localaws.topics import Topics
from localaws.workflows import Workflows

HOST = "127.0.0.1"


class _Dispatcher(DomainDispatcherApplication):
    """moto's dispatcher, which remembers the service of each host: moto's looks at all of its folders every time."""

    def __init__(self) -> None:
        super().__init__(create_backend_app)
        self._known: dict[str | None, str | None] = {}

    def get_backend_for_host(self, host: str | None) -> str | None:
        """Return moto's name of the service."""
        if host not in self._known:
            self._known[host] = super().get_backend_for_host(host)
        return self._known[host]


@contextmanager
def serve(folder: Path, *, port: int = 0, pace: float = 1.0, spark_jars: Sequence[Path] = ()) -> Iterator[LocalAws]:
    """Serve a local AWS, empty at first, as long as the context is open.

    A process has one local AWS at a time, as moto keeps the state of its services in global variables.

    Parameters
    ----------
    folder
        New or empty folder for scratch files, which is deleted at the end.
    port
        Port of all services; 0 for any free port.
    pace, spark_jars
        Attributes of `LocalAws`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as at_end:
        at_end.callback(shutil.rmtree, folder, ignore_errors=True)
        listener = make_server(HOST, port, _not_ready, threaded=True, request_handler=MotoRequestHandler)
        at_end.callback(listener.server_close)
        aws = LocalAws(port=listener.server_port, folder=folder, pace=pace, spark_jars=tuple(spark_jars))
        listener.app = at_end.enter_context(_emulation(aws))
        threading.Thread(target=listener.serve_forever, daemon=True).start()
        at_end.callback(listener.shutdown)
        at_end.callback(aws.stopping.set)
        yield aws


def _not_ready(*_: object) -> list[bytes]:
    return []


@contextmanager
def _emulation(aws: LocalAws) -> Iterator[Front]:
    """Open all parts; at the end, close them in the reverse order and delete everything that moto keeps."""
    authorization, faults = Authorization(), Faults()
    with ExitStack() as at_end:
        at_end.callback(moto_api_backend.reset)
        at_end.enter_context(Part(aws)).set_variable("MOTO_PORT", str(aws.port))
        metrics = Metrics(aws)
        at_end.callback(metrics.close)
        notifications, custom_resources = at_end.enter_context(Notifications(aws)), CustomResources(aws)
        topics = at_end.enter_context(Topics(aws))
        for part in (
            AlarmActions(aws),
            Queues(aws, metrics),
            Functions(aws, authorization, metrics),
            Rules(aws),
            Interpreter(aws),
            Workflows(aws, authorization, metrics),
            Jobs(aws, metrics),
            CloudFormation(aws, custom_resources),
        ):
            at_end.enter_context(part)
        pages = own_pages(aws, authorization, faults, notifications, topics, custom_resources)
        yield Front(aws, authorization, faults, pages, _Dispatcher())
