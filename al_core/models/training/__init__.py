"""Training: fit, loss, optimizers, cross-validation, checkpoints and the tunings of weights."""
