# The machines of step-and-slew.toml as NixOS has them.
import ./nixos/story.nix { name = "step-and-slew"; }
