# The machines of leap.toml as NixOS has them.
import ./nixos/story.nix { name = "leap"; }
