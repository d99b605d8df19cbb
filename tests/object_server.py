"""The S3 server of the benchmarks, in a thread of the tests."""

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.object_server import ObjectServer, serve


@contextmanager
def object_server(folder: Path) -> Iterator[tuple[str, Counter[str]]]:
    """Serve the subfolders of a folder as buckets; yield the URL, and the number of requests of each kind."""
    server, loop = ObjectServer(folder), asyncio.new_event_loop()
    listening = loop.run_until_complete(serve(server, delay=0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}", server.counts
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        listening.close()
        for transport in list(server.transports):
            transport.abort()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
