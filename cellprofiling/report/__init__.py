"""One offline HTML page about a screen: collect a plain record, draw the figures, render."""
