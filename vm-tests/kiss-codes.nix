# The machines of kiss-codes.toml as NixOS has them.
import ./nixos/story.nix { name = "kiss-codes"; }
