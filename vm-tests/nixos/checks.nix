# The stories that have machines for NixOS, as tests of its driver: each NAME.nix beside its NAME.py.
{ pkgs }:

let
  inherit (pkgs) lib;
  files = builtins.readDir ../.;
  names = map (lib.removeSuffix ".nix") (lib.filter (lib.hasSuffix ".nix") (lib.attrNames files));
  test =
    name:
    if files ? "${name}.py" then
      pkgs.testers.runNixOSTest (../. + "/${name}.nix")
    else
      throw "vm-tests/${name}.nix has no script beside it: write ${name}.py, or remove it";
in
# True errors are told by the counter of this kind of processor.
lib.optionalAttrs pkgs.stdenv.hostPlatform.isx86_64 (
  lib.listToAttrs (
    map (name: {
      name = "vm-${name}";
      value = test name;
    }) names
  )
)
