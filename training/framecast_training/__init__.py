"""Training, export and evaluation of the networks that framecast ships."""
