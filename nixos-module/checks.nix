# What `nix flake check` looks at in the module: its evaluation against the golden files.
{ pkgs, nixpkgs }:

let
  inherit (pkgs) lib;
  evaluated = import ./evaluate.nix { inherit nixpkgs pkgs; };
  accepted = lib.filterAttrs (_: text: (builtins.tryEval text).success) evaluated.wrong;
  wanted = path: if path == "options.md" then ../docs/nixos-options.md else ./golden + "/${path}";
  compare = path: text: ''
    diff -u ${wanted path} ${pkgs.writeText (baseNameOf path) text}
  '';
in
{
  module =
    assert lib.assertMsg (accepted == { }) "not refused: ${toString (lib.attrNames accepted)}";
    pkgs.runCommand "ntpd-rs-module" { } ''
      ${lib.concatStrings (lib.mapAttrsToList compare evaluated.files)}
      touch "$out"
    '';
}
