# What `nix flake check` looks at in the Rust half: the packages, and the tests and lints of the whole tree.
{ pkgs }:
packages:

let
  # The tree as it is, since the tests read documents and scripts as well.
  inTree =
    name: overrides:
    packages.ntpd-rs.overrideAttrs (
      {
        pname = "ntpd-rs-${name}";
        src = pkgs.lib.cleanSource ../..;
        installPhase = "touch $out";
        postInstall = "";
        dontFixup = true;
      }
      // overrides
    );
in
{
  package = packages.ntpd-rs;
  inherit (packages) test-servers oci-image;

  tests = inTree "tests" {
    dontBuild = true;
    doCheck = true;
    cargoCheckType = "debug";
  };

  clippy = inTree "clippy" {
    nativeBuildInputs = packages.ntpd-rs.nativeBuildInputs ++ [ pkgs.clippy ];
    buildPhase = "cargo clippy --offline --locked --all-targets -- -D warnings";
  };

  fmt = inTree "fmt" {
    nativeBuildInputs = packages.ntpd-rs.nativeBuildInputs ++ [
      pkgs.rustfmt
      pkgs.nixfmt-rs
    ];
    buildPhase = ''
      cargo fmt --all --check
      find . -name '*.nix' -exec nixfmt --check {} +
    '';
  };
}
