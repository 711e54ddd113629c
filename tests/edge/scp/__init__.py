"""The edge's services, asked by other programs."""
