"""Training: a :class:`~optimoe.core.run.RunSpec` becomes weights and a :class:`~optimoe.core.run.RunRecord`."""
