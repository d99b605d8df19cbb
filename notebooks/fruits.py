# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown] lang="fr"
# # Fruits! : des images à la matrice, avec Spark
#
# Fruits! veut des robots cueilleurs qui respectent chaque espèce de fruit. La première étape est une application qui
# reconnaît un fruit sur une photo. Ce notebook présente la chaîne de traitement qui prépare les données du futur
# classifieur :
#
#     images → caractéristiques (MobileNetV2) → composantes principales → une matrice
#
# Il reprend la chaîne de l'alternant en PySpark et y ajoute ce qui manquait : **la diffusion (broadcast) des poids du
# réseau TensorFlow** et **l'ACP en PySpark**. Chaque étape dit ce qu'elle fait, pourquoi, et quelles solutions ont
# été écartées. Les chiffres affichés sont mesurés ici, à l'exécution ; aucun n'est recopié.
#
# Le même code a deux formes. Ce notebook montre **les idées**, en PySpark, à une taille que l'on peut lire. Le
# **produit** (la commande `fruits`, et les jobs qu'un envoi d'images déclenche sur EMR Serverless) fait la même chose
# avec des reprises, des mises à jour incrémentales et des tables Iceberg ; la section 9 les compare.

# %% [markdown] lang="en"
# # Fruits!: from images to a matrix, with Spark
#
# Fruits! wants picking robots that treat each species of fruit as it needs. The first step is an application that
# recognises a fruit in a photo. This notebook presents the processing chain that prepares the data of the future
# classifier:
#
#     images → features (MobileNetV2) → principal components → a matrix
#
# It takes up the PySpark chain of a former intern and adds what was missing: **the broadcast of the weights of the
# TensorFlow network**, and **the PCA in PySpark**. Each step says what it does, why, and which alternatives were
# rejected. The figures that it shows are measured here, when the notebook runs; none is copied.
#
# The code exists in two forms. This notebook shows **the ideas**, in PySpark, at a size that can be read. The
# **product** (the command `fruits`, and the jobs that an upload of images starts on EMR Serverless) does the same
# with retries, incremental updates and Iceberg tables; section 9 compares the two.

# %% [markdown] lang="fr"
# ## 1. Où ce notebook s'exécute
#
# Un seul paramètre, `WHERE`, dit où :
#
# | `WHERE` | images et matrice | qui calcule |
# |---|---|---|
# | `local` | des dossiers de cette machine | Spark, sur cette machine |
# | `rehearsal` | le bucket d'un AWS local (`fruits rehearse up`) | en plus : machine à états et job Spark réels |
# | `dev` | le bucket de l'environnement `dev` sur AWS | en plus : Step Functions et EMR Serverless |
#
# Les cellules sont les mêmes pour `rehearsal` et `dev` : seule l'adresse des services change.

# %% [markdown] lang="en"
# ## 1. Where this notebook runs
#
# One parameter, `WHERE`, says where:
#
# | `WHERE` | images and matrix | what computes |
# |---|---|---|
# | `local` | folders of this machine | Spark, on this machine |
# | `rehearsal` | the bucket of a local AWS (`fruits rehearse up`) | also: the real state machine and Spark job |
# | `dev` | the bucket of the environment `dev` on AWS | also: Step Functions and EMR Serverless |
#
# The cells for `rehearsal` and `dev` are the same: only the address of the services differs.

# %% tags=["parameters"]
WHERE = "local"  # local, rehearsal or dev
IMAGES = None  # a folder of images, one folder per variety; None draws pictures
WEIGHTS = "imagenet"  # imagenet, seeded (untrained), an .h5 or .keras file, or the folder of an exported model
OUTPUT = "notebook-output"  # a new folder, or one of this notebook, whose earlier results are replaced
MOST_IMAGES = 1000  # the notebook copies at most so many; the product has no such limit
SHARE = 0.95  # share of the variance that the components must keep
ENDPOINT_URL = None  # of the local AWS; None finds that of `fruits rehearse up`
REPOSITORY = ""  # URL of the project's git repository, for platforms on which it is not installed

# %% lang="fr"
LANGUAGE = "fr"

# %% lang="en"
LANGUAGE = "en"

# %% [markdown] lang="fr"
# La cellule suivante rend le notebook exécutable **sur un portable, EMR Studio, Colab, Kaggle, SageMaker et
# Databricks**. Elle cherche le projet ; s'il manque, elle clone `REPOSITORY` et appelle `make`, qui installe les
# paquets aux versions figées (avec leurs empreintes) dans un environnement à part, sans toucher à ceux de la
# plateforme.
#
# **Ce qui a été essayé** : un portable sous Linux avec Python 3.13, en `local` et en `rehearsal` (les tests du projet
# exécutent ce notebook dans les deux cas). **Ce qui n'a pas pu l'être**, faute de compte : EMR Studio, Colab, Kaggle,
# SageMaker, Databricks, et `WHERE = "dev"`. Deux points y sont à surveiller : il faut à la plateforme un Python 3.11,
# 3.12 ou 3.13 ; et, sur un cluster de plusieurs nœuds, les workers doivent avoir les mêmes paquets (le produit les
# leur livre dans une archive, ce notebook non).

# %% [markdown] lang="en"
# The next cell makes the notebook run **on a laptop, in EMR Studio, Colab, Kaggle, SageMaker and Databricks**. It
# looks for the project; if the project is missing, it clones `REPOSITORY` and calls `make`, which installs the
# packages at pinned versions (with their hashes) in an environment of their own, and leaves those of the platform
# alone.
#
# **What was tried**: a laptop with Linux and Python 3.13, in `local` and in `rehearsal` (the tests of the project
# execute this notebook in both). **What could not be tried**, for want of an account: EMR Studio, Colab, Kaggle,
# SageMaker, Databricks, and `WHERE = "dev"`. Watch two things there: the Python of the platform must be 3.11, 3.12 or
# 3.13; and on a cluster of several nodes, the workers need the same packages (the product ships them in an archive,
# this notebook does not).

# %% tags=["setup"]
import os
import subprocess
import sys
from pathlib import Path


def find_project() -> Path | None:
    """Return the folder of the project: the present folder or one above it, or a clone in the present one."""
    here = Path.cwd()
    places = (here, *here.parents, here / "fruits")
    return next((place for place in places if (place / "handover" / "notebook" / "places.py").is_file()), None)


def install_project() -> Path:
    """Clone the project, and make its environment with the Python of this kernel."""
    if not REPOSITORY:
        raise SystemExit("The project is not installed here: set REPOSITORY to the URL of its git repository.")
    subprocess.run(["git", "clone", "--depth", "1", REPOSITORY, "fruits"], check=True)
    subprocess.run(["make", "-C", "fruits", ".venv/ready", f"PYTHON={sys.executable}"], check=True)
    return Path("fruits").resolve()


project = find_project() or install_project()
# The kernel and its workers take the project first, and then the packages that were made for it.
version = f"python{sys.version_info.major}.{sys.version_info.minor}"
made = [project, project / ".venv" / "lib" / version / "site-packages"]
sys.path[:0] = [str(path) for path in made]
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [*map(str, made), os.environ.get("PYTHONPATH")]))
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # TensorFlow otherwise reports what its processor can do
f"{project}, Python {sys.version.split()[0]}, WHERE = {WHERE}"

# %%
import hashlib
import io
import json
import shutil
import time
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
import pyarrow as pa
from IPython.display import display
from PIL import Image

from handover.commands import results_of
from handover.notebook import figures
from handover.notebook.commands import Fruits
from handover.notebook.images import BROKEN_FOLDER, pictures_of, prepare_images
from handover.notebook.output import prepare_output
from handover.notebook.places import cloud_of, last_run_of, object_place, options_of, residence_of, variables_of
from handover.notebook.session import set_broadcast_threshold, start_session, stop_session
from handover.notebook.words import Speaker

# %matplotlib inline
# %config InlineBackend.figure_formats = ["png"]

say = Speaker(LANGUAGE)
output = prepare_output(OUTPUT, "scratch", "pipeline")
scratch, results = output / "scratch", output / "pipeline"
scratch.mkdir()
seconds: dict[str, float] = {}
pd.set_option("display.max_colwidth", None)

# %% [markdown] lang="fr"
# ## 2. L'environnement, et la preuve de sa Région
#
# Le RGPD demande de savoir où sont les données. Ce notebook ne se fie pas à un nom : il **demande au service** où se
# trouve le bucket (`GetBucketLocation`) et s'arrête si la réponse n'est pas une Région de l'Union européenne. Londres
# (`eu-west-2`) et Zurich (`eu-central-2`) portent un nom en `eu-` mais n'y sont pas. En `local`, rien ne quitte la
# machine. La commande `fruits evidence` rassemble ensuite les autres preuves : chiffrement, rôles, journaux, état
# final.

# %% [markdown] lang="en"
# ## 2. The environment, and the proof of its Region
#
# The GDPR asks to know where the data are. This notebook trusts no name: it **asks the service** where the bucket is
# (`GetBucketLocation`), and stops if the answer is not a Region in the European Union. London (`eu-west-2`) and
# Zurich (`eu-central-2`) have names in `eu-`, but are not in it. In `local`, nothing leaves the machine. The command
# `fruits evidence` then collects the other proofs: encryption, roles, logs, final state.

# %%
cloud = cloud_of(WHERE, ENDPOINT_URL)
fruits = Fruits(variables_of(cloud))
if cloud is None:
    say("stays_here", folder=output)
else:
    residence = residence_of(cloud)
    say("in_region", bucket=residence.bucket, region=residence.region)

# %% [markdown] lang="fr"
# ## 3. La session Spark
#
# Sur Databricks ou EMR, la plateforme a déjà ouvert une session : on la prend. Ailleurs, on en démarre une sur tous
# les cœurs. Trois réglages comptent : de **petits lots Arrow** (32 lignes, car une ligne porte une image entière),
# la mémoire du driver, et un journal dans un fichier, pour que ce notebook ne montre que des résultats.
#
# *Pourquoi Spark et pas une boucle ?* Les images sont indépendantes : le travail se découpe. Spark apporte la
# distribution, la reprise d'une tâche perdue et l'ACP sur des données qui ne tiennent pas en mémoire. *Pourquoi pas
# Ray ou Daft ?* Les deux conviennent (`make benchmark` s'y mesure), mais EMR Serverless les ignore, et la mission
# demande PySpark.

# %% [markdown] lang="en"
# ## 3. The Spark session
#
# On Databricks or EMR, the platform has opened a session: we take it. Elsewhere, we start one on all cores. Three
# settings matter: **small Arrow batches** (32 rows, because a row carries a whole image), the memory of the driver,
# and a log in a file, so that this notebook shows results only.
#
# *Why Spark, and not a loop?* The images are independent, so the work can be divided. Spark adds the distribution,
# the repetition of a lost task, and a PCA of data that do not fit in memory. *Why not Ray or Daft?* Both would do
# (`make benchmark` compares with them), but EMR Serverless does not run them, and the mission asks for PySpark.

# %%
spark = start_session(scratch)
cores = spark.sparkContext.defaultParallelism

import keras
import tensorflow as tf

say(
    "versions",
    python=sys.version.split()[0],
    spark=spark.version,
    tensorflow=tf.__version__,
    keras=keras.__version__,
    cores=cores,
)

# %% [markdown] lang="fr"
# ## 4. Les données
#
# Le dossier qui contient un fichier est son étiquette : `Plum/x.jpg` est une prune. Le notebook travaille sur une
# copie et y dépose **sept fichiers abîmés exprès** (vide, coupé, PDF, « bombe » de 400 mégapixels…), parce que de
# vraies données en contiennent toujours, et qu'une chaîne se juge à ce qu'elle en fait.
#
# **Le piège de la source `binaryFile` de Spark** : elle omet les fichiers vides, sans un mot. Le notebook prend donc
# la liste du produit (`list_images`, qui lit les noms dans un dossier comme dans un bucket) et lui joint les
# contenus.

# %% [markdown] lang="en"
# ## 4. The data
#
# The folder that contains a file is its label: `Plum/x.jpg` is a plum. The notebook works on a copy, and puts **seven
# files into it that are broken on purpose** (empty, cut, PDF, a "bomb" of 400 megapixels…), because real data always
# contain some, and a chain is judged by what it does with them.
#
# **The trap of Spark's source `binaryFile`**: it leaves out empty files, without a word. So the notebook takes the
# listing of the product (`list_images`, which reads the names in a folder as in a bucket), and joins the contents to
# it.

# %%
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from spark_app.stages.listing import Omissions, list_images
from spark_app.storage import Storage

images = prepare_images(IMAGES, scratch / "images", MOST_IMAGES)
listing = spark.createDataFrame(pa.Table.from_batches(list_images(Storage(images.as_uri()), Omissions())))
contents = (
    spark.read.format("binaryFile")
    .option("recursiveFileLookup", "true")
    .load(str(images))
    .select(F.substr("path", F.instr("path", f"{images}/") + F.lit(len(f"{images}/"))).alias("key"), "content")
)
files = (
    listing.select("key", "size", F.element_at(F.split("key", "/"), -2).alias("label"))
    .join(contents, "key", "left")
    .withColumn("content", F.coalesce("content", F.lit(bytearray())))
)
counts = {row.label: row["count"] for row in files.groupBy("label").count().orderBy("label").collect()}
listed = sum(counts.values())
say("listed", files=listed, broken=counts[BROKEN_FOLDER], varieties=len(counts) - 1)
say("left_out", count=listed - contents.select("key").count())
figure = figures.counts_figure(counts, say)

# %% [markdown] lang="fr"
# Une image par variété :

# %% [markdown] lang="en"
# One image of each variety:

# %%
firsts = files.where(F.col("label") != BROKEN_FOLDER).groupBy("label").agg(F.min("key").alias("key")).orderBy("label")
shown = pictures_of(images, [row.key for row in firsts.collect()])
figure = figures.grid_figure(shown)

# %% [markdown] lang="fr"
# ### Les fichiers refusés
#
# L'erreur courante est `dropInvalid`, ou un `try/except` vide : le fichier disparaît et personne ne le sait. Ici, un
# fichier illisible reste **une donnée** : il devient une ligne de refus avec son motif. Le décodeur du produit est
# plus sévère que Pillow : il contrôle la taille avant de décoder, les fichiers tronqués et la mémoire ; une image
# qui tue son décodeur ne tue pas l'exécution.

# %% [markdown] lang="en"
# ### The refused files
#
# The usual mistake is `dropInvalid`, or an empty `try/except`: the file disappears, and no one learns of it. Here, an
# unreadable file remains **data**: it becomes a row of refusals with its reason. The decoder of the product is
# stricter than Pillow: it checks the size before it decodes, truncated files, and the memory; an image that kills
# its decoder does not kill the run.

# %%
from spark_app.engine.preprocessing import decode, prepare_decoders
from spark_app.engine.refusals import RefusedImageError
from spark_app.settings import Limits

prepare_decoders()
refusals = []
for path in sorted((images / BROKEN_FOLDER).iterdir()):
    try:
        decode(path.read_bytes(), Limits())
    except RefusedImageError as refusal:
        refusals.append({"file": path.name, "reason": str(refusal.reason), "detail": refusal.detail})
say.table(refusals)

# %% [markdown] lang="fr"
# ## 5. Le prétraitement
#
# MobileNetV2 attend des images de 224×224×3 dont les valeurs vont de **−1 à 1** : c'est ce que fait
# `preprocess_input` de Keras (`x / 127,5 − 1`), et ce sur quoi les poids ont été entraînés. Diviser par 255 (0…1) ne
# lève aucune erreur, et donne des caractéristiques fausses : la cellule le mesure.
#
# Le produit ajoute ce que demandent de vraies photos : l'orientation EXIF, la conversion en sRGB, la transparence sur
# fond blanc. Tout cela fait partie de l'identité du modèle : des caractéristiques de deux prétraitements ne se
# mélangent jamais.

# %% [markdown] lang="en"
# ## 5. The preprocessing
#
# MobileNetV2 expects images of 224×224×3 with values from **−1 to 1**: this is what Keras' `preprocess_input` does
# (`x / 127.5 − 1`), and what the weights were trained on. A division by 255 (0…1) raises no error, and gives wrong
# features: the cell measures it.
#
# The product adds what real photos need: the EXIF orientation, the conversion to sRGB, transparency on white. All of
# this is part of the identity of the model: features of two preprocessings never mix.

# %%
from keras.applications.mobilenet_v2 import preprocess_input

SIZE = (224, 224)


example = images / shown[0].key
with Image.open(example) as image:
    stored = np.asarray(image.convert("RGB"))
    pixels = np.asarray(image.convert("RGB").resize(SIZE, Image.Resampling.BICUBIC))
prepared = preprocess_input(pixels.astype("float32"))
wrong = pixels.astype("float32") / 255
assert -1 <= prepared.min() <= 0 <= prepared.max() <= 1
figure = figures.preprocessing_figure(stored, prepared, wrong, say)

# %% [markdown] lang="fr"
# ## 6. Le réseau, et la diffusion de ses poids
#
# **MobileNetV2** sans sa dernière couche : un réseau conçu pour de petites machines, 1 280 caractéristiques par image
# (*transfer learning* : le réseau connaît déjà les formes et les textures, il n'y a rien à entraîner). *Pourquoi pas
# ResNet50 ?* Dix fois plus de poids et de calcul par image, alors que c'est le calcul qui coûte. Changer de réseau ne
# touche qu'un module.
#
# `fruits export` écrit une fois deux fichiers : les poids (`weights.npz`), que prend Keras, et le réseau converti
# (`model.tflite`), que prend LiteRT dans le produit. **Le driver est le seul à chercher les poids** ; l'erreur
# courante est `weights="imagenet"` dans la fonction des workers, qui les fait télécharger par chacun d'eux.

# %% [markdown] lang="en"
# ## 6. The network, and the broadcast of its weights
#
# **MobileNetV2** without its last layer: a network made for small machines, 1,280 features per image (*transfer
# learning*: the network already knows shapes and textures, so there is nothing to train). *Why not ResNet50?* Ten times
# as many weights and as much computing per image, although computing is what costs. Another network changes one module
# only.
#
# `fruits export` writes two files once: the weights (`weights.npz`), which Keras takes, and the converted network
# (`model.tflite`), which LiteRT takes in the product. **Only the driver fetches the weights**; the usual mistake is
# `weights="imagenet"` in the function of the workers, which makes each of them download the weights.

# %%
if Path(WEIGHTS).expanduser().is_dir():
    model = Path(WEIGHTS).expanduser().resolve()
else:
    model = scratch / "model"
    fruits("export", model, "--weights", WEIGHTS)
model_id = json.loads((model / "model.json").read_text())["model_id"]
with np.load(model / "weights.npz") as arrays:
    network_weights = [arrays[name] for name in arrays.files]


def network_of(weights: list[np.ndarray]) -> keras.Model:
    """Build MobileNetV2 without its last layer, and give it its weights. Nothing is downloaded."""
    import keras

    network = keras.applications.MobileNetV2(include_top=False, weights=None, pooling="avg", input_shape=(*SIZE, 3))
    network.set_weights(weights)
    return network


network = network_of(network_weights)
weights_bytes = sum(array.nbytes for array in network_weights)
say(
    "network",
    parameters=network.count_params(),
    arrays=len(network_weights),
    megabytes=weights_bytes / 1e6,
    features=network.output_shape[1],
)
right, scaled = network(np.stack([prepared, wrong]), training=False).numpy()
say("scaling", cosine=float(right @ scaled / np.linalg.norm(right) / np.linalg.norm(scaled)))

# %% [markdown] lang="fr"
# ### Avec et sans diffusion, mesuré
#
# Une variable **diffusée** (`sparkContext.broadcast`) est envoyée une fois à chaque machine, de pair à pair, puis
# lue une fois par processus Python. Sans elle, les poids voyagent **dans la fonction** : ils sont sérialisés avec
# elle et renvoyés à chaque tâche. La cellule mesure deux choses, sur les mêmes images et avec les mêmes tâches :
#
# - **la taille de la fonction** que Spark envoie avec chaque tâche (tableau) ;
# - **la durée** (figure) : chaque tâche ne fait qu'obtenir les poids et compter ses images, car c'est la seule chose
#   qui diffère. Les quatre façons passent à tour de rôle ; le meilleur de trois essais est retenu, après un de chauffe.
#
# Sur une seule machine, l'écart de durée est petit, parce que rien ne passe par un réseau, et une machine occupée le
# brouille ; les octets, eux, ne mentent pas.
#
# Deux points que les tutoriels taisent :
# - **Spark diffuse lui-même une fonction de plus de 1 Mo.** Oublier le broadcast ne se voit donc souvent pas. Pour
#   mesurer ce que cela coûterait, la cellule relève ce seuil, puis le remet (troisième ligne).
# - **Lire un fichier dans chaque tâche** semble gratuit ici, parce que c'est un disque local. Dans le cloud, c'est
#   une requête à S3 et 9 Mo par tâche.

# %% [markdown] lang="en"
# ### With and without the broadcast, measured
#
# A **broadcast** variable (`sparkContext.broadcast`) is sent to each machine once, from peer to peer, and read once by
# each Python process. Without it, the weights travel **in the function**: they are pickled with it, and sent again with
# each task. The cell measures two things, on the same images and with the same tasks:
#
# - **the size of the function** that Spark sends with each task (table);
# - **the duration** (figure): each task only obtains the weights and counts its images, because nothing else differs.
#   The four ways take turns; the best of three attempts counts, after one to warm up.
#
# On one machine, the difference of the durations is small, because nothing goes through a network, and a busy machine
# blurs it; the bytes do not lie.
#
# Two things that tutorials do not say:
# - **Spark itself broadcasts a function of more than 1 MB.** So a forgotten broadcast often goes unnoticed. To
#   measure what it would cost, the cell raises this threshold, and then restores it (third row).
# - **A file that each task reads** seems to be free here, because it is on a local disk. In the cloud, it is a
#   request to S3 and 9 MB per task.

# %%
from pyspark import cloudpickle

weights = spark.sparkContext.broadcast(network_weights)
TASKS = 8 * cores
some = files.select("key").repartition(TASKS).cache()
some.count()


def with_broadcast(batches: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """Count the images of a task that has the weights from the broadcast."""
    size = sum(array.nbytes for array in weights.value)
    for batch in batches:
        yield pd.DataFrame({"images": [len(batch)], "size": [size]})


def with_closure(batches: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """Count the images of a task that has the weights from the function itself."""
    size = sum(array.nbytes for array in network_weights)
    for batch in batches:
        yield pd.DataFrame({"images": [len(batch)], "size": [size]})


def with_file(batches: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """Count the images of a task that reads the weights from a file."""
    with np.load(model / "weights.npz") as arrays:
        size = sum(arrays[name].nbytes for name in arrays.files)
    for batch in batches:
        yield pd.DataFrame({"images": [len(batch)], "size": [size]})


def seconds_of(function: Callable[[Iterator[pd.DataFrame]], Iterator[pd.DataFrame]]) -> float:
    """Return the seconds that all tasks take with one of the functions above."""
    start = time.perf_counter()
    rows = some.mapInPandas(function, "images long, size long").collect()
    duration = time.perf_counter() - start
    assert sum(row.images for row in rows) == listed
    assert {row["size"] for row in rows} == {weights_bytes}
    return duration


NEVER, USUAL = 1 << 30, 1 << 20  # bytes of a function above which Spark broadcasts it; 1 MB is its default
ways = {
    "broadcast": (with_broadcast, USUAL),
    "closure": (with_closure, NEVER),
    "closure_auto": (with_closure, USUAL),
    "each_file": (with_file, USUAL),
}
durations: dict[str, list[float]] = {way: [] for way in ways}
for _ in range(4):  # in turns: whatever else the machine does slows down all ways alike
    for way, (function, threshold) in ways.items():
        set_broadcast_threshold(spark, threshold)
        durations[way].append(seconds_of(function))
best = {say.name(way): min(attempts[1:]) for way, attempts in durations.items()}
sizes = {way: len(cloudpickle.dumps(function)) for way, (function, _) in ways.items()}
assert sizes["broadcast"] < weights_bytes / 1000 < weights_bytes < sizes["closure"]
figure = figures.seconds_figure(best, say.name("seconds_tasks", tasks=TASKS), say)
say.table([{"method": say.name(way), "in_function": size / 1e6} for way, size in sizes.items()])

# %% [markdown] lang="fr"
# **À l'échelle**, ce sont les octets qui comptent. Le produit met 256 images dans une tâche :

# %% [markdown] lang="en"
# **At scale**, the bytes count. The product puts 256 images into a task:

# %%
from contract.job import IMAGES_PER_TASK

tasks_at_scale = -(-10_000_000 // IMAGES_PER_TASK)
say(
    "at_scale",
    tasks=tasks_at_scale,
    closure=tasks_at_scale * weights_bytes / 1e9,
    broadcast=100 * weights_bytes / 1e9,
)

# %% [markdown] lang="fr"
# ## 7. Les caractéristiques, de trois façons
#
# **1. `pandas_udf` d'itérateur à itérateur** : la forme des guides. L'itérateur permet de construire le réseau une
# fois par tâche, et non une fois par lot. Les poids viennent de la variable diffusée. Une image illisible donne un
# motif, pas une exception.

# %% [markdown] lang="en"
# ## 7. The features, in three ways
#
# **1. `pandas_udf` from iterator to iterator**: the form of the guides. The iterator allows to build the network once
# per task, and not once per batch. The weights come from the broadcast variable. An unreadable image gives a reason,
# not an exception.

# %%
from pyspark.sql.functions import pandas_udf


@pandas_udf("features array<float>, refusal string")
def featurise(batches: Iterator[pd.Series]) -> Iterator[pd.DataFrame]:
    """Compute the features of images with Keras; a file that is no image gets a refusal instead."""
    network = network_of(weights.value)
    for contents in batches:
        rows = [decoded(content) for content in contents]
        readable = [number for number, (pixels, _) in enumerate(rows) if pixels is not None]
        features: list = [None] * len(rows)
        if readable:
            inputs = preprocess_input(np.stack([rows[number][0] for number in readable]).astype("float32"))
            for number, vector in zip(readable, network(inputs, training=False).numpy(), strict=True):
                features[number] = vector
        yield pd.DataFrame({"features": features, "refusal": [refusal for _, refusal in rows]})


def decoded(content: bytes) -> tuple[np.ndarray | None, str | None]:
    """Return the pixels of an image as the network receives them, or the reason why the file is refused."""
    prepare_decoders()
    try:
        return decode(content, Limits()).pixels, None
    except RefusedImageError as refusal:
        return None, refusal.reason.value


def timed_parquet(name: str, frame: DataFrame) -> pd.DataFrame:
    """Compute a DataFrame once, write it as Parquet, note the time, and return it sorted by key."""
    start = time.perf_counter()
    frame.write.parquet(str(scratch / name))
    seconds[name] = time.perf_counter() - start
    return spark.read.parquet(str(scratch / name)).toPandas().sort_values("key", ignore_index=True)


def features_in(table: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return the features of the readable images by their keys."""
    return {row.key: np.asarray(row.features) for row in table.itertuples() if row.features is not None}


work = files.select("key", "label", "content").repartition(2 * cores).cache()
work.count()
by_udf = timed_parquet(
    "pandas_udf", work.select("key", "label", featurise("content").alias("one")).select("key", "label", "one.*")
)
udf_features = features_in(by_udf)
say("rows_and_refused", images=listed, rows=len(udf_features), refused=int(by_udf.refusal.notna().sum()))
assert len(udf_features) + by_udf.refusal.notna().sum() == listed

# %% [markdown] lang="fr"
# **2. `predict_batch_udf`** : la forme de Spark pour l'inférence (depuis 3.4). On donne une fonction qui charge le
# modèle et renvoie une fonction de prédiction ; Spark garde le modèle **par processus**, et non par tâche, et forme
# les lots. Elle n'a pas de place pour un refus : la fonction ne reçoit que des images lisibles.

# %% [markdown] lang="en"
# **2. `predict_batch_udf`**: Spark's form for inference (since 3.4). It takes a function that loads the model and
# returns a function that predicts; Spark keeps the model **per process**, not per task, and forms the batches. It
# has no place for a refusal: the function receives readable images only.

# %%
from pyspark.ml.functions import predict_batch_udf
from pyspark.sql.types import ArrayType, FloatType


def load_network() -> Callable[[np.ndarray], np.ndarray]:
    """Load the network once per process, and return the function that predicts."""
    network = network_of(weights.value)

    def predict(contents: np.ndarray) -> np.ndarray:
        inputs = np.stack([decoded(content)[0] for content in contents]).astype("float32")
        return network(preprocess_input(inputs), training=False).numpy()

    return predict


predicted = predict_batch_udf(load_network, return_type=ArrayType(FloatType()), batch_size=32)
readable = spark.createDataFrame([(key,) for key in udf_features], "key string")
by_predict = timed_parquet(
    "predict_batch_udf", work.join(readable, "key").select("key", "label", predicted("content").alias("features"))
)
predicted_features = features_in(by_predict)

# %% [markdown] lang="fr"
# **3. `mapInArrow`** : la forme du produit. Elle travaille sur des lots Arrow sans passer par pandas, rend autant de
# colonnes que l'on veut (le motif du refus en est une), et garde le moteur **par processus** (`worker_engine`). Le
# réseau tourne dans LiteRT, une image à la fois : ses couches tiennent alors dans le cache d'un cœur. Le décodeur
# est celui du produit. Dans `spark_app/stages/features.py`, la même fonction lit en plus les images à l'avance,
# écrit elle-même ses résultats et recommence une tâche à l'abri d'une image qui tue son processus.

# %% [markdown] lang="en"
# **3. `mapInArrow`**: the form of the product. It works on Arrow batches without pandas, returns as many columns as
# one wants (the reason of a refusal is one), and keeps the engine **per process** (`worker_engine`). The network
# runs in LiteRT, one image at a time: its layers then fit in the cache of a core. The decoder is that of the
# product. In `spark_app/stages/features.py`, the same function also fetches images ahead, writes its results itself,
# and repeats a task safely after an image has killed its process.

# %%
from spark_app.engine.worker import worker_engine
from spark_app.settings import Engine

payload = spark.sparkContext.broadcast((model / "model.tflite").read_bytes())


def featurise_in_arrow(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Compute the features of images with LiteRT; a file that is no image gets a refusal instead."""
    engine = worker_engine(model_id, Engine.LITERT, payload.value)
    for batch in batches:
        features, refused = [], []
        for content in batch["content"].to_pylist():
            try:
                features.append(engine.features(decode(content, Limits()).pixels[np.newaxis])[0])
                refused.append(None)
            except RefusedImageError as refusal:
                features.append(None)
                refused.append(refusal.reason.value)
        columns = [
            batch["key"],
            batch["label"],
            pa.array(features, pa.list_(pa.float32())),
            pa.array(refused, pa.string()),
        ]
        yield pa.RecordBatch.from_arrays(columns, ["key", "label", "features", "refusal"])


SCHEMA = "key string, label string, features array<float>, refusal string"
by_arrow = timed_parquet("mapinarrow", work.mapInArrow(featurise_in_arrow, SCHEMA))
arrow_features = features_in(by_arrow)

# %% [markdown] lang="fr"
# **Les trois donnent les mêmes caractéristiques**, aux arrondis près, et **aucune image ne se perd** : autant de
# lignes et de refus que d'images en entrée. Le débit comprend la construction du réseau dans chaque tâche ou
# processus, qui pèse lourd sur peu d'images : c'est un coût fixe, qu'on n'a pas le droit d'étaler sur plus d'images
# pour l'appeler « passage à l'échelle ».

# %% [markdown] lang="en"
# **All three give the same features**, up to rounding, and **no image is lost**: as many rows and refusals as images
# that came in. The rate contains the construction of the network in each task or process, which weighs heavily on few
# images: it is a fixed cost, which one must not spread over more images and call "scalability".

# %%
TOLERANCE = 1e-3  # of a feature, between two engines


def largest_difference(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> float:
    """Return the largest difference of a feature of the images that both have."""
    return max(float(np.abs(one[key] - other[key]).max()) for key in one.keys() & other.keys())


refused = int(by_arrow.refusal.notna().sum())
assert len(arrow_features) + refused == listed
for name, others in (("predict_batch_udf", predicted_features), ("mapinarrow", arrow_features)):
    difference = largest_difference(udf_features, others)
    assert difference < TOLERANCE
    say("same_features", one=say.name("pandas_udf"), other=say.name(name), difference=difference)
say("rows_and_refused", images=listed, rows=len(arrow_features), refused=refused)
rates = {
    say.name(name): len(arrow_features) / seconds[name] for name in ("pandas_udf", "predict_batch_udf", "mapinarrow")
}
figure = figures.seconds_figure(rates, say.name("network_time"), say)

# %% [markdown] lang="fr"
# ## 8. L'ACP, de trois façons
#
# **La nôtre** est exacte et ne lit chaque vecteur qu'une fois : chaque tâche résume ses vecteurs (nombre, moyenne,
# matrice de dispersion 1 280×1 280), le driver **fusionne** ces résumés (formules de Chan, Golub et LeVeque, 1979)
# et calcule les vecteurs propres. La mémoire ne dépend pas du nombre d'images. Les résumés peuvent aussi se
# **soustraire** : c'est ce qui permet au produit d'ajouter et d'effacer des images sans tout relire.

# %% [markdown] lang="en"
# ## 8. The PCA, in three ways
#
# **Ours** is exact, and reads each vector once: each task summarises its vectors (count, mean, scatter matrix of
# 1,280×1,280), the driver **merges** these summaries (formulas of Chan, Golub and LeVeque, 1979) and computes the
# eigenvectors. The memory does not depend on the number of images. Summaries can be **subtracted**, too: this allows
# the product to add and to erase images without reading everything again.

# %%
from spark_app.numerics.components import VarianceShare
from spark_app.numerics.pca import fit
from spark_app.numerics.statistics import Statistics, merge_all

FEATURES = network.output_shape[1]
features = (
    spark.read.parquet(str(scratch / "mapinarrow")).where("features is not null").select("key", "label", "features")
)


def summarise(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Summarise the features of a partition in one row: count, mean, and scatter matrix as bytes of float64."""
    parts = (Statistics.of(np.stack(batch["features"].to_numpy(zero_copy_only=False))) for batch in batches)
    total = merge_all(parts, FEATURES)
    row = {"count": total.count, "mean": total.mean.tobytes(), "scatter": total.scatter.tobytes()}
    yield pa.RecordBatch.from_pylist([row])


start = time.perf_counter()
summaries = features.mapInArrow(summarise, "count long, mean binary, scatter binary").collect()
statistics = merge_all(
    (
        Statistics(row["count"], np.frombuffer(row["mean"]), np.frombuffer(row["scatter"]).reshape(FEATURES, FEATURES))
        for row in summaries
    ),
    FEATURES,
)
basis = fit(statistics, VarianceShare(SHARE))
seconds["ours"] = time.perf_counter() - start
k = len(basis.components)
assert statistics.count == len(arrow_features)
say("chosen", k=k, share=say.percent(SHARE, 0))

# %% [markdown] lang="fr"
# La projection est, elle aussi, distribuée : la base est diffusée, chaque tâche multiplie ses lignes.

# %% [markdown] lang="en"
# The projection is distributed, too: the basis is broadcast, and each task multiplies its rows.

# %%
shared_basis = spark.sparkContext.broadcast(basis)


def project(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Replace the features of each row by its coordinates along the components."""
    for batch in batches:
        vectors = np.stack(batch["features"].to_numpy(zero_copy_only=False))
        coordinates = pa.array(list(shared_basis.value.project(vectors)), pa.list_(pa.float64()))
        yield pa.RecordBatch.from_arrays([batch["key"], batch["label"], coordinates], ["key", "label", "coordinates"])


projected = (
    features.mapInArrow(project, "key string, label string, coordinates array<double>").orderBy("key").toPandas()
)
coordinates = np.stack(projected.coordinates)
labels = list(projected.label)

# %% [markdown] lang="fr"
# **`pyspark.ml.feature.PCA`** est ce que citent les guides. Deux choses à savoir : sa projection **ne centre pas**
# les données (la cellule montre le décalage, puis centre avec `StandardScaler`), et elle calcule la décomposition
# sur le driver, en Java, ce qui est lent pour 1 280 colonnes.
#
# **scikit-learn** sert d'oracle : une SVD complète en double précision, en mémoire, sur une seule machine.
#
# Le signe d'une composante est arbitraire : on l'aligne avant de comparer.

# %% [markdown] lang="en"
# **`pyspark.ml.feature.PCA`** is what the guides name. Two things to know: its projection does **not centre** the
# data (the cell shows the offset, and then centres with `StandardScaler`), and it computes the decomposition on the
# driver, in Java, which is slow for 1,280 columns.
#
# **scikit-learn** is the oracle: a full SVD in double precision, in memory, on one machine.
#
# The sign of a component is arbitrary: we align it before we compare.

# %%
from pyspark.ml.feature import PCA as SparkPCA
from pyspark.ml.feature import StandardScaler
from pyspark.ml.functions import array_to_vector, vector_to_array
from sklearn.decomposition import PCA as ScikitPCA


def aligned(found: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Return coordinates with the signs of the components of a reference."""
    return found * np.sign(np.einsum("nk,nk->k", found, reference))


def coordinates_of(frame: DataFrame) -> np.ndarray:
    """Collect the coordinates that MLlib has computed, in the order of the keys."""
    rows = frame.select("key", vector_to_array("pca").alias("pca")).orderBy("key").toPandas()
    return np.stack(rows.pca)


start = time.perf_counter()
vectors = features.select("key", array_to_vector("features").alias("vector"))
centred = (
    StandardScaler(inputCol="vector", outputCol="centred", withMean=True, withStd=False).fit(vectors).transform(vectors)
)
mllib = SparkPCA(k=k, inputCol="centred", outputCol="pca").fit(centred)
mllib_coordinates = coordinates_of(mllib.transform(centred))
seconds["mllib"] = time.perf_counter() - start
uncentred = coordinates_of(mllib.transform(vectors.withColumnRenamed("vector", "centred")))

X = np.stack([arrow_features[key] for key in projected.key]).astype("float64")
start = time.perf_counter()
scikit = ScikitPCA(n_components=k, svd_solver="full").fit(X)
scikit_coordinates = scikit.transform(X)
seconds["scikit"] = time.perf_counter() - start

largest = float(np.abs(scikit_coordinates).max())
rows = []
for name, found, variance in (
    ("ours", coordinates, basis.explained_variance_ratio),
    ("mllib", mllib_coordinates, mllib.explainedVariance.toArray()),
    ("scikit", scikit_coordinates, scikit.explained_variance_ratio_),
):
    difference = float(np.abs(aligned(found, scikit_coordinates) - scikit_coordinates).max())
    explained = float(np.abs(variance - scikit.explained_variance_ratio_).max())
    assert difference / largest < 1e-6
    assert explained < 1e-6
    rows.append({"method": say.name(name), "coordinates": difference, "explained": explained, "seconds": seconds[name]})
say("offset", difference=float(np.abs(uncentred - mllib_coordinates).max()), largest=largest)
say.table(rows)

# %% [markdown] lang="fr"
# ### Le choix de k
#
# L'erreur courante est un « k = 50 » sans raison. Ici k se déduit d'une exigence : **garder plus de 95 % de la
# variance** (paramètre `SHARE`). À gauche, la variance de chaque composante (éboulis) ; à droite, la part cumulée.

# %% [markdown] lang="en"
# ### The choice of k
#
# The usual mistake is a "k = 50" without a reason. Here, k follows from a requirement: **keep more than 95% of the
# variance** (parameter `SHARE`). On the left, the variance of each component (scree); on the right, the cumulative
# share.

# %%
all_ratios = basis.spectrum / basis.spectrum.sum()
figure = figures.scree_figure(all_ratios, k, SHARE, say)

# %% [markdown] lang="fr"
# La variance n'est pas un but. Ce qui compte est ce que le classifieur pourra faire : pour chaque image, la plus
# proche est-elle de la même variété ? Le tableau montre si k composantes le disent aussi bien que les 1 280
# caractéristiques, avec combien de fois moins de nombres. (Les images d'un même fruit qui tourne se ressemblent
# beaucoup : ces parts sont flatteuses, mais leur comparaison vaut.)

# %% [markdown] lang="en"
# Variance is not a goal. What counts is what the classifier will be able to do: for each image, is the nearest one
# of the same variety? The table shows whether k components answer this as well as the 1,280 features, with how many
# times fewer numbers. (Images of one fruit that turns are very similar: these shares flatter, but their comparison
# is valid.)

# %%
from sklearn.neighbors import NearestNeighbors

names = np.array(labels)


def same_variety(vectors: np.ndarray) -> float:
    """Return the share of images whose nearest image has the same label."""
    nearest = NearestNeighbors(n_neighbors=2).fit(vectors).kneighbors(vectors, return_distance=False)
    others = np.where(nearest[:, 0] == np.arange(len(vectors)), nearest[:, 1], nearest[:, 0])
    return float((names[others] == names).mean())


choices = [count for count in (2, 3, 10, 50) if count < k] + [k]
rows = [
    {
        "components": str(count),
        "captured": say.percent(all_ratios[:count].sum()),
        "nearest": say.percent(same_variety(coordinates[:, :count])),
    }
    for count in choices
]
rows.append(
    {"components": say.name("all_features"), "captured": say.percent(1), "nearest": say.percent(same_variety(X))}
)
say.table(rows)

# %% [markdown] lang="fr"
# ### En deux et en trois dimensions

# %% [markdown] lang="en"
# ### In two and in three dimensions

# %%
figure = figures.plane_figure(coordinates, labels, basis.explained_variance_ratio, say)

# %%
figure = figures.space_figure(coordinates, labels, basis.explained_variance_ratio, say)

# %% [markdown] lang="fr"
# ### La matrice, écrite dans le stockage d'objets et relue
#
# Une ligne par image, **avec sa clé et son étiquette** (une matrice sans clés ne sert à rien), dans l'ordre des
# clés. Elle va dans le bucket du cloud, ou dans un dossier en `local`, puis le notebook la relit et compare les
# empreintes SHA-256.

# %% [markdown] lang="en"
# ### The matrix, written to object storage and read back
#
# One row per image, **with its key and its label** (a matrix without keys is useless), in the order of the keys. It
# goes to the bucket of the cloud, or to a folder in `local`; then the notebook reads it back and compares the
# SHA-256.

# %%
MATRIX = "matrix.csv"
matrix = pd.DataFrame(coordinates, columns=[f"pc_{number + 1}" for number in range(k)])
matrix.insert(0, "label", labels)
matrix.insert(0, "key", projected.key)
body = matrix.to_csv(index=False).encode()
digest = hashlib.sha256(body).hexdigest()

place = object_place(cloud, output / "objects")
place.write(MATRIX, body)
say(
    "written",
    name=f"{place.name}{'' if place.name.endswith('/') else '/'}",
    key=MATRIX,
    rows=len(matrix),
    columns=len(matrix.columns),
    bytes=len(body),
    digest=digest[:12],
)
read_back = place.read(MATRIX)
assert hashlib.sha256(read_back).hexdigest() == digest
again = pd.read_csv(io.BytesIO(read_back), keep_default_na=False)
assert list(again.key) == list(matrix.key)
say("read_back", rows=len(again))
again.iloc[:5, :6].round(3)

# %% [markdown] lang="fr"
# ## 9. Le produit : `fruits run`
#
# Le notebook a montré les idées. Le produit est une commande ; sur le même dossier, elle fait toute la chaîne, et
# aussi les tables Iceberg, le rapport, l'explorateur et la recherche de doublons. La session du notebook s'arrête
# d'abord : la commande a la sienne.

# %% [markdown] lang="en"
# ## 9. The product: `fruits run`
#
# The notebook has shown the ideas. The product is a command; on the same folder, it does the whole chain, and also
# the Iceberg tables, the report, the explorer, and the search for duplicates. The session of the notebook stops
# first: the command has its own.

# %%
stop_session(spark)


def run_pipeline() -> tuple[dict, float]:
    """Run the product on the folder; return its summary, and the seconds that the command took."""
    start = time.perf_counter()
    fruits("run", "--images", images, "--output", results, "--weights", model, "--components", str(SHARE))
    took = time.perf_counter() - start
    return json.loads((results_of(results) / "summary.json").read_text()), took


summary, first_seconds = run_pipeline()

# %% [markdown] lang="fr"
# Les caractéristiques des tables du produit sont celles du notebook, et il n'a perdu aucune image non plus :

# %% [markdown] lang="en"
# The features in the tables of the product are those of the notebook, and it has lost no image either:

# %%
fruits("features", scratch / "features.npz", "--output", results)
with np.load(scratch / "features.npz") as arrays:
    product_features = dict(zip(map(str, arrays["keys"]), arrays["features"], strict=True))
assert product_features.keys() == arrow_features.keys()
difference = largest_difference(product_features, udf_features)
assert difference < TOLERANCE
say("same_features", one="fruits run", other=say.name("pandas_udf"), difference=difference)
assert summary["counts"]["images"] + summary["counts"]["rejects"] == listed
assert summary["pca"]["components"] == k
say("rows_and_refused", images=listed, rows=summary["counts"]["images"], refused=summary["counts"]["rejects"])

# %% [markdown] lang="fr"
# ### Une image de plus
#
# Un corpus vit : des photos arrivent, d'autres sont effacées (le RGPD peut l'exiger). Le produit ne calcule que ce qui
# a changé. La base reste la même tant qu'elle sert, et les coordonnées des autres images restent donc comparables.

# %% [markdown] lang="en"
# ### One more image
#
# A corpus lives: photos arrive, others are erased (the GDPR may demand it). The product computes what has changed, and
# nothing else. The basis stays the same as long as it serves, so the coordinates of the other images stay comparable.

# %%
NEW_IMAGE = "new image.png"
Image.open(example).convert("RGB").rotate(90).save(example.with_name(NEW_IMAGE))
update, second_seconds = run_pipeline()
assert update["counts"]["featurised"] == 1
assert update["counts"]["images"] == summary["counts"]["images"] + 1
say(
    "incremental",
    images=update["counts"]["images"],
    computed=update["counts"]["featurised"],
    unchanged=update["counts"]["unchanged"],
    first=first_seconds,
    second=second_seconds,
)
_, third_seconds = run_pipeline()
say("unchanged", seconds=third_seconds)

# %% [markdown] lang="fr"
# ## 10. Dans le cloud : un envoi devient des résultats
#
# En `rehearsal` et en `dev`, la cellule suivante **envoie les images dans le bucket**, et rien d'autre : l'événement
# de S3 passe par SQS et une fonction Lambda, qui démarre la machine à états ; celle-ci soumet un job à EMR
# Serverless et enregistre ce qu'il a coûté. `--follow` montre chaque étape. Les exemples fabriqués par ce notebook
# (les fichiers abîmés et l'image ajoutée) restent sur cette machine : un bucket qui contient de vraies images ne doit
# pas les recevoir.

# %% [markdown] lang="en"
# ## 10. In the cloud: an upload becomes results
#
# In `rehearsal` and in `dev`, the next cell **uploads the images to the bucket**, and does nothing else: the event
# of S3 goes through SQS and a Lambda function, which starts the state machine; this submits a job to EMR Serverless,
# and records what the job has cost. `--follow` shows each step. What this notebook has made as examples, the broken
# files and the additional image, stays on this machine: a bucket with real images must not receive it.

# %%
if cloud is None:
    say("not_in_the_cloud")
else:
    uploaded = shutil.copytree(images, scratch / "uploaded", ignore=shutil.ignore_patterns(BROKEN_FOLDER, NEW_IMAGE))
    fruits("upload", uploaded, *options_of(cloud), "--follow")

# %% [markdown] lang="fr"
# On lit ensuite les résultats comme le fera un utilisateur : le dossier des résultats (matrice, rapport,
# explorateur), et **les tables Iceberg**, dont le catalogue Glue donne l'adresse (`--features`, avec PyIceberg,
# sans Spark). Athena lit les mêmes tables en SQL, par exemple `SELECT label, count(*) FROM features GROUP BY label`
# dans le groupe de travail de l'environnement ; l'AWS local n'a pas de moteur SQL, cette requête n'a donc pas été
# essayée ici.

# %% [markdown] lang="en"
# Then we read the results as a user does: the folder of results (matrix, report, explorer), and **the Iceberg
# tables**, whose address the Glue catalog gives (`--features`, with PyIceberg, without Spark). Athena reads the
# same tables in SQL, for instance `SELECT label, count(*) FROM features GROUP BY label` in the workgroup of the
# environment; the local AWS has no SQL engine, so this query was not tried here.

# %%
if cloud is None:
    say("not_in_the_cloud")
else:
    last = last_run_of(cloud)
    fruits("results", output / "cloud", *options_of(cloud), "--features")
    cloud_features = features_in(pd.read_parquet(output / "cloud" / last.run_id / "features.parquet"))
    assert arrow_features.keys() <= cloud_features.keys()
    if last.summary.model_id == model_id:
        difference = largest_difference(arrow_features, cloud_features)
        assert difference < TOLERANCE
        say("same_features", one=say.name("mapinarrow"), other=cloud.environment, difference=difference)
    else:
        say("other_model", there=last.summary.model_id, here=model_id)
    say(
        "in_the_cloud",
        run=last.run_id,
        rows=last.summary.counts.images,
        refused=last.summary.counts.rejects,
        state=last.record.state,
        seconds=last.record.seconds,
        dollars=say.dollars(last.record.cost_usd),
    )

# %% [markdown] lang="fr"
# Le rapport et l'explorateur sont des pages autonomes, sans réseau :

# %% [markdown] lang="en"
# Report and explorer are pages that need no network:

# %%
from IPython.display import Markdown

pages = [
    *results.glob("results/*/report.html"),
    *results.glob("results/*/explore.html"),
    *output.glob("cloud/*/*.html"),
]
display(Markdown("\n".join(f"- [{page.relative_to(output)}]({page.as_uri()})" for page in sorted(pages))))

# %% [markdown] lang="fr"
# ## 11. Le temps et le coût
#
# Le temps de chaque étape vient de `summary.json`, que toute exécution publie :

# %% [markdown] lang="en"
# ## 11. Time and cost
#
# The time of each step comes from `summary.json`, which each run publishes:

# %%
figure = figures.seconds_figure(summary["timings"], say.name("seconds"), say)

# %% [markdown] lang="fr"
# Le coût vient de `cdk.costs`, qui fait aussi la page des coûts : prix publics d'AWS dans la Région de l'environnement
# `prod`, quantités déduites du code, et **hypothèses écrites** (le débit d'un vCPU n'a pas encore été mesuré sur AWS).
# Au repos, EMR Serverless ne coûte rien : c'est ce qui le fait préférer à un cluster EMR sur EC2, qu'il faut penser à
# éteindre.

# %% [markdown] lang="en"
# The cost comes from `cdk.costs`, which also makes the page of costs: list prices of AWS in the Region of the
# environment `prod`, quantities that follow from the code, and **written assumptions** (the rate of a vCPU has not been
# measured on AWS yet). EMR Serverless costs nothing when it is idle: this is the reason to prefer it to an EMR cluster
# on EC2, which its owner must remember to switch off.

# %%
from cdk.costs.arithmetic import IDLE, first_run
from cdk.costs.arithmetic import update as price_of_update
from cdk.costs.assumptions import ASSUMED, SMALL

prices = {
    "cost_this": first_run(listed, SMALL),
    "cost_medium": first_run(100_000, SMALL),
    "cost_big": first_run(10_000_000, SMALL),
    "cost_100": price_of_update(SMALL, ASSUMED.near_rows),
    "cost_idle": sum(one.price() for one in IDLE),
}
say.table([{"operation": say.name(name), "cost": say.dollars(price)} for name, price in prices.items()])

# %% [markdown] lang="fr"
# ## 12. Le nettoyage
#
# Le notebook supprime ses fichiers temporaires et sa copie de la matrice, sur cette machine ou dans le bucket. Il
# laisse les résultats du produit dans `OUTPUT`. **Dans le cloud restent** les images envoyées, sous `images/`, leurs
# lignes dans les tables, et les résultats de l'exécution. Effacer un objet sous `images/` efface aussi sa ligne à
# l'exécution suivante, et `make destroy ENV=dev` ne laisse rien de l'environnement ; l'application EMR s'arrête
# d'elle-même.

# %% [markdown] lang="en"
# ## 12. Cleaning up
#
# The notebook removes its temporary files and its copy of the matrix, on this machine or in the bucket. It leaves the
# results of the product in `OUTPUT`. **In the cloud remain** the uploaded images, below `images/`, their rows in the
# tables, and the results of the run. To delete an object below `images/` removes its row with the next run, too, and
# `make destroy ENV=dev` leaves nothing of the environment; the EMR application stops by itself.

# %%
place.remove(MATRIX)
shutil.rmtree(scratch)
say("removed", what=f"{scratch}, {place.name.rstrip('/')}/{MATRIX}")
