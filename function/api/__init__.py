"""What users write: a Composition's Input, and spec.parameters of a claim or XR."""
