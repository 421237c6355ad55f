"""Tables of other libraries: AnnData and MuData."""
