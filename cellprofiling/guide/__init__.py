"""What there is: the verbs by the question they answer, and the methods of each verb."""
