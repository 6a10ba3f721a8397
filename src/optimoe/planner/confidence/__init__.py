"""How sure a plan is: draws of the law, inputs moved one at a time, the value of a sweep of proxies."""
