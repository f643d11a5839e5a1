# `services.ntpd-rs.settings`: `ntp.toml` as options. The keys that are set most have a type and a text; all others are allowed.
{
  lib,
  pkgs,
  config,
  ...
}:

let
  inherit (lib) mkOption;
  forms = import ./types.nix { inherit lib pkgs; };
  cfg = config.services.ntpd-rs;
in
{
  options.services.ntpd-rs.settings = mkOption {
    type = forms.section (
      import ./sources.nix { inherit lib forms; }
      // import ./servers.nix { inherit lib forms; }
      // import ./clock.nix { inherit lib forms; }
      // import ./observability.nix { inherit lib forms; }
    );
    default = { };
    example = {
      source = [
        {
          mode = "nts";
          address = "time.example.org";
        }
      ];
      synchronization.minimum-agreeing-sources = 1;
    };
    description = ''
      The configuration file {file}`/etc/ntpd-rs/ntp.toml`, with the names that it has there: see {manpage}`ntp.toml(5)`. It is
      checked with `ntp-ctl validate` when the system is built. A change of what is bound once (servers, sockets, what is said
      of the clock) restarts the daemon; any other is taken over while it runs.
    '';
  };

  config = lib.mkIf cfg.enable {
    services.ntpd-rs.settings.observability.observation-path = lib.mkDefault "/run/ntpd-rs/observe";
  };
}
