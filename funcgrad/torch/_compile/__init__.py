"""torch.compile: functions of Tensors as programs, with the tensors that they read and write outside."""
