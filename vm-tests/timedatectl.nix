# The machines of timedatectl.toml as NixOS has them.
import ./nixos/story.nix { name = "timedatectl"; }
