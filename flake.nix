{
  description = "ntpd-rs: Network Time Protocol service for Linux";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs =
    { self, nixpkgs }:
    let
      inherit (nixpkgs) lib;
      systems = [
        "x86_64-linux"
        "aarch64-linux"
      ];
      forEachSystem =
        perSystem: lib.genAttrs systems (system: perSystem nixpkgs.legacyPackages.${system});
      packagesFor = pkgs: {
        ntpd-rs = pkgs.callPackage ./packaging/nix/package.nix { };
        test-servers = pkgs.callPackage ./packaging/nix/test-servers.nix {
          inherit (packagesFor pkgs) ntpd-rs;
        };
        oci-image = pkgs.callPackage ./packaging/nix/oci-image.nix { inherit (packagesFor pkgs) ntpd-rs; };
      };
    in
    {
      packages = forEachSystem (pkgs: packagesFor pkgs // { default = (packagesFor pkgs).ntpd-rs; });

      overlays.default = final: _: {
        inherit (packagesFor final) ntpd-rs;
        ntpd-rs-test-servers = (packagesFor final).test-servers;
      };

      nixosModules.default = ./nixos-module;

      checks = forEachSystem (
        pkgs:
        import ./packaging/nix/checks.nix { inherit pkgs; } (packagesFor pkgs)
        // import ./nixos-module/checks.nix {
          inherit pkgs;
          nixpkgs = nixpkgs.outPath;
        }
        // import ./vm-tests/nixos/checks.nix { inherit pkgs; }
      );

      devShells = forEachSystem (pkgs: {
        default = pkgs.mkShell {
          inputsFrom = [ self.packages.${pkgs.stdenv.hostPlatform.system}.ntpd-rs ];
          packages = with pkgs; [
            cargo-deny
            clippy
            deadnix
            mypy
            nixfmt-rs
            ruff
            rustfmt
            shellcheck
          ];
        };
      });

      formatter = forEachSystem (pkgs: pkgs.nixfmt-tree.override { nixfmtPackage = pkgs.nixfmt-rs; });
    };
}
