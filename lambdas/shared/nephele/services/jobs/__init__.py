"""Jobs: work that is done in slices, by whichever worker is there, and survives each of them."""
