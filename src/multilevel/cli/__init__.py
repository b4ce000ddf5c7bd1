"""The command `multilevel`: a door that reads options, calls the library and prints."""
