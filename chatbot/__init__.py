"""A chatbot around a trained dialogue model: a web page, a terminal client and their parts."""
