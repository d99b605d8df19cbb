"""The errors of the application. The message of each is a sentence for the user that says what to do."""


class FruitsError(Exception):
    """An error that the user or the operator can correct. The commands print it without a traceback."""

    exit_code = 1


class UsageError(FruitsError):
    """The command can't work with its options or its input. It has changed no results."""

    exit_code = 2


class SettingsError(UsageError):
    """A setting is invalid."""


class ImagesError(UsageError):
    """The folder of images is missing or empty."""


class OutputError(UsageError):
    """The output can't be written, or contains no tables."""


class WeightsError(UsageError):
    """The weights can't be read, or belong to another network."""


class WeightsUnavailableError(WeightsError):
    """The weights can't be downloaded."""


class ModelMismatchError(UsageError):
    """The tables contain features of another model.

    Attributes
    ----------
    found, wanted
        Ids of the model of the tables, and of the model of the run.
    """

    def __init__(self, found: str | None, wanted: str) -> None:
        super().__init__(
            f"The tables contain features of {found}, but the weights and the decoding of this run make {wanted}, and "
            "features of two models can't be mixed. To compute all images again, run with --mode reprocess."
        )
        self.found = found
        self.wanted = wanted


class ExplorerPageError(FruitsError):
    """A page of the explorer can't be read, and gives a run nothing. The message is a part of a sentence."""


class InstallationError(UsageError):
    """A program or package that the set-up provides is missing on this machine."""


class TooManyRejectsError(FruitsError):
    """The run refused so many images that the images are probably not the cause."""


class StorageError(FruitsError):
    """The storage failed. Another attempt may succeed."""


class WorkersError(FruitsError):
    """The workers failed at every attempt to compute features."""


class DecoderStartError(FruitsError):
    """A worker can't start the process that decodes images, so no image is to blame."""


class FencedOffError(FruitsError):
    """Another run may write now, or it is unknown which run may."""


class NoProgressError(FruitsError):
    """Nothing has ended for so long that the run probably hangs. Another attempt may succeed."""
