"""Between client and model: entities come in, and rows of the model go on, with the features of an online store."""
