"""How one file is read, whatever its format: what it says, and its stored values.  Bytes are parsed in a child."""
