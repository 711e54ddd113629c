"""Every transfer syntax to every other, judged by decoders of other makers."""
