# What is asked of the service as a whole. What its configuration file says is in `settings`.
{
  lib,
  pkgs,
  config,
  ...
}:

let
  inherit (lib) mkEnableOption mkOption types;
  cfg = config.services.ntpd-rs;
  isPool = lib.hasInfix "pool";
in
{
  options.services.ntpd-rs = {
    enable = mkEnableOption "the Network Time Service ntpd-rs, which keeps the clock right and serves time to others";

    package = mkOption {
      type = types.package;
      default = pkgs.callPackage ../packaging/nix/package.nix { };
      defaultText = lib.literalMD "the package of this flake";
      description = ''
        The package of ntpd-rs. The module needs version 2 or later: the `pkgs.ntpd-rs` of nixpkgs may be older.
      '';
    };

    useNetworkingTimeServers = mkOption {
      type = types.bool;
      default = true;
      description = ''
        Ask the servers of {option}`networking.timeServers`: as a pool where the name has the word "pool" in it, and as a
        single server otherwise. Of four pools or more, as NixOS names them, one server each is asked.
      '';
    };

    waitForSync = mkOption {
      type = types.bool;
      default = false;
      description = ''
        Let {file}`time-sync.target` wait until the clock is right, so that what is ordered after that target starts with a
        right clock. Without a network the boot waits there for ever.
      '';
    };
  };

  config = lib.mkIf (cfg.enable && cfg.useNetworkingTimeServers) {
    services.ntpd-rs.settings.source = map (address: {
      inherit address;
      mode = if isPool address then "pool" else "server";
      count = lib.mkIf (isPool address && lib.count isPool config.networking.timeServers >= 4) 1;
    }) config.networking.timeServers;
  };
}
