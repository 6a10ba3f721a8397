"""A sweep on a Ray cluster: seats here, a driver beside it that speaks to Ray, tasks over there."""
