"""From a RunFunctionRequest to its response: observe, decide, respond."""
