# Devices that tell the time: the unit of the package sees none.
{
  lib,
  config,
  ...
}:

let
  cfg = config.services.ntpd-rs;
  name = lib.removePrefix "/dev/";
  unit = device: lib.replaceStrings [ "/" ] [ "-" ] (lib.removePrefix "/" device) + ".device";
in
{
  options.services.ntpd-rs.devices = lib.mkOption {
    type = lib.types.listOf (lib.types.strMatching "/dev/(pps|ptp)[0-9]+");
    default = [ ];
    example = [
      "/dev/pps0"
      "/dev/ptp0"
    ];
    description = ''
      Pulse-per-second devices and hardware clocks that the daemon may open. Its group gets them from udev, and its unit
      starts once they are there. That a source makes use of one is said in {option}`services.ntpd-rs.settings.source`.
    '';
  };

  config = lib.mkIf (cfg.enable && cfg.devices != [ ]) {
    services.udev.extraRules = lib.concatMapStrings (device: ''
      KERNEL=="${name device}", GROUP="ntpd-rs", MODE="0660", TAG+="systemd"
    '') cfg.devices;

    systemd.services.ntpd-rs = {
      wants = map unit cfg.devices;
      after = map unit cfg.devices;
      serviceConfig = {
        # Else there is a /dev of its own without them. DevicePolicy=closed still keeps all others away.
        PrivateDevices = false;
        DeviceAllow = map (device: "${device} rw") cfg.devices;
      };
    };
  };
}
