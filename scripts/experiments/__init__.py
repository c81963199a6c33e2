"""The experiments that train many runs and compare them; each is started by the script of its name."""
