"""Which profiles find each other: replicates, labels, mechanisms, relations."""
