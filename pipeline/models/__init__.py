"""Networks: what a model says of itself, its weights, and the one Predictor of a worker.

torch is named here and in ``learn/`` alone, and imported when a network is needed: what is known of a model without
its weights (``descriptor``, ``topology``, ``library``, ``windows``) needs no torch.
"""
