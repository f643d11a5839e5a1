# The machines of outage.toml as NixOS has them.
import ./nixos/story.nix { name = "outage"; }
