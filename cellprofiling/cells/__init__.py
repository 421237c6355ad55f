"""What happens to cells: from one row per cell to one row per well."""
