# The machines of nts-cold-boot.toml as NixOS has them.
import ./nixos/story.nix { name = "nts-cold-boot"; }
