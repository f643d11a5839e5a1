"""Tests of the runner's own parts, without a node."""
