"""Fast forms of what ``modules`` computes: functions of tensors, each tested against its twin."""
