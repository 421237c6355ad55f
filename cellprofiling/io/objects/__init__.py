"""What a table of cells is made of: objects, images, sites, plates, and the pieces it is read in."""
