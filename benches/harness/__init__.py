"""What the benchmarks of servers are made of: a namespace, the servers, the load, the figures."""
