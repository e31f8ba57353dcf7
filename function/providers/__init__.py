"""Provider APIs: a repository to a managed resource, an observed one to facts."""
