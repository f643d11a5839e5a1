# Refused: source."[definition 1-entry 1]".address' is not of type `null or string'
# A number where a name belongs.
{
  services.ntpd-rs = {
    enable = true;
    settings.source = [
      {
        mode = "server";
        address = 123;
      }
    ];
  };
}
