"""Tests of the frame codecs, judged by decoders and encoders of other makers."""
