"""See optimizers at work: the surfaces they run on, the runs they leave behind, and the pictures of both."""
