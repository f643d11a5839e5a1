# Nobody to follow, beside somebody who steers the clock.
{
  services.timesyncd.enable = true;
  services.ntpd-rs = {
    enable = true;
    useNetworkingTimeServers = false;
  };
}
