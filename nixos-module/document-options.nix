# The options of the module as a document: one section for each, in Markdown.
{ lib }:

let
  # The roles of NixOS's own manual, and its literal expressions.
  plain =
    text:
    lib.concatStrings (
      map (part: if lib.isList part then "" else part) (
        builtins.split "\\{(option|file|var|manpage)}" text
      )
    );
  render =
    value: if value._type or null == "literalMD" then plain value.text else "`` ${value.text} ``";
  code =
    value:
    if lib.hasInfix "\n" value.text then "\n\n```nix\n${value.text}\n```" else " ${render value}";
  section =
    option:
    lib.concatStringsSep "\n\n" (
      [
        "## `${option.name}`"
        (lib.trim (plain option.description))
        "Type: `${option.type}`"
      ]
      ++ lib.optional (option ? default && option.default.text != "null") "Default:${code option.default}"
      ++ lib.optional (option ? example) "Example:${code option.example}"
    );
  isShown = option: option.visible && !option.internal && !lib.hasInfix "_module" option.name;
in
options:
let
  documented = lib.filter isShown (lib.optionAttrSetToDocList options);
  sorted = lib.sort (a: b: a.name < b.name) documented;
in
''
  # Options of the NixOS module

  Written from the module itself; `UPDATE=1 nixos-module/check` does that. [nixos.md](nixos.md) says how to use it.

''
+ lib.concatMapStringsSep "\n\n" section sorted
+ "\n"
