# A configuration as TOML: text that can be read, and compared, before anything is built. Tables stand below their headings, and
# what is nested in them on one line. Nothing is written for null.
{ lib }:

let
  isTable = value: lib.isAttrs value && !lib.isDerivation value;
  isListOfTables = value: lib.isList value && value != [ ] && lib.all isTable value;
  present = lib.filterAttrs (_: value: value != null);

  # What JSON escapes is escaped alike in TOML, which forbids one character more.
  string =
    text: lib.replaceStrings [ (builtins.fromJSON ''"\u007f"'') ] [ "\\u007f" ] (builtins.toJSON text);
  key = name: if builtins.match "[A-Za-z0-9_-]+" name != null then name else string name;

  inline =
    value:
    if isTable value then
      "{ ${lib.concatStringsSep ", " (assignments value)} }"
    else if lib.isList value then
      "[${lib.concatMapStringsSep ", " inline value}]"
    else if lib.isBool value || lib.isInt value || lib.isFloat value then
      builtins.toJSON value
    else
      string "${value}";

  assignments =
    table: lib.mapAttrsToList (name: value: "${key name} = ${inline value}") (present table);
  section = heading: table: lib.concatStringsSep "\n" ([ heading ] ++ assignments table);

  sections =
    name: value:
    if isListOfTables value then
      map (section "[[${key name}]]") value
    else
      lib.optional (present value != { }) (section "[${key name}]" value);

  isSection = _: value: isTable value || isListOfTables value;
in
settings:
let
  values = present settings;
  # Empty lists of sections are those that nobody has filled.
  plain = lib.filterAttrs (name: value: !isSection name value && value != [ ]) values;
  below = lib.concatLists (lib.mapAttrsToList sections (lib.filterAttrs isSection values));
in
lib.concatStringsSep "\n\n" (
  lib.optional (plain != { }) (lib.concatStringsSep "\n" (assignments plain)) ++ below
)
+ "\n"
