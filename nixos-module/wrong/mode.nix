# Refused: source."[definition 1-entry 1]".mode' is not of type `one of "server", "pool"
# A word that is none of the modes.
{
  services.ntpd-rs = {
    enable = true;
    settings.source = [
      {
        mode = "sever";
        address = "ntp.example.org";
      }
    ];
  };
}
