"""What people write: the Composition's Input and spec.parameters of a claim or XR."""
