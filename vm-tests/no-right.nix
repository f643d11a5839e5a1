# The machines of no-right.toml as NixOS has them.
import ./nixos/story.nix { name = "no-right"; }
