"""Amazon ECR: names, options, policies and who owns a repository. Plain values only."""
