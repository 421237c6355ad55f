"""What a perturbation changes: features, groups of features, in numbers and in words."""
