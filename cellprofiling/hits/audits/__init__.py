"""Audits of a screen: of its plates against their layout, and of its labels."""
