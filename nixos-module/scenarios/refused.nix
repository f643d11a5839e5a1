# Each of these cannot work, and says what to do: assertions, all of which are told at once.
{
  services = {
    chrony.enable = true;
    ntpd-rs = {
      enable = true;
      useNetworkingTimeServers = false;
      nts.server.enable = true;
      settings.source = [
        {
          mode = "server";
          address = "ntp.example.org";
        }
        {
          mode = "server";
          address = "noted.example.org";
          noselect = true;
        }
      ];
    };
  };
}
