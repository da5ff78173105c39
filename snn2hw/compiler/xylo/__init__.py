"""The quantiser for Xylo: three shared shifts, decays that are powers of two, and thresholds calibrated together."""
