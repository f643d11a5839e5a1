# Options that stand for those of NixOS that the module reads and sets, with their defaults.
{ lib, config, ... }:

let
  inherit (lib) mkOption types;
  any =
    default:
    mkOption {
      type = types.attrsOf types.anything;
      inherit default;
    };
  bool =
    default:
    mkOption {
      type = types.bool;
      inherit default;
    };
  list = mkOption {
    type = types.listOf types.anything;
    default = [ ];
  };
in
{
  options = {
    assertions = list;
    warnings = list;
    boot.isContainer = bool false;
    environment = {
      etc = mkOption { type = types.attrsOf types.raw; };
      systemPackages = list;
    };
    networking = {
      timeServers = mkOption {
        type = types.listOf types.str;
        default = map (number: "${toString number}.nixos.pool.ntp.org") (lib.range 0 3);
      };
      firewall.allowedTCPPorts = list;
      firewall.allowedUDPPorts = list;
      networkmanager = any { };
    };
    security.acme = {
      acceptTerms = bool false;
      defaults = any { };
      certs = mkOption {
        type = types.attrsOf (
          types.submodule (
            { name, ... }: {
              freeformType = types.attrsOf types.anything;
              options.directory = mkOption { default = "/var/lib/acme/${name}"; };
              options.group = mkOption { default = "acme"; };
            }
          )
        );
        default = { };
      };
    };
    services = {
      chrony.enable = bool false;
      dbus.packages = list;
      ntp.enable = bool false;
      openntpd.enable = bool false;
      timesyncd.enable = bool (!config.boot.isContainer);
      udev.extraRules = mkOption {
        type = types.lines;
        default = "";
      };
    };
    systemd = any { };
    users = any { };
  };
}
