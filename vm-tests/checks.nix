# The stories that have nodes for NixOS, as tests of its driver: each NAME.nix beside its NAME.py. What the scripts use beyond the
# driver's verbs is in `nixos/prelude.py`.
{ pkgs }:

let
  inherit (pkgs) lib;
  here = builtins.readDir ./.;
  names = map (lib.removeSuffix ".nix") (
    lib.filter (file: lib.hasSuffix ".nix" file && file != "checks.nix") (lib.attrNames here)
  );
  story =
    name:
    if here ? "${name}.py" then
      pkgs.testers.runNixOSTest (import ./nixos/story.nix { inherit name; })
    else
      throw "vm-tests/${name}.nix has no script beside it: write ${name}.py, or remove it";
in
lib.listToAttrs (
  map (name: {
    name = "vm-${name}";
    value = story name;
  }) names
)
