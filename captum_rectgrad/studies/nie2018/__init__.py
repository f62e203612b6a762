"""The experiments of Nie et al. 2018 and of its supplement.

"A Theoretical Explanation for Perplexing Behaviors of Backpropagation-based Visualizations".
"""
