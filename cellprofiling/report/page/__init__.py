"""The page: figures, interactive views, and the numbers they carry."""
