"""Hyper-parameter search. The space is free of torch and Optuna, so that a wrong one is refused at once."""
