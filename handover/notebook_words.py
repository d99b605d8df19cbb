"""What the code of the notebook says, in the language of the notebook: sentences, headings, and labels of figures."""

from dataclasses import dataclass

import pandas as pd  # type: ignore[import-untyped]  # it publishes no types

from handover.templates import Language, filters

SENTENCES: dict[str, tuple[str, str]] = {
    "stays_here": (
        "Images, features and matrix stay on this machine, below {folder}: no data leave it.",
        "Images, caractéristiques et matrice restent sur cette machine, sous {folder} : aucune donnée n'en sort.",
    ),
    "in_region": (
        "AWS says that the bucket {bucket} is in {region}, a Region in the European Union.",
        "AWS répond que le bucket {bucket} se trouve dans {region}, une Région de l'Union européenne.",
    ),
    "versions": (
        "Python {python}, Spark {spark}, TensorFlow {tensorflow}, Keras {keras}; {cores} cores.",
        "Python {python}, Spark {spark}, TensorFlow {tensorflow}, Keras {keras} ; {cores} cœurs.",
    ),
    "listed": (
        "{files} files, of which {broken} were broken on purpose; {varieties} varieties.",
        "{files} fichiers, dont {broken} abîmés exprès ; {varieties} variétés.",
    ),
    "network": (
        "{parameters} weights in {arrays} arrays, {megabytes} MB; an image becomes {features} features.",
        "{parameters} poids dans {arrays} tableaux, {megabytes} Mo ; une image donne {features} caractéristiques.",
    ),
    "rows_and_refused": (
        "{images} images = {rows} rows + {refused} refused files: none is lost.",
        "{images} images = {rows} lignes + {refused} fichiers refusés : aucune n'est perdue.",
    ),
    "same_features": (
        "Largest difference between the features of {one} and {other}: {difference}.",
        "Plus grand écart entre les caractéristiques de {one} et de {other} : {difference}.",
    ),
    "at_scale": (
        "10,000,000 images are {tasks} tasks. Weights in the closure: {closure} GB leave the driver. "
        "Broadcast to 100 workers: {broadcast} GB.",
        "10 000 000 d'images font {tasks} tâches. Poids dans la fermeture : {closure} Go sortent du driver. "
        "Diffusés à 100 workers : {broadcast} Go.",
    ),
    "chosen": (
        "k = {k}: the least number of components that keep more than {share} of the variance.",
        "k = {k} : le plus petit nombre de composantes qui gardent plus de {share} de la variance.",
    ),
    "written": (
        "{name}{key}: {rows} rows, {columns} columns, {bytes} bytes, SHA-256 {digest}….",
        "{name}{key} : {rows} lignes, {columns} colonnes, {bytes} octets, SHA-256 {digest}….",
    ),
    "read_back": (
        "Read back: the same SHA-256, the same {rows} rows.",
        "Relue : même SHA-256, mêmes {rows} lignes.",
    ),
    "incremental": (
        "One new image among {images}: {computed} computed, {unchanged} left as they were. "
        "All images took {first} s, this one {second} s.",
        "Une nouvelle image parmi {images} : {computed} calculée, {unchanged} laissées telles quelles. "
        "La totalité a pris {first} s, celle-ci {second} s.",
    ),
    "unchanged": (
        "A run without any change took {seconds} s, and did not start Spark.",
        "Une exécution sans aucun changement a pris {seconds} s, sans démarrer Spark.",
    ),
    "not_in_the_cloud": (
        'WHERE is "local": this section uploads nothing. With WHERE = "rehearsal" or "dev", it does.',
        "WHERE vaut « local » : cette section n'envoie rien. Elle agit avec WHERE = « rehearsal » ou « dev ».",
    ),
    "in_the_cloud": (
        "Run {run}: {rows} rows and {refused} refused files in the bucket; the job ended as {state} after {seconds} s "
        "and cost {dollars}.",
        "Exécution {run} : {rows} lignes et {refused} fichiers refusés dans le bucket ; le job a fini en {state} après "
        "{seconds} s et a coûté {dollars}.",
    ),
    "other_model": (
        "The cloud has the weights {there}, this notebook {here}: their features can't be compared.",
        "Le cloud a les poids {there}, ce notebook {here} : leurs caractéristiques ne sont pas comparables.",
    ),
    "removed": ("Removed: {what}.", "Supprimé : {what}."),
    "offset": (
        "Without centring first, the transform of MLlib is off by {difference} (largest coordinate: {largest}).",
        "Sans centrage préalable, la projection de MLlib est décalée de {difference} (plus grande coordonnée : "
        "{largest}).",
    ),
    "scaling": (
        "The same image scaled by 1/255 instead of to −1…1: the cosine of its features with the right ones is {cosine}.",
        "La même image divisée par 255 au lieu d'être ramenée à −1…1 : le cosinus entre ses caractéristiques et les "
        "bonnes vaut {cosine}.",
    ),
}
"""Name of a sentence → English, French."""

NAMES: dict[str, tuple[str, str]] = {
    "after": ("for the network: 224×224, −1…1", "pour le réseau : 224×224, −1…1"),
    "all_features": ("all 1,280 features", "les 1 280 caractéristiques"),
    "before": ("as stored: {width}×{height}, 0…255", "tel quel : {width}×{height}, 0…255"),
    "broadcast": ("broadcast", "diffusion (broadcast)"),
    "captured": ("captured variance", "variance captée"),
    "closure": ("closure, sent with each task", "fermeture, envoyée avec chaque tâche"),
    "closure_auto": ("closure, which Spark broadcasts itself", "fermeture, diffusée d'office par Spark"),
    "component": ("component", "composante"),
    "components": ("components k", "composantes k"),
    "coordinates": ("coordinates: largest difference", "coordonnées : plus grand écart"),
    "cost": ("USD", "USD"),
    "cost_100": ("update: 100 new images", "mise à jour : 100 nouvelles images"),
    "cost_big": ("first run: 10,000,000 small images", "première exécution : 10 000 000 de petites images"),
    "cost_idle": ("idle, per month", "au repos, par mois"),
    "cost_medium": ("first run: 100,000 small images", "première exécution : 100 000 petites images"),
    "cost_this": ("first run: the images of this notebook", "première exécution : les images de ce notebook"),
    "count": ("images", "images"),
    "cumulative": ("cumulative", "cumulée"),
    "detail": ("detail", "détail"),
    "each_file": ("a file that each task reads", "un fichier que chaque tâche lit"),
    "explained": ("explained variance: largest difference", "variance expliquée : plus grand écart"),
    "file": ("file", "fichier"),
    "label": ("variety", "variété"),
    "largest": ("largest", "plus grand"),
    "mapinarrow": ("mapInArrow, LiteRT", "mapInArrow, LiteRT"),
    "method": ("method", "méthode"),
    "mllib": ("pyspark.ml", "pyspark.ml"),
    "nearest": (
        "share of images whose nearest image is of the same variety",
        "part des images dont la plus proche est de la même variété",
    ),
    "network_time": ("images per second", "images par seconde"),
    "of_largest": ("share of the largest coordinate", "part de la plus grande coordonnée"),
    "ours": ("ours (spark_app.numerics)", "la nôtre (spark_app.numerics)"),
    "pandas_udf": ("pandas_udf, Keras", "pandas_udf, Keras"),
    "predict_batch_udf": ("predict_batch_udf, Keras", "predict_batch_udf, Keras"),
    "reason": ("reason", "motif"),
    "reference": ("compared with scikit-learn", "comparée à scikit-learn"),
    "scikit": ("scikit-learn", "scikit-learn"),
    "seconds": ("seconds", "secondes"),
    "seconds_tasks": ("seconds for {tasks} tasks", "secondes pour {tasks} tâches"),
    "share": ("share of the variance", "part de la variance"),
    "smallest": ("smallest", "plus petit"),
    "step": ("step", "étape"),
    "values": ("values", "valeurs"),
    "variance": ("share of the variance", "part de la variance"),
    "wrong": ("the field's fault: 0…1", "l'erreur courante : 0…1"),
    "operation": ("operation", "opération"),
}
"""Word of a table or a figure → English, French."""


@dataclass(frozen=True)
class Speaker:
    """Says sentences and names things in one language.

    Attributes
    ----------
    language
        A value of `Language`.
    """

    language: str

    @property
    def _index(self) -> int:
        return [Language.ENGLISH, Language.FRENCH].index(Language(self.language))

    def __call__(self, sentence: str, **values: object) -> None:
        """Print a sentence with its values; numbers appear as the language writes them."""
        print(SENTENCES[sentence][self._index].format(**{name: self.number(value) for name, value in values.items()}))

    def name(self, word: str, **values: object) -> str:
        """Return a word of a table or a figure."""
        return NAMES[word][self._index].format(**values)

    def number(self, value: object) -> str:
        """Write a number as the language does: three digits for fractions, an exponent for tiny ones."""
        if not isinstance(value, int | float) or isinstance(value, bool):
            return str(value)
        number = filters(Language(self.language))["number"]
        if isinstance(value, int) or value == 0:
            return str(number(value))
        if abs(value) < 1e-3:  # noqa: PLR2004 -- below, the digits would be zeros
            return f"{value:.0e}"
        return str(number(value, 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 3))  # noqa: PLR2004 -- the digits are the format

    def percent(self, share: float, digits: int = 1) -> str:
        """Write a share as a percentage."""
        return str(filters(Language(self.language))["percent"](share, digits))

    def dollars(self, amount: float) -> str:
        """Write an amount in USD."""
        return str(filters(Language(self.language))["dollars"](amount, 2 if amount >= 1 else 4))

    def table(self, rows: "list[dict[str, object]]") -> pd.DataFrame:
        """Return a table for the reader: headings are words of `NAMES`, numbers are written as the language does."""
        written = [{self.name(key): self.number(value) for key, value in row.items()} for row in rows]
        frame = pd.DataFrame(written)
        return frame.set_index(frame.columns[0])
