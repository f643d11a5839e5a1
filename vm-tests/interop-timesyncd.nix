# The machines of interop-timesyncd.toml as NixOS has them.
import ./nixos/story.nix {
  name = "interop-timesyncd";
  nodes.client =
    { lib, ... }:
    {
      services.timesyncd = {
        # NixOS's test machines have none, for their clock is the host's at the start.
        enable = lib.mkForce true;
        servers = [ "server" ];
        fallbackServers = [ ];
      };
    };
}
