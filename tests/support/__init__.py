"""What the end-to-end tests share: the proxy under test, real programs, small backends, clients."""
