# The machines of suspend.toml as NixOS has them.
import ./nixos/story.nix { name = "suspend"; }
