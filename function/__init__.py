"""A Crossplane composition function for Amazon ECR repositories."""
