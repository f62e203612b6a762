"""Labelled images: CIFAR-10, labels, occlusion, augmentation and preprocessing."""
