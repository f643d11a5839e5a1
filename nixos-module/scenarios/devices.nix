# A machine with a pulse per second, whose network gives out a server.
{
  networking.networkmanager.enable = true;
  services.ntpd-rs = {
    enable = true;
    useNetworkingTimeServers = false;
    devices = [
      "/dev/pps0"
      "/dev/ptp1"
    ];
    settings = {
      synchronization.use-link-servers = true;
      source = [
        {
          mode = "server";
          address = "ntp.example.org";
        }
      ];
    };
  };
}
