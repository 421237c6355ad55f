"""How alike profiles are, and who is near whom.

association           How strongly two ways to group rows go together.
correlation_clusters  Features that go together, where no name says which do.
near_copies           Profiles that are nearly the same although they should not be.
nearest_labels        What the neighbors of a row are called, when not every row may be its neighbor.
neighbors             The nearest neighbors of each row, exactly: a block of distances at a time
                      from one matrix product.
partitions            Rows put into clusters, compared.
redundancy            Which features say again what another feature says.
similarity            How alike two profiles are.
"""
