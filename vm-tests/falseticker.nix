# The machines of falseticker.toml as NixOS has them.
import ./nixos/story.nix { name = "falseticker"; }
