# `/etc/ntpd-rs/ntp.toml`, checked by the program that reads it, when the system is built.
{
  lib,
  pkgs,
  config,
  ...
}:

let
  cfg = config.services.ntpd-rs;
  text = import ./to-toml.nix { inherit lib; } cfg.settings;
  # The machine that builds may be of another kind.
  checker =
    if pkgs.stdenv.buildPlatform.canExecute pkgs.stdenv.hostPlatform then
      cfg.package
    else
      pkgs.buildPackages.callPackage ../packaging/nix/package.nix { };
in
{
  config = lib.mkIf cfg.enable {
    environment.etc."ntpd-rs/ntp.toml".source =
      pkgs.runCommand "ntp.toml"
        {
          inherit text;
          passAsFile = [ "text" ];
          nativeBuildInputs = [ checker ];
          preferLocalBuild = true;
        }
        ''
          cp "$textPath" ntp.toml
          if ! ntp-ctl validate --text-only --config ntp.toml; then
            echo "The settings of services.ntpd-rs make this file:" >&2
            cat --number ntp.toml >&2
            exit 1
          fi
          cp ntp.toml "$out"
        '';
  };
}
