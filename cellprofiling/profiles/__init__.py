"""What happens to wells: annotated, normalized, selected, brought together."""
