"""The fence: the object that names the only run which may write to an environment.

An execution of the state machine may lose its lease without noticing, and its job may then still run when the next
one begins. The job reads the fence before each change that others see: each commit to a table, the pointer to the
results, and each deletion of notices or of files of other runs. What a run writes to folders of its own changes nothing
for others, and needs no look at the fence. A commit that has begun when the fence changes may still succeed; the tables
are then in the state of some commit, as after a crash.
"""

from contract.documents import DocumentError
from contract.job import Fence
from contract.layout import FENCE
from spark_app.errors import FencedOffError
from spark_app.storage import Storage


def check_fence(root: Storage, run_id: str) -> None:
    """Check that the fence names a run.

    Raises
    ------
    FencedOffError
        If it names another run, is missing, or can't be read as a fence.
    StorageError
        If the storage fails.
    """
    body = root.read(FENCE)
    try:
        owner = Fence.from_json(body).run_id if body is not None else None
    except DocumentError as error:
        raise FencedOffError(f"{FENCE} is damaged ({error}), so this run can't know whether it may write.") from error
    if owner is None:
        raise FencedOffError(f"{FENCE} is missing, so this run can't know whether it may write.")
    if owner != run_id:
        raise FencedOffError(f"Run {owner} has taken the place of this run, as {FENCE} says: this run has stopped.")
