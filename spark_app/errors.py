"""The errors of the application: each carries the sentence that its user reads, and says what to do."""


class FruitsError(Exception):
    """Something that the user or the operator can put right; never shown with a traceback."""

    exit_code = 1


class UsageError(FruitsError):
    """The command was given something it can't work with; nothing was written."""

    exit_code = 2


class SettingsError(UsageError):
    """A setting is out of its range."""


class ImagesError(UsageError):
    """There are no images where the run was told to look."""


class OutputError(UsageError):
    """The output can't be written, or is not what it should be."""


class WeightsError(UsageError):
    """The weights can't be read, or belong to another network."""


class WeightsUnavailableError(WeightsError):
    """The weights can't be downloaded."""


class ModelMismatchError(UsageError):
    """The tables hold features of another model."""


class InstallationError(UsageError):
    """Something that the set-up provides is missing on this machine."""


class TooManyRejectsError(FruitsError):
    """So many images were refused that the cause must be something else."""


class StorageError(FruitsError):
    """The storage failed in a way that trying again may cure."""
