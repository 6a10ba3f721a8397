"""A plan's winner for those who train and serve it: runs, Megatron-LM's arguments, vLLM's command."""
