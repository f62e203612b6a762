"""Sanity checks of attribution methods: dependence of maps on what the model has learnt.

They run on any Captum method and any model: `randomisation` (Adebayo et al. 2018, "Sanity Checks
for Saliency Maps"), `class_sensitivity` and `image_recovery` (Nie et al. 2018), and `convergence`
(Sixt, Granz and Landgraf 2020, "When Explanations Lie"). `rectgrad check` runs all of them.
"""
