"""What real TensorFlow and TF-Slim answered, and the questions."""
