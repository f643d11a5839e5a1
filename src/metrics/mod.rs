//! Snapshots as Prometheus metrics. Read-only.
