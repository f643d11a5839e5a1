//! Logging set-up: formats, filters, files. Logs nothing itself.
