# NixOS: `services.ntpd-rs`, in place of the module of nixpkgs and with the names of its options. It takes the units of the package
# as they are and puts on top what a configuration asks for; `docs/nixos.md` says how to use it.
{
  disabledModules = [ "services/networking/ntp/ntpd-rs.nix" ];

  imports = [
    ./assertions.nix
    ./configuration-file.nix
    ./containers.nix
    ./devices.nix
    ./firewall.nix
    ./metrics.nix
    ./nts-server.nix
    ./options.nix
    ./service.nix
    ./settings
  ];
}
