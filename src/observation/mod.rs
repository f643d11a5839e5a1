//! The observation socket's JSON, as 1.x wrote it and more. Read-only.
