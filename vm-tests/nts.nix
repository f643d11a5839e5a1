# The machines of nts.toml as NixOS has them.
import ./nixos/story.nix { name = "nts"; }
