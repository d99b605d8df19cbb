"""Starts TensorBoard on a folder, and prints what its projector serves as JSON: `tensorboard_answers.py FOLDER`.

The Python of `build/viewers` runs it, which has other packages than that of the tests.
"""

import base64
import json
import sys
import time
from urllib.parse import quote
from urllib.request import urlopen

from tensorboard import program

board = program.TensorBoard()
board.configure(argv=[None, "--logdir", sys.argv[1], "--port", "0", "--load_fast", "false"])
url = f"{board.launch()}data/plugin/projector/"


def answer(path: str) -> bytes:
    """Return what the server answers."""
    with urlopen(url + path) as response:  # noqa: S310 -- our own server
        body: bytes = response.read()
        return body


while not json.loads(answer("runs")):
    time.sleep(0.1)  # the server looks for runs in a thread of its own
(found,) = json.loads(answer("info?run=."))["embeddings"]
query = f"?run=.&name={quote(found['tensorName'])}"
answers = {name: base64.b64encode(answer(name + query)).decode() for name in ("tensor", "metadata", "sprite_image")}
sys.stdout.write(json.dumps({"info": found, **answers}))
