"""A small runner that boots test nodes as User-mode Linux and speaks the verbs of the NixOS test driver."""
