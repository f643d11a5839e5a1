# The ports that the configuration serves on.
{
  lib,
  config,
  ...
}:

let
  cfg = config.services.ntpd-rs;
  port = address: lib.toIntBase10 (lib.last (lib.splitString ":" address));
  ports = listeners: lib.unique (map (listener: port listener.listen) listeners);
in
{
  options.services.ntpd-rs.openFirewall = lib.mkOption {
    type = lib.types.bool;
    default = false;
    description = ''
      Open the firewall for what the configuration serves: UDP for each `[[server]]`, and TCP for each `[[nts-ke-server]]`.
      Metrics are apart: see {option}`services.ntpd-rs.metrics.openFirewall`.
    '';
  };

  config = lib.mkIf (cfg.enable && cfg.openFirewall) {
    networking.firewall = {
      allowedUDPPorts = ports cfg.settings.server;
      allowedTCPPorts = ports cfg.settings.nts-ke-server;
    };
  };
}
