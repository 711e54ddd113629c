"""ZIP archives and media: what they hold, how they are made, and where they are kept a while."""
