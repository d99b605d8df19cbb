"""The words of the diagrams, in English and French. What they draw comes from the template and the code."""

from contract.states import State

Words = tuple[str, str]
"""A text in English and in French."""

GROUPS: dict[str, tuple[Words, tuple[str, ...]]] = {
    "storing": (("Storage", "Stockage"), ("bucket", "catalog", "athena")),
    "receiving": (("Uploads become runs", "Des dépôts aux exécutions"), ("queue", "start_run", "dead_letters")),
    "running": (
        ("One run at a time", "Une seule exécution à la fois"),
        ("schedules", "machine", "table", "record_run"),
    ),
    "computing": (("Computing", "Calcul"), ("spark",)),
}
"""Group of bricks → its title, and the bricks in it."""

WATCHING = ("alarms", "topic", "budget", "mail")
"""Bricks that watch the others, in a diagram of their own."""

HIDDEN = {
    "drain": "The function works at deployments only: it ends what uses an application that is replaced.",
    "logs": "Every brick writes logs.",
}
"""Brick that no diagram shows → why."""

BRICKS: dict[str, Words] = {
    "bucket": (
        "<b>S3 bucket</b><br>images, tables, results",
        "<b>Bucket S3</b><br>images, tables, résultats",
    ),
    "catalog": (
        "<b>Glue catalog</b><br>names of the Iceberg tables",
        "<b>Catalogue Glue</b><br>noms des tables Iceberg",
    ),
    "athena": ("<b>Athena</b><br>SQL on the tables", "<b>Athena</b><br>SQL sur les tables"),
    "queue": ("<b>SQS queue</b><br>keeps events", "<b>File SQS</b><br>garde les événements"),
    "start_run": ("<b>Lambda start_run</b><br>writes notices", "<b>Lambda start_run</b><br>écrit les avis"),
    "dead_letters": ("<b>Dead-letter queue</b>", "<b>File des messages en échec</b>"),
    "schedules": ("<b>EventBridge Scheduler</b><br>every day", "<b>EventBridge Scheduler</b><br>chaque jour"),
    "machine": ("<b>Step Functions</b><br>state machine", "<b>Step Functions</b><br>machine à états"),
    "table": ("<b>DynamoDB</b><br>who may run", "<b>DynamoDB</b><br>à qui le tour"),
    "record_run": ("<b>Lambda record_run</b><br>records the cost", "<b>Lambda record_run</b><br>note le coût"),
    "spark": (
        "<b>EMR Serverless</b><br>Spark: features, PCA",
        "<b>EMR Serverless</b><br>Spark\N{NO-BREAK SPACE}: features, ACP",
    ),
    "alarms": (
        "<b>CloudWatch</b><br>{alarms} alarms, dashboard",
        "<b>CloudWatch</b><br>{alarms} alarmes, tableau de bord",
    ),
    "topic": ("<b>SNS topic</b>", "<b>Sujet SNS</b>"),
    "budget": ("<b>AWS Budgets</b>", "<b>AWS Budgets</b>"),
    "mail": ("E-mail to the operator", "Courriel à l’exploitant"),
}
"""Brick → its box."""

CONNECTIONS: dict[tuple[str, str], Words] = {
    ("bucket", "queue"): ("events", "événements"),
    ("queue", "start_run"): ("batches", "lots"),
    ("queue", "dead_letters"): ("after {deliveries} failures", "après {deliveries} échecs"),
    ("start_run", "machine"): ("starts", "démarre"),
    ("schedules", "machine"): ("starts", "démarre"),
    ("machine", "table"): ("lease", "bail"),
    ("machine", "spark"): ("one job", "un job"),
    ("machine", "record_run"): ("after the job", "après le job"),
    ("spark", "bucket"): ("reads images,<br>writes results", "lit les images,<br>écrit les résultats"),
    ("spark", "catalog"): ("tables", "tables"),
    ("athena", "bucket"): ("reads", "lit"),
    ("alarms", "topic"): ("goes off", "se déclenche"),
    ("topic", "mail"): ("sends", "envoie"),
    ("budget", "mail"): (
        "{spent} % spent, {forecast} % forecast",
        "{spent}\N{NO-BREAK SPACE}% dépensés, {forecast}\N{NO-BREAK SPACE}% prévus",
    ),
}
"""Connection that is drawn → its text."""

NOT_DRAWN: dict[tuple[str, str], str] = {
    ("start_run", "bucket"): "It writes the notices, which its box says.",
    ("start_run", "table"): "It counts the batches of notices.",
    ("start_run", "queue"): "It takes messages away, which is the way back of a drawn arrow.",
    ("machine", "bucket"): "It writes the fence, one small file.",
    ("record_run", "bucket"): "It writes run.json beside the results.",
    ("record_run", "spark"): "It asks for the bill of a job.",
}
"""Connection that the template contains, and the diagrams leave out → why."""

USER: Words = ("Data scientist", "Data scientist")
UPLOADS: Words = ("uploads images", "dépose des images")

PHASES: dict[str, tuple[Words, tuple[State, ...]]] = {
    "request": (
        ("Check the request", "Vérifier la demande"),
        (State.CHECK_REQUEST, State.UPDATE_BY_DEFAULT, State.BEGIN),
    ),
    "gather": (
        ("Wait until notices have gathered", "Attendre que les avis se groupent"),
        (State.WAIT_UNTIL_DUE, State.BEGIN_GATHERED, State.BEGIN_SUCCESSOR, State.GATHER),
    ),
    "acquire": (
        ("Acquire the lease", "Prendre le bail"),
        (
            *(State.ACQUIRE, State.READ_HOLDER, State.IS_HELD, State.DESCRIBE_HOLDER, State.HOLDER_RUNS),
            *(State.TAKE_OVER, State.REMEMBER_HOLDER, State.LOOK_AGAIN),
        ),
    ),
    "turn": (("Wait for the lease", "Attendre le bail"), (State.QUEUE_UP, State.WAIT_FOR_TURN)),
    "plan": (
        ("Name the run, choose its size", "Nommer l’exécution, choisir sa taille"),
        (
            *(State.NAME_RUN, State.PLAN_ROUND, State.HOW_MANY_EXECUTORS),
            *(State.ONE_EXECUTOR, State.SOME_EXECUTORS, State.ALL_EXECUTORS, State.CONFIRM_LEASE, State.WRITE_FENCE),
        ),
    ),
    "job": (("Run the Spark job", "Exécuter le job Spark"), (State.RUN_JOB,)),
    "record": (("Record the run", "Enregistrer l’exécution"), (State.RECORD_RUN, State.WHAT_TO_NOTE)),
    "attempt": (
        ("Record the failure", "Enregistrer l’échec"),
        (State.RECORD_FAILURE, State.TRY_AGAIN, State.NEXT_ATTEMPT),
    ),
    "release": (
        ("Release the lease, or hand it over", "Rendre le bail, ou le transmettre"),
        (
            *(State.NOTE_PROCESSED, State.RELEASE, State.READ_ITEM, State.WHY_HELD, State.DESCRIBE_WAITING),
            *(State.STILL_WAITS, State.HAND_OVER, State.FORGET_WAITING),
        ),
    ),
    "more": (
        ("Another round", "Un autre tour"),
        (State.LET_GO, State.MORE_ROUNDS, State.NEXT_ROUND, State.START_SUCCESSOR),
    ),
    "give_up": (
        ("Release the lease after a failure", "Rendre le bail après un échec"),
        (
            *(State.RELEASE_AFTER_FAILURE, State.READ_AFTER_FAILURE, State.NOTICES_MEANWHILE),
            State.START_SUCCESSOR_OF_FAILED,
        ),
    ),
    "done": (("Done", "Terminé"), (State.DONE,)),
    "joined": (("Joined another run", "Rattaché à une autre exécution"), (State.JOINED,)),
    "failed": (
        ("Failed: alarm", "Échec\N{NO-BREAK SPACE}: alarme"),
        (State.FAILED, State.UNKNOWN_MODE, State.LEASE_LOST),
    ),
}
"""Phase of an execution → its box, and the states of the state machine in it."""

TRANSITIONS: dict[tuple[str, str], Words] = {
    ("request", "gather"): ("an upload", "un dépôt"),
    ("request", "acquire"): ("a user, a schedule", "un utilisateur, un horaire"),
    ("acquire", "joined"): ("another one runs: an update ends", "une autre est en cours\N{NO-BREAK SPACE}: fin"),
    ("acquire", "turn"): ("other modes wait", "les autres modes attendent"),
    ("acquire", "plan"): ("the lease is free", "le bail est libre"),
    ("job", "attempt"): ("failure", "échec"),
    ("attempt", "plan"): ("another attempt", "nouvelle tentative"),
    ("attempt", "give_up"): ("last attempt", "dernière tentative"),
    ("release", "more"): ("newer notices", "avis plus récents"),
    ("release", "done"): ("no newer notices", "aucun avis plus récent"),
}
"""Transition between phases → its text, if it has one."""

RARE: set[tuple[str, str]] = {
    ("request", "failed"),
    ("plan", "attempt"),
    ("plan", "failed"),
    ("release", "failed"),
    ("more", "done"),
}
"""Transitions that a reader need not see: unknown modes, lost leases, a fence that can't be written, 100 rounds."""

PARTS: dict[str, tuple[Words, tuple[str, ...]]] = {
    "find": (("Find what has changed", "Trouver ce qui a changé"), ("start", "list", "plan")),
    "compute": (("Compute", "Calculer"), ("featurise", "statistics", "pca", "project")),
    "hand_out": (("Examine and publish", "Examiner et publier"), ("curate", "explore", "publish", "compact")),
}
"""Part of a run → its title, and its steps."""

STEPS: dict[str, Words] = {
    "start": ("Spark, and the weights<br>for every worker", "Spark, et les poids<br>pour chaque worker"),
    "list": ("find images or notices", "trouver images ou avis"),
    "plan": ("what is new, changed, gone", "ce qui est nouveau,<br>changé, supprimé"),
    "featurise": (
        "decode, 224x224,<br>MobileNetV2 → 1280 features",
        "décoder, 224x224,<br>MobileNetV2 → 1280 features",
    ),
    "statistics": ("mean, scatter matrix", "moyenne, matrice de dispersion"),
    "pca": ("keep or fit the basis", "garder ou ajuster la base"),
    "project": ("coordinates of each image", "coordonnées de chaque image"),
    "curate": ("duplicates, outliers,<br>doubtful labels", "doublons, aberrants,<br>étiquettes douteuses"),
    "explore": ("page of points<br>and thumbnails", "page de points<br>et de vignettes"),
    "publish": ("matrix, report,<br>and last the pointer", "matrice, rapport,<br>et en dernier le pointeur"),
    "compact": ("join tiny files", "réunir les petits fichiers"),
}
"""Step of a run, as the terminal names it → what it does."""
