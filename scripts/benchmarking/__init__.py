"""The benchmark against fairseq's ``lstm`` and the peers; ``program`` joins the parts.

Imports torch, fairseq and, where they are there, JoeyNMT, OpenNMT-py and Matplotlib.
"""
