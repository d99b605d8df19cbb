"""The words of the tables of docs/costs.md in French, and its numbers in the French notation."""

import re

from cdk.typography import THIN, typeset

NUMBER = re.compile(r"(?<![\w.\-])\d[\d,]*(?:\.\d+)?(?![\w.\-])")
"""A number of its own, not a part of a name such as eu-west-1 or x86_64."""

CODE = re.compile(r"`[^`]*`")

WORDS = {
    "": "",
    "---": "---",
    "---:": "---:",
    "{}": "{}",
    "{} ({})": "{} ({})",
    "{} small": "{} petites",
    "{} photos": "{} photos",
    "USD": "USD",
    "USD a month": "USD par mois",
    "beyond free tiers": "hors offre gratuite",
    "one environment": "un environnement",
    "three in an account": "trois dans un compte",
    "SQS: {} requests that find nothing": "SQS : {} requêtes sans résultat",
    "CloudWatch: {} alarms": "CloudWatch : {} alarmes",
    "CloudWatch: a dashboard": "CloudWatch : un tableau de bord",
    "S3: the deployed packages": "S3 : les paquets déployés",
    "**idle, in all**": "**au repos, en tout**",
    "for every {} GB of images": "par tranche de {} Go d’images",
    "upload: S3 PUT": "dépôt : PUT vers S3",
    "events: SQS, Lambda, DynamoDB, Step Functions": "événements : SQS, Lambda, DynamoDB, Step Functions",
    "EMR Serverless": "EMR Serverless",
    "the run's S3 requests, workflow, logs": "exécution : requêtes S3, workflow, journaux",
    "**first run, in all**": "**première exécution, en tout**",
    "… if it starts with the upload": "… si elle commence avec le dépôt",
    "… minutes of its job": "… minutes de son job",
    "update: {} new images": "mise à jour : {} nouvelles images",
    "… that gives all images new coordinates": "… qui change les coordonnées de toutes les images",
    "reprocess": "reprocess",
    "a month: images stored": "un mois : images stockées",
    "a month: tables, matrix, access logs stored": "un mois : tables, matrice, journaux d’accès",
    "a month: reconcile and maintain, {} times": "un mois : reconcile et maintain, {} fois",
    "USD (minutes) of EMR Serverless": "USD (minutes) d’EMR Serverless",
    "as above: arm64, eu-west-1, up to {} executors": "ci-dessus : arm64, eu-west-1, {} exécuteurs au plus",
    "x86_64": "x86_64",
    "eu-central-1": "eu-central-1",
    "eu-west-3": "eu-west-3",
    "up to {} executors": "{} exécuteurs au plus",
    "`--chunk-size 250000`": "`--chunk-size 250000`",
    "photos decoded at a quarter of their width": "photos décodées au quart de leur largeur",
    "uploads all month": "dépôts tout le mois",
    "updates a month": "mises à jour par mois",
    "no gathering": "sans regroupement",
}
"""Text of a cell → the French text, with plain spaces. `{}` stands for a number."""

MEANINGS = {
    "core_rate": "Petites images par seconde sur un cœur mesuré. Mesuré.",
    "vcpu": "Part du travail de ce cœur que fait un vCPU. Supposé. Sur x86_64, un vCPU est un hyperthread, soit un "
    "demi-cœur ; sur arm64, c’est un cœur entier, mais plus lent.",
    "decode_s": "Secondes pour une photo, en plus de celles d’une petite image, décodée en 0,7 ms. Mesuré. Le worker "
    "décode la photo entière, puis la réduit.",
    "scaled_decode_s": "De même, pour une photo décodée au quart de sa largeur. Mesuré.",
    "row_s": "Secondes de ce cœur pour les statistiques, les coordonnées et la matrice d’une image. Mesuré sur des "
    "mises à jour de 50 000 images avec nouvelle base.",
    "job_s": "Secondes de driver qu’AWS facture pour tout job ; il facture une minute au moins. Supposé.",
    "executor_s": "Secondes d’un exécuteur en plus de son travail : il déballe ses paquets, et AWS le libère après une "
    "minute d’inactivité. Supposé.",
    "commit_s": "Secondes pendant lesquelles les exécuteurs attendent la validation d’un lot. Supposé.",
    "start_s": "Secondes avant le premier job et entre deux tours, qu’AWS ne facture pas. Supposé.",
    "list_rate": "Clés listées par seconde. Supposé.",
    "upload_rate": "Images déposées par seconde. Supposé.",
    "pollers": "Connexions par lesquelles Lambda interroge une file. Documenté par AWS.",
    "poll_s": "Secondes d’une longue interrogation. Documenté par AWS.",
    "per_receive": "Messages par requête vers SQS.",
    "per_batch": "Événements dans un lot de 6 Mo. Supposé.",
    "intake_s": "Secondes de `start_run` pour un lot. Supposé.",
    "run_steps": "Transitions d’état d’une exécution.",
    "round_steps": "Transitions d’état d’un tour de plus.",
    "join_steps": "Transitions d’état d’une exécution qui en rejoint une autre après un second regard.",
    "run_puts": "Requêtes PUT de toute exécution. Supposé.",
    "run_gets": "Requêtes GET de toute exécution. Supposé.",
    "run_log_gb": "Gigaoctets de journaux de toute exécution. Supposé.",
    "image_puts": "Requêtes PUT par image : fichiers intermédiaires, tables et matrice. Supposé.",
    "image_gets": "Requêtes GET par image : une pour l’image ; le reste pour les fichiers intermédiaires, les tables "
    "et la matrice. Supposé.",
    "chunk": "Images d’un lot.",
    "per_task": "Images d’une tâche Spark.",
    "rows_per_task": "Lignes d’une tâche qui lit les tables (128 Mo).",
    "near_rows": "Lignes des fichiers de la matrice qu’une mise à jour réécrit.",
    "components": "Composantes pour 95 % de la variance de Fruits-360.",
    "csv_bytes": "Octets d’un nombre dans un fichier CSV.",
    "page_bytes": "Octets de l’explorateur d’une exécution, au plus. Il est gardé le temps de la rétention.",
    "access_log_bytes": "Octets par image dans les journaux d’accès de 30 jours. Supposé.",
    "assets_gb": "Gigaoctets de tous les paquets d’un environnement. Supposé.",
}
"""Name of an assumption → its meaning, with plain spaces."""


def meaning(name: str) -> str:
    """Return the meaning of an assumption, with the spaces of French typography."""
    return typeset(MEANINGS[name])


def notation(number: str) -> str:
    """Write a number such as 1,234.5 as French does."""
    return number.replace(",", THIN).replace(".", ",")


def table(text: str) -> str:
    """Translate a table of Markdown.

    Raises
    ------
    KeyError
        If a cell has no translation.
    """
    return "\n".join(" | ".join(_cell(cell) for cell in line.split(" | ")) for line in text.splitlines())


def _cell(text: str) -> str:
    """Translate a cell, which may have the border of the table at its side."""
    left, right = "| " if text.startswith("| ") else "", " |" if text.endswith(" |") else ""
    inner = text.removeprefix("| ").removesuffix(" |")
    if CODE.match(inner):
        return left + inner + right
    numbers = [notation(number) for number in NUMBER.findall(inner)]
    return left + typeset(WORDS[NUMBER.sub("{}", inner)]).format(*numbers) + right
