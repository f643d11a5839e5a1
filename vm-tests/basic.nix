# The machines of basic.toml as NixOS has them.
import ./nixos/story.nix { name = "basic"; }
