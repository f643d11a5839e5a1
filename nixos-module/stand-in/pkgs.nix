# As much of `pkgs` as the module looks at: where there is no more of nixpkgs than its `lib`, nothing is built.
{ lib }:

{
  formats.toml = _: { type = lib.types.toml; };
  callPackage = _: _: {
    type = "derivation";
    name = "ntpd-rs";
    outPath = "/nix/store/00000000000000000000000000000000-ntpd-rs";
  };
  stdenv.buildPlatform.canExecute = _: true;
  stdenv.hostPlatform = { };
  runCommand =
    _: attributes: _:
    attributes;
}
