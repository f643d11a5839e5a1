# In a container, which serves what its host's clock says.
{
  boot.isContainer = true;
  services.ntpd-rs = {
    enable = true;
    settings.server = [ { listen = "[::]:123"; } ];
  };
}
