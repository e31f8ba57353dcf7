"""The commands of `function-ecr-repos`, one module each."""
