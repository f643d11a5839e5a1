# Refused: server."[definition 1-entry 1]".listen' is not of type `string matching the pattern .+:[0-9]+'
# A listener without a port.
{
  services.ntpd-rs = {
    enable = true;
    settings.server = [ { listen = "192.0.2.1"; } ];
  };
}
