# Nothing but the service: the servers of `networking.timeServers`.
{
  services.ntpd-rs.enable = true;
}
