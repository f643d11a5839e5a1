# One story as a test of NixOS's driver: its machines from NAME.toml, as Debian's are, and its script from NAME.py. `nodes` is what
# the definition cannot say of NixOS.
{
  name,
  nodes ? { },
}:
{ lib, ... }:

let
  definition = lib.importTOML (../. + "/${name}.toml");
  truth = lib.findFirst (node: definition.nodes.${node}.truth or false) null (
    lib.attrNames definition.nodes
  );
  # The verbs that the driver does not have, and what they stand on.
  verbs = lib.fileset.toSource {
    root = ../.;
    fileset = ../runner;
  };
in
{
  inherit name;
  nodes = lib.mapAttrs (node: defined: {
    imports = [
      (import ./machine.nix defined)
      (nodes.${node} or { })
    ];
  }) definition.nodes;

  # `vm-tests/check` looks at the types of scripts, with those of our verbs.
  skipTypeCheck = true;
  testScript = ''
    import sys

    sys.path.insert(0, "${verbs}")
    from runner.nixos import begin, end

    verbs = begin(driver, ${builtins.toJSON name}, ${builtins.toJSON truth})
    log, thorough, bound = verbs.log, verbs.thorough, verbs.bound
    clock_error, clock_errors = verbs.clocks.clock_error, verbs.clocks.clock_errors
    clock_record, clock_steps = verbs.clocks.clock_record, verbs.clocks.clock_steps
    wait_for_clock = verbs.clocks.wait_for_clock

    ${builtins.readFile (../. + "/${name}.py")}
    end(verbs)
  '';
}
