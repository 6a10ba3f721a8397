"""How this machine trains, as options of the commands that do."""

from cyclopts import Parameter

from optimoe.trainer.options import TrainOptions

Parameter(name="*", group="This machine", negative="")(TrainOptions)  # its fields are options of a command

__all__ = ["TrainOptions"]
