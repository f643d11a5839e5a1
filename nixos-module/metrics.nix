# `ntp-metrics-exporter`: metrics for Prometheus and the status page.
{
  lib,
  config,
  ...
}:

let
  inherit (lib) mkEnableOption mkOption types;
  cfg = config.services.ntpd-rs;
  inherit (cfg.settings.observability) metrics-exporter-listen observation-path;
  listen = if metrics-exporter-listen == null then "127.0.0.1:9975" else metrics-exporter-listen;
  isLocal = lib.any (prefix: lib.hasPrefix prefix listen) [
    "127."
    "[::1]:"
    "localhost:"
  ];
in
{
  options.services.ntpd-rs.metrics = {
    enable = mkEnableOption "metrics of ntpd-rs for Prometheus, and its status page";

    listen = mkOption {
      type = types.nullOr types.str;
      default = null;
      example = "[::]:9975";
      description = ''
        Address and port of metrics and status page. Null leaves it to
        {option}`services.ntpd-rs.settings.observability.metrics-exporter-listen`, else it is 127.0.0.1:9975.
      '';
    };

    allowedAddresses = mkOption {
      type = types.listOf types.str;
      default = if isLocal then [ "localhost" ] else [ "any" ];
      defaultText = lib.literalMD "this machine where it listens to no other, and else everybody";
      example = [
        "localhost"
        "192.0.2.0/24"
      ];
      description = ''
        Who may ask: addresses and networks as {manpage}`systemd.resource-control(5)` has them for `IPAddressAllow=`.
        There is no password.
      '';
    };

    openFirewall = mkOption {
      type = types.bool;
      default = false;
      description = "Open the port of the metrics in the firewall.";
    };
  };

  config = lib.mkIf (cfg.enable && cfg.metrics.enable) {
    services.ntpd-rs.settings.observability.metrics-exporter-listen = lib.mkIf (
      cfg.metrics.listen != null
    ) cfg.metrics.listen;

    systemd.services.ntpd-rs-metrics = {
      wantedBy = [ "multi-user.target" ];
      restartTriggers = [
        listen
        observation-path
      ];
      serviceConfig.IPAddressAllow = [ "" ] ++ cfg.metrics.allowedAddresses;
    };

    networking.firewall.allowedTCPPorts = lib.mkIf cfg.metrics.openFirewall [
      (lib.toIntBase10 (lib.last (lib.splitString ":" listen)))
    ];
  };
}
