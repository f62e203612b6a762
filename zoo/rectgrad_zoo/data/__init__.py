"""Labelled images: data sets, labels, occlusion, backdoors, augmentation and preprocessing."""
