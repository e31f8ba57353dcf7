"""ECR's JSON policies: checked by AWS's rules, and written in one way only."""
