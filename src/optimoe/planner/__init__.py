"""The planner: the only place that knows both loss and cost."""
