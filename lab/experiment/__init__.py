"""Experiments: many trials of a scenario in interleaved blocks, kept raw so that every figure can be made again."""
