"""What a deletion takes: pure, from objects of a cluster and lists of images."""
