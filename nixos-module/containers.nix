# A container has its host's clock and may not set it: there the daemon measures and serves, and asks for no right to.
{
  lib,
  config,
  ...
}:

let
  cfg = config.services.ntpd-rs;
  rights = [
    ""
    "CAP_NET_BIND_SERVICE"
  ];
in
{
  config = lib.mkIf (cfg.enable && config.boot.isContainer) {
    services.ntpd-rs.settings.clock.clock-control = lib.mkDefault false;
    systemd.services.ntpd-rs.serviceConfig = lib.mkIf (cfg.settings.clock.clock-control == false) {
      AmbientCapabilities = rights;
      CapabilityBoundingSet = rights;
    };
  };
}
