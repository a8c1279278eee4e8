"""The nets: encoder, bridge, cells, attention, decoders. They know no config, task or registry."""
